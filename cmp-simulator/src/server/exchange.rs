//! One exchange: a request, its response or fault, and what the connection does with it.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{self, HeaderName};

use crate::api::{self, Route};
use crate::control;
use crate::faults::{Action, Answer, AnswerBody, Close, DebugData, Fault};
use crate::http::{HTML, Reply, Request};
use crate::instance::Instance;
use crate::masked;
use crate::operation::Operation;
use crate::received::ReceivedRequest;

/// The longest request head, enough for any client of this API. A longer one is answered with 431.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The longest request body, far above what the request schemas allow. A longer one is answered with
/// 413.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// Neither JSON nor UTF-8.
const GARBAGE: &[u8] = b"\x00\xff\xfe{\"data\":\x80]\xc3\x28\x01\x02";

/// The longest debug data, which fits into a frame of the size that every client takes, with 8
/// octets before it.
const MAX_DEBUG_DATA: usize = 16 * 1024 - 8;

/// What a connection does after a request.
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "HTTP/1.1 has no frames"))]
pub(super) enum Outcome {
    Answer {
        reply: Reply,
        /// White space after the body
        blanks: u64,
        manner: Manner,
    },
    /// Ends without a response.
    Close(Close),
    /// Says that the request was not processed. A protocol without a word for it ends the
    /// connection.
    Refuse,
    /// Says so, and ends the connection.
    GoAway { code: u32, debug: Vec<u8> },
}

impl Outcome {
    pub(super) fn whole(reply: Reply) -> Self {
        Self::Answer { reply, blanks: 0, manner: Manner::Whole }
    }
}

/// How a response is sent.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "HTTP/1.1 has no pings"))]
pub(super) enum Manner {
    Whole,
    CutHead { bytes: usize, close: Close },
    CutBody { bytes: usize, close: Close },
    Drip { bytes: usize, every: Duration },
    Stale { close: Close },
    ResetBody { bytes: usize },
    StallBody { bytes: usize },
    HangConnection { answers_pings: bool },
}

impl Manner {
    /// Returns `true` if the client gets the whole response.
    fn is_complete(self) -> bool {
        match self {
            Self::Whole | Self::Drip { .. } | Self::Stale { .. } | Self::HangConnection { .. } => true,
            Self::CutHead { .. } | Self::CutBody { .. } | Self::ResetBody { .. } | Self::StallBody { .. } => {
                false
            }
        }
    }
}

pub(super) async fn exchange(request: Request, instance: Arc<Instance>) -> Outcome {
    if let Some(reply) = control::answer(&instance, &request) {
        return Outcome::whole(reply);
    }
    let operation = operation(&request);
    let exchange = Exchange::begin(request, operation, instance);
    match operation.and_then(|operation| exchange.instance.faults().meet(operation)) {
        Some(fault) => exchange.spoil(&fault).await,
        None => exchange.finish(exchange.answer()),
    }
}

/// Records a request on a connection that no longer answers. Nothing happens.
#[cfg(feature = "tls")]
pub(super) fn ignore(request: Request, instance: Arc<Instance>) {
    let operation = operation(&request);
    let exchange = Exchange::begin(request, operation, instance);
    exchange.instance.log().change(exchange.number, |request| request.fault = Some("hang_connection"));
}

fn operation(request: &Request) -> Option<Operation> {
    match api::route(&request.method, &request.path) {
        Route::Operation { operation, .. } => Some(operation),
        Route::OtherMethod { .. } | Route::Unknown => None,
    }
}

struct Exchange {
    instance: Arc<Instance>,
    request: Request,
    operation: Option<Operation>,
    trace_id: String,
    number: u64,
}

impl Exchange {
    fn begin(request: Request, operation: Option<Operation>, instance: Arc<Instance>) -> Self {
        let trace_id = instance.state().ids.trace();
        let received = ReceivedRequest::new(&request, operation, &trace_id);
        let number = instance.log().add(received, operation);
        Self { instance, request, operation, trace_id, number }
    }

    fn answer(&self) -> Reply {
        let reply =
            api::answer(&mut self.instance.state(), &self.request, &self.instance.url, &self.trace_id);
        let carried_out = reply.status.is_success();
        self.instance.log().change(self.number, |request| request.carried_out = carried_out);
        self.instance.wake_webhooks();
        reply
    }

    fn finish(&self, reply: Reply) -> Outcome {
        self.log_answer(&reply);
        Outcome::whole(reply)
    }

    fn log_answer(&self, reply: &Reply) {
        let status = reply.status.as_u16();
        self.instance.log().change(self.number, |request| request.status = Some(status));
        tracing::info!(
            http.request.method = masked::text(self.request.method.as_str()),
            url.template = self.operation.map(Operation::path_template),
            http.response.status_code = status,
            operation = self.operation.map(Operation::name),
            trace_id = self.trace_id,
            "answered"
        );
    }

    async fn spoil(&self, fault: &Fault) -> Outcome {
        let name = fault.action().name();
        self.instance.log().change(self.number, |request| request.fault = Some(name));
        tracing::info!(fault = name, trace_id = self.trace_id, "met a fault");
        if !fault.delay_time().is_zero() {
            tokio::time::sleep(fault.delay_time()).await;
        }
        if fault.hides_an_effect() {
            drop(self.answer());
        }
        match fault.action() {
            Action::Answer(answer) => self.finish(self.scripted(answer)),
            Action::Redirect { status, location } => self.finish(redirect(*status, location)),
            Action::Drop { close } => Outcome::Close(*close),
            Action::RefuseStream {} => Outcome::Refuse,
            Action::GoAway { code, debug } => Outcome::GoAway { code: *code, debug: self.debug_data(debug) },
            Action::Hang {} => future::pending().await,
            Action::StallBody { bytes } => {
                let reply = self.answer();
                if reply.body.is_empty() {
                    return future::pending().await;
                }
                Outcome::Answer { reply, blanks: 0, manner: Manner::StallBody { bytes: *bytes } }
            }
            action => self.spoil_answer(action, self.answer()),
        }
    }

    fn scripted(&self, answer: &Answer) -> Reply {
        scripted(answer, self.operation, &self.instance.state().ids.fingerprint(), &self.trace_id)
    }

    fn debug_data(&self, debug: &DebugData) -> Vec<u8> {
        let mut octets = match debug {
            DebugData::None => Vec::new(),
            DebugData::Text(text) => text.clone().into_bytes(),
            DebugData::Request => self.request.to_octets(),
        };
        octets.truncate(MAX_DEBUG_DATA);
        octets
    }

    /// Sends the proper response in a bad way.
    fn spoil_answer(&self, action: &Action, mut reply: Reply) -> Outcome {
        let mut blanks = 0;
        let mut manner = Manner::Whole;
        match action {
            Action::CutHead { bytes, close } => manner = Manner::CutHead { bytes: *bytes, close: *close },
            Action::CutBody { bytes, close } => manner = Manner::CutBody { bytes: *bytes, close: *close },
            Action::Truncate {} => reply.body.truncate(reply.body.len() / 2),
            Action::Garbage {} => reply.body = GARBAGE.into(),
            Action::ContentType { media_type } => reply = reply.with_content_type(media_type),
            Action::Drip { bytes, every_ms } => {
                manner = Manner::Drip { bytes: *bytes, every: Duration::from_millis(*every_ms) };
            }
            Action::LargeBody { bytes } => blanks = *bytes,
            Action::Stale { close } => manner = Manner::Stale { close: *close },
            Action::ResetBody { bytes } => manner = Manner::ResetBody { bytes: *bytes },
            Action::HangConnection { answers_pings } => {
                manner = Manner::HangConnection { answers_pings: *answers_pings };
            }
            Action::Answer(_)
            | Action::Redirect { .. }
            | Action::Drop { .. }
            | Action::RefuseStream {}
            | Action::GoAway { .. }
            | Action::StallBody { .. }
            | Action::Hang {}
            | Action::Proceed {} => {}
        }
        if manner.is_complete() {
            self.log_answer(&reply);
        }
        Outcome::Answer { reply, blanks, manner }
    }
}

fn scripted(answer: &Answer, operation: Option<Operation>, fingerprint: &str, trace_id: &str) -> Reply {
    let status = checked_status(answer.status);
    let is_v1 = operation.is_some_and(Operation::is_v1);
    let mut reply = match &answer.body {
        AnswerBody::Error if status.as_u16() < 400 => Reply::empty(status),
        AnswerBody::Error if is_v1 => api::v1_error_reply(status, api::code_of(status)),
        AnswerBody::Error => api::error_reply(status, fingerprint, trace_id),
        AnswerBody::Forbidden => api::forbidden_reply(status),
        AnswerBody::Html => Reply::text(status, HTML, api::html_page(status)),
        AnswerBody::Empty => Reply::empty(status),
        AnswerBody::Json(body) if is_v1 => Reply::json(status, body),
        AnswerBody::Json(body) => Reply::json_api(status, body),
        AnswerBody::Raw(body) => Reply::text(status, "text/plain; charset=utf-8", body.clone()),
    };
    if let Some(media_type) = &answer.content_type {
        reply = reply.with_content_type(media_type);
    }
    if let Some(retry_after) = &answer.retry_after {
        reply = reply.with_header(header::RETRY_AFTER, &retry_after.to_string());
    }
    for (name, value) in &answer.headers {
        if let Ok(name) = name.parse::<HeaderName>() {
            reply = reply.with_header(name, value);
        }
    }
    reply
}

fn redirect(code: u16, location: &str) -> Reply {
    Reply::empty(checked_status(code)).with_header(header::LOCATION, location)
}

/// Converts a status that was checked when the fault was made.
fn checked_status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
