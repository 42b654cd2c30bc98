use std::{borrow::Cow, future::Future, time::Instant};

use cmp_generated::{
    Error as Raw,
    hooks::{self as wire, Observation},
};
use reqwest::{StatusCode, header::LOCATION};
use serde::de::DeserializeOwned;
use tracing::{Instrument, Span, field};
use zeroize::Zeroizing;

use super::{Answer, Core, Sent, TraceOf, run::Failure};
use crate::{
    auth::Token,
    error::{Delivery, Error, ErrorKind, document::Document, is_trace_id},
    http,
    operation::Operation,
    retry::retry_after,
    scrub::scrub_path,
};

/// More of an error answer is not read.
const LARGEST_ERROR: usize = 64 * 1024;

/// One request and its answer.
pub(super) struct Attempt<'a, T> {
    pub(super) core: &'a Core,
    pub(super) operation: Operation,
    pub(super) trace_of: TraceOf<T>,
    pub(super) number: u32,
    pub(super) limit: Instant,
}

impl<T: DeserializeOwned> Attempt<'_, T> {
    pub(super) async fn send<F, Fut>(&self, token: &Token, send: &F) -> Result<Answer<T>, Failure>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        let span = self.span();
        let wire = wire::Attempt::new(self.core.media_type, self.core.largest_answer)
            .with_headers(&self.core.headers)
            .with_bearer(token.value.expose())
            .map_err(|_| not_built())?;
        let wire = if self.core.drift.is_some() { wire.keeping_body() } else { wire };
        let seen = wire.observation();
        let client =
            cmp_generated::Client::new_with_client(&self.core.base_url, self.core.http.clone(), wire);
        let answered = async {
            match send(client).await {
                Ok(answer) => {
                    Ok(Answer::Decoded { status: answer.status().as_u16(), body: answer.into_inner() })
                }
                Err(raw) => self.read_failure(raw, &seen).await,
            }
        };
        // The limit goes first: once it has passed, nothing may be sent any more.
        let result = tokio::select! {
            biased;
            () = self.core.clock.alarm(self.limit) => Err(self.out_of_time(seen.started())),
            result = answered.instrument(span.clone()) => result,
        };
        self.record(&span, &result);
        if let (Some(drift), Some(status)) = (&self.core.drift, seen.status()) {
            drift.look_at(self.operation, status.as_u16(), &seen.body());
        }
        result
    }

    /// Names are OpenTelemetry's, for HTTP clients.
    fn span(&self) -> Span {
        tracing::info_span!(
            "cmp.request",
            otel.kind = "client",
            cmp.operation = self.operation.name(),
            http.request.method = self.operation.method(),
            http.request.resend_count = self.number - 1,
            url.template = self.operation.path(),
            http.response.status_code = field::Empty,
            error.kind = field::Empty,
            cmp.trace_id = field::Empty,
        )
    }

    fn record(&self, span: &Span, result: &Result<Answer<T>, Failure>) {
        let (status, trace_id) = match result {
            Ok(Answer::Decoded { status, body }) => {
                (Some(*status), (self.trace_of)(body).filter(|id| is_trace_id(id)))
            }
            Ok(Answer::SeeOther { .. }) => (Some(StatusCode::SEE_OTHER.as_u16()), None),
            Err(failure) => {
                span.record("error.kind", field::debug(failure.error.kind()));
                (failure.error.status(), failure.error.trace_id())
            }
        };
        if let Some(status) = status {
            span.record("http.response.status_code", status);
        }
        if let Some(trace_id) = trace_id {
            span.record("cmp.trace_id", trace_id);
        }
    }

    async fn read_failure(
        &self,
        raw: Raw<cmp_generated::ByteStream>,
        seen: &Observation,
    ) -> Result<Answer<T>, Failure> {
        let headers = seen.headers();
        let after = retry_after(&headers, self.core.clock.utc());
        match raw {
            Raw::ErrorResponse(answer) => {
                let status = answer.status();
                let body = http::read_body(answer.into_inner().into_inner(), LARGEST_ERROR).await;
                Err(self.refused(status, &body.unwrap_or_default(), after))
            }
            Raw::UnexpectedResponse(answer) if answer.status() == StatusCode::SEE_OTHER => {
                self.see_other(answer).await
            }
            Raw::UnexpectedResponse(answer) => {
                let message = "the service's answer is not one that the contract has";
                Err(self.unusable(ErrorKind::UnexpectedAnswer, message, Some(answer.status())))
            }
            Raw::InvalidResponsePayload(body, _) => {
                Err(self.unusable(ErrorKind::Decode, undecodable::<T>(&body), seen.status()))
            }
            Raw::ResponseBodyError(cause) => Err(self.cut_off(&cause, seen)),
            Raw::CommunicationError(cause) => Err(self.unreachable(&cause, seen.started())),
            // The remaining variants come from hooks and upgrades, before anything is sent.
            Raw::InvalidRequest(_) | Raw::Custom(_) | Raw::InvalidUpgrade(_) => Err(not_built()),
        }
    }

    async fn see_other(&self, answer: reqwest::Response) -> Result<Answer<T>, Failure> {
        if self.operation != Operation::CreateCard {
            let message = "the service redirected";
            return Err(self.unusable(ErrorKind::UnexpectedAnswer, message, Some(answer.status())));
        }
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match http::read_body(answer.bytes_stream(), self.core.largest_answer).await {
            Ok(body) => Ok(Answer::SeeOther { body, location }),
            Err(_) => Ok(Answer::SeeOther { body: Zeroizing::default(), location }),
        }
    }

    fn refused(&self, status: StatusCode, body: &[u8], after: Option<std::time::Duration>) -> Failure {
        let delivery = Delivery::of_response(status.as_u16(), self.operation);
        let error = Error::new(ErrorKind::Service, delivery, "the service answered")
            .with_status(status.as_u16())
            .with_retry_after(after)
            .with_document(Document::read(body));
        Failure { error, transient: matches!(status.as_u16(), 429 | 502 | 503 | 504) }
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

    fn cut_off(&self, cause: &reqwest::Error, seen: &Observation) -> Failure {
        let status = seen.status();
        if seen.body_too_large() {
            return self.unusable(ErrorKind::UnexpectedAnswer, "the service's answer is too large", status);
        }
        let message = format!("the connection broke during the answer ({})", http::cause(cause));
        let error = Error::new(ErrorKind::Connection, Delivery::OutcomeUnknown, message)
            .with_status(status.map(u16::from));
        Failure { error, transient: true }
    }

    fn unreachable(&self, cause: &reqwest::Error, started: bool) -> Failure {
        if cause.is_builder() {
            return not_built();
        }
        let (delivery, what) = if cause.is_connect() || !started {
            (Delivery::NotSent, "no connection to the service")
        } else {
            (Delivery::OutcomeUnknown, "the connection broke before the answer")
        };
        let kind = if cause.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Connection };
        let error = Error::new(kind, delivery, format!("{what} ({})", http::cause(cause)));
        Failure { error, transient: true }
    }

    fn out_of_time(&self, started: bool) -> Failure {
        let delivery = if started { Delivery::OutcomeUnknown } else { Delivery::NotSent };
        let error = Error::new(ErrorKind::Timeout, delivery, "no answer in time");
        Failure { error, transient: true }
    }
}

fn not_built() -> Failure {
    let error = Error::new(ErrorKind::InvalidInput, Delivery::NotSent, "the request could not be built");
    Failure { error, transient: false }
}

/// Where decoding stopped: the path, never the value, which may be a PAN.
fn undecodable<T: DeserializeOwned>(body: &[u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => {
            let (line, column) = (error.inner().line(), error.inner().column());
            let path = scrub_path(&error.path().to_string());
            format!("the answer can't be read at `{path}` (line {line}, column {column})")
        }
        Ok(_) => "the answer has something after its end".to_owned(),
    }
}
