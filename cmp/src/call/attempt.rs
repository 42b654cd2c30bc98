use std::{borrow::Cow, future::Future, pin::pin, sync::Arc, time::Instant};

use cmp_generated::{
    ByteStream, Error as Raw, ResponseValue,
    hooks::{Context, MediaType},
    lenient::{self, Unreadable},
    scalar::Text,
    types,
};
use reqwest::{StatusCode, header::HeaderMap};
use serde::de::{DeserializeOwned, IgnoredAny};
use tracing::{Instrument, Span, field};

use super::shared::{AnswerHead, Core, Failure, OnAnswer};
use crate::{
    auth::Token,
    error::{Delivery, Document, Error, ErrorKind, is_transient_status},
    http::{self, Cause, Exchange},
    metrics::{Ending, Work},
    operation::Operation,
    retry::retry_after,
    value::TraceId,
};

/// More of an error answer is not read.
const LARGEST_ERROR: usize = 1024 * 1024;

const NOT_IN_THE_CONTRACT: &str = "the service's answer is not one that the contract has";

/// What a generated operation returns.
pub(crate) type Sent<B> = Result<ResponseValue<B>, Raw<ByteStream>>;

/// Puts another body into a response. Its headers go: nothing here reads them.
pub(crate) fn with_body<A, B>(answer: ResponseValue<A>, body: impl FnOnce(A) -> B) -> ResponseValue<B> {
    let status = answer.status();
    ResponseValue::new(body(answer.into_inner()), status, HeaderMap::new())
}

/// The body of a successful response.
pub(crate) trait Body: DeserializeOwned {
    /// The id that VGS support asks for.
    fn trace_id(&self) -> Option<&Text> {
        None
    }

    /// The body of an operation whose response has none.
    fn nothing() -> Option<Self> {
        None
    }
}

impl Body for () {
    fn nothing() -> Option<Self> {
        Some(())
    }
}

macro_rules! bodies {
    ($($response:ident: $kind:ident,)*) => {
        $(impl Body for types::$response {
            bodies!($kind);
        })*
    };
    (untraced) => {};
    (traced) => {
        fn trace_id(&self) -> Option<&Text> {
            self.metadata.as_ref()?.observability.as_ref()?.trace_id.as_ref()
        }
    };
}

cmp_generated::with_responses!(bodies);

/// A successful response.
pub(super) struct Answer<B> {
    pub(super) status: u16,
    pub(super) body: B,
    /// As it came: [`TraceId::of`] checks it where it is shown.
    pub(super) trace_id: Option<Text>,
}

impl<B: Body> Answer<B> {
    fn new(status: StatusCode, body: B) -> Self {
        let trace_id = body.trace_id().cloned();
        Self { status: status.as_u16(), body, trace_id }
    }
}

/// One attempt to send a request.
pub(super) struct Attempt<'a> {
    pub(super) core: &'a Core,
    pub(super) operation: Operation,
    pub(super) number: u32,
    pub(super) limit: Instant,
}

impl Attempt<'_> {
    pub(super) async fn send<B, F, Fut>(&self, token: &Token, send: &F) -> Result<Answer<B>, Failure>
    where
        B: Body,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<B>>,
    {
        // Timers are late by up to a millisecond, and once the time has passed, nothing may be sent.
        if self.core.clock.now() >= self.limit {
            return Err(out_of_time(None));
        }
        let span = self.span();
        let timed = self.core.metrics.start(Work::Attempt(self.operation));
        let exchange = self.core.http.exchange(self.core.largest_answer);
        let exchange = if self.core.drift.is_some() { exchange.keeping_body() } else { exchange };
        let exchange = if self.core.on_answer.is_some() { exchange.keeping_headers() } else { exchange };
        let exchange = Arc::new(exchange);
        let context = Context::over(self.core.media_type, Arc::<Exchange>::clone(&exchange))
            .headers(Arc::clone(&self.core.headers))
            .base_url(Arc::clone(&self.core.server.base_url))
            .authorization(token.authorization.clone());
        let builder = self.core.request_builder.clone();
        let base_url = self.core.server.base_url.as_str().trim_end_matches('/');
        let client = cmp_generated::Client::new_with_client(base_url, builder, context);
        let result = {
            // Pinned where it is made, because it is large and would be moved twice.
            let answered = pin!(async {
                match send(client).await {
                    Ok(answer) => {
                        exchange.settle();
                        Ok(Answer::new(answer.status(), answer.into_inner()))
                    }
                    Err(raw) => self.read_failure(raw, &exchange).await,
                }
            });
            // The limit goes first: once it has passed, nothing may be sent any more.
            tokio::select! {
                biased;
                () = self.core.clock.alarm(self.limit) => Err(out_of_time(Some(&exchange))),
                result = answered.instrument(span.clone()) => result,
            }
        };
        timed.end(|| Ending {
            status: exchange.status().map(|status| status.as_u16()),
            protocol_version: exchange.version(),
            ..Ending::of(result.as_ref().err().map(|failure| &failure.error))
        });
        self.record(&span, &exchange, &result);
        self.show_answer(&exchange);
        if let Some(drift) = &self.core.drift
            && let Some(status) = exchange.status()
        {
            let unreadable =
                if status.is_success() { unreadable_in::<B> } else { unreadable_in::<types::ErrorDocument> };
            drift.look_at(self.operation, status.as_u16(), &exchange.body(), unreadable, &self.core.metrics);
        }
        result
    }

    /// Names are OpenTelemetry's, for HTTP clients; the crate's documentation lists them.
    fn span(&self) -> Span {
        tracing::info_span!(
            "cmp.request",
            otel.kind = "client",
            cmp.operation = self.operation.name(),
            http.request.method = self.operation.method(),
            http.request.resend_count = self.number - 1,
            url.template = self.operation.path(),
            server.address = self.core.server.address,
            server.port = self.core.server.port,
            network.protocol.version = field::Empty,
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            cmp.trace_id = field::Empty,
        )
    }

    fn show_answer(&self, exchange: &Exchange) {
        if let Some(OnAnswer(hook)) = &self.core.on_answer
            && let (Some(status), Some(headers)) = (exchange.status(), exchange.headers())
        {
            let (operation, attempt) = (self.operation, self.number);
            hook(&AnswerHead { operation, attempt, status: status.as_u16(), headers });
        }
    }

    fn record<B>(&self, span: &Span, exchange: &Exchange, result: &Result<Answer<B>, Failure>) {
        if span.is_disabled() {
            return;
        }
        if let Some(version) = exchange.version() {
            span.record("network.protocol.version", version);
        }
        if let Some(status) = exchange.status() {
            span.record("http.response.status_code", status.as_u16());
        }
        let trace_id = match result {
            Ok(answer) => TraceId::of(answer.trace_id.as_ref()).map(|id| id.to_string()),
            Err(failure) => {
                span.record("error.type", &*failure.error.telemetry_type());
                failure.error.trace_id().map(str::to_owned)
            }
        };
        if let Some(trace_id) = trace_id {
            span.record("cmp.trace_id", trace_id.as_str());
        }
    }

    async fn read_failure<B: Body>(
        &self,
        raw: Raw<ByteStream>,
        exchange: &Exchange,
    ) -> Result<Answer<B>, Failure> {
        let raw = match raw {
            Raw::ResponseBodyError(error) => return Err(self.cut_off(Cause::of(&error), exchange)),
            Raw::CommunicationError(error) => return Err(self.unreachable(Cause::of(&error), exchange)),
            raw => raw,
        };
        let read = match raw {
            Raw::ErrorResponse(answer) => {
                let status = answer.status();
                let after = retry_after(answer.headers(), self.core.clock.utc());
                let body = http::read_body(answer.into_inner().into_inner(), LARGEST_ERROR).await;
                Err(self.refused(status, &body.unwrap_or_default(), exchange.content_coding(), after))
            }
            Raw::UnexpectedResponse(answer)
                if answer.status().is_success() && self.core.media_type == MediaType::JsonApi =>
            {
                self.other_success(answer, exchange).await
            }
            Raw::UnexpectedResponse(answer) => {
                let redirected = answer.status().is_redirection();
                let message = if redirected { "the service redirected" } else { NOT_IN_THE_CONTRACT };
                Err(self.unusable(ErrorKind::UnexpectedAnswer, message, Some(answer.status())))
            }
            Raw::InvalidResponsePayload(body, _) => {
                self.read_again(&body, exchange.content_coding(), exchange.status())
            }
            // The remaining variants come from hooks, before anything is sent, and from a closure of `Raw::call`, at any time.
            _ if exchange.is_sent() => {
                let message = "the call's own closure failed after a request was sent";
                Err(self.unusable(ErrorKind::UnexpectedAnswer, message, exchange.status()))
            }
            _ => Err(not_built()),
        };
        exchange.settle();
        read
    }

    /// Reads a successful answer that the first pass could not read: see [`lenient`].
    fn read_again<B: Body>(
        &self,
        body: &[u8],
        coding: Option<&str>,
        status: Option<StatusCode>,
    ) -> Result<Answer<B>, Failure> {
        let unreadable = match (lenient::decode_repaired(body), status) {
            (Ok(body), Some(status)) => return Ok(Answer::new(status, body)),
            (Ok(_), None) => Unreadable::NotADocument,
            (Err(unreadable), _) => unreadable,
        };
        if unreadable == Unreadable::Errors {
            return Err(errors(status, body));
        }
        let message: Cow<'static, str> = match (coding, unreadable) {
            (Some(coding), _) => {
                format!("the answer has the content coding {coding}, which the client did not ask for").into()
            }
            (None, Unreadable::NotJson { line, column }) => {
                format!("the answer is not JSON (line {line}, column {column})").into()
            }
            (None, _) => "the answer is not a JSON object".into(),
        };
        Err(self.unusable(ErrorKind::Decode, message, status))
    }

    /// Reads an answer whose status says success, though not as the contract has it. It counts if it is the document that
    /// the contract has: a card that was stored has an id, whatever the status. An operation whose response has no body,
    /// a deletion, succeeds with 200 as with 204 if the body is empty or JSON. A page may be that of a gateway, and leaves the
    /// outcome open. So does every other status, such as 202.
    async fn other_success<B: Body>(
        &self,
        answer: reqwest::Response,
        exchange: &Exchange,
    ) -> Result<Answer<B>, Failure> {
        let status = answer.status();
        let body = match http::read_body(answer.bytes_stream(), self.core.largest_answer).await {
            Ok(body) => body,
            Err(http::BodyError::Broken(cause)) => return Err(self.cut_off(cause, exchange)),
            Err(http::BodyError::TooLarge) => return Err(self.cut_off(Cause::BodyTooLarge, exchange)),
        };
        let read = match B::nothing() {
            Some(_) if has_errors(&body) => Err(Unreadable::Errors),
            Some(nothing) if status == StatusCode::OK && is_empty_or_json(&body) => Ok(nothing),
            Some(_) => Err(Unreadable::NotADocument),
            None => lenient::decode(&body),
        };
        match read {
            Ok(body) => Ok(Answer::new(status, body)),
            Err(Unreadable::Errors) => Err(errors(status, &body)),
            Err(_) => Err(self.unusable(ErrorKind::UnexpectedAnswer, NOT_IN_THE_CONTRACT, Some(status))),
        }
    }

    fn refused(
        &self,
        status: StatusCode,
        body: &[u8],
        coding: Option<&str>,
        after: Option<std::time::Duration>,
    ) -> Failure {
        let delivery = Delivery::of_response(status.as_u16(), self.operation);
        let document = Document::read(body);
        // The status follows.
        let message = match coding.filter(|_| document.is_empty()) {
            Some(coding) => Cow::Owned(format!(
                "the service answered in the content coding {coding}, which the client did not ask for, with"
            )),
            None => Cow::Borrowed("the service answered"),
        };
        let error = Error::new(ErrorKind::Service, delivery, message)
            .with_status(status.as_u16())
            .with_retry_after(after)
            .with_document(document);
        Failure { error, transient: is_transient_status(status.as_u16()) }
    }

    /// An answer that came, and is of no use.
    fn unusable(
        &self,
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        status: Option<StatusCode>,
    ) -> Failure {
        let delivery = status.map_or(Delivery::OutcomeUnknown, |status| {
            Delivery::of_response(status.as_u16(), self.operation)
        });
        Failure {
            error: Error::new(kind, delivery, message).with_status(status.map(u16::from)),
            transient: false,
        }
    }

    fn cut_off(&self, cause: Cause, exchange: &Exchange) -> Failure {
        let status = exchange.status();
        if cause == Cause::BodyTooLarge {
            exchange.settle();
            return self.unusable(ErrorKind::UnexpectedAnswer, "the service's answer is too large", status);
        }
        let message = format!("the connection broke during the answer ({cause})");
        let error = Error::new(ErrorKind::Connection, Delivery::OutcomeUnknown, message)
            .with_status(status.map(u16::from));
        Failure { error, transient: true }
    }

    fn unreachable(&self, cause: Cause, exchange: &Exchange) -> Failure {
        let Some(sent) = exchange.is_tried() else { return not_built() };
        let (delivery, what) = if sent && cause.says_not_processed() {
            (Delivery::Answered, "the service did not process the request")
        } else if sent && cause != Cause::ClosedBeforeUse {
            (Delivery::OutcomeUnknown, "the connection broke before the answer")
        } else {
            (Delivery::NotSent, "no connection to the service")
        };
        let kind = if cause == Cause::ConnectTimeout { ErrorKind::Timeout } else { ErrorKind::Connection };
        let error = Error::new(kind, delivery, format!("{what} ({cause})"));
        Failure { error, transient: cause.is_transient() }
    }
}

fn has_errors(body: &[u8]) -> bool {
    let document = || lenient::decode::<types::CardResourceResponse>(body);
    !Document::read(body).details.is_empty() || matches!(document(), Err(Unreadable::Errors))
}

/// Without what else is mended in documents: a byte order mark, and NULs at the end.
fn is_empty_or_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let last = body.iter().rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace());
    last.is_none_or(|last| serde_json::from_slice::<IgnoredAny>(&body[..=last]).is_ok())
}

/// A success in name only: the service says what went wrong, so nothing is left open.
fn errors(status: impl Into<Option<StatusCode>>, body: &[u8]) -> Failure {
    let error = Error::new(ErrorKind::Service, Delivery::Answered, "the service answered")
        .with_status(status.into().map(u16::from))
        .with_document(Document::read(body));
    Failure { error, transient: false }
}

fn out_of_time(exchange: Option<&Exchange>) -> Failure {
    let sent = exchange.is_some_and(Exchange::is_sent);
    let delivery = if sent { Delivery::OutcomeUnknown } else { Delivery::NotSent };
    let error = Error::new(ErrorKind::Timeout, delivery, "no answer in time");
    Failure { error, transient: true }
}

fn not_built() -> Failure {
    let error = Error::new(ErrorKind::InvalidInput, Delivery::NotSent, "the request could not be built");
    Failure { error, transient: false }
}

/// The paths of the members that a document has, but that can't be read.
fn unreadable_in<T: DeserializeOwned>(body: &[u8]) -> Vec<String> {
    lenient::noting(|| drop(lenient::decode::<T>(body))).1
}
