//! One request, from the whole of it to what the connection makes of its answer.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{self, Route};
use crate::control;
use crate::faults::{Action, Close, DebugData, Fault};
use crate::http::{Reply, Request};
use crate::masked;
use crate::operation::Operation;
use crate::received::ReceivedRequest;
use crate::scripted;
use crate::shared::Shared;

/// What fits into a frame of the size that every client takes, beside 8 octets before it.
const MAX_DEBUG_DATA: usize = 16 * 1024 - 8;

/// What a connection does with a request.
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "HTTP/1.1 has no frames"))]
pub(super) enum Outcome {
    Answer {
        reply: Reply,
        /// White space behind the body
        blanks: u64,
        manner: Manner,
    },
    /// Ends without an answer.
    Close(Close),
    /// Says that the request was not processed, if the protocol has words for it; else, ends without an answer.
    Refuse,
    /// Says so, and ends.
    GoAway { code: u32, debug: Vec<u8> },
}

impl Outcome {
    pub(super) fn whole(reply: Reply) -> Self {
        Self::Answer { reply, blanks: 0, manner: Manner::Whole }
    }
}

/// How an answer is sent.
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
    /// Whether the client gets the whole answer.
    fn is_whole_in_the_end(self) -> bool {
        match self {
            Self::Whole | Self::Drip { .. } | Self::Stale { .. } | Self::HangConnection { .. } => true,
            Self::CutHead { .. } | Self::CutBody { .. } | Self::ResetBody { .. } | Self::StallBody { .. } => {
                false
            }
        }
    }
}

pub(super) async fn exchange(request: Request, shared: Arc<Shared>) -> Outcome {
    if let Some(reply) = control::answer(&shared, &request) {
        return Outcome::whole(reply);
    }
    let operation = operation(&request);
    let exchange = Exchange::begin(request, operation, shared);
    match operation.and_then(|operation| exchange.shared.faults().meet(operation)) {
        Some(fault) => exchange.spoil(&fault).await,
        None => exchange.finish(exchange.answer()),
    }
}

/// A request on a connection that answers no more: it is received, and nothing happens.
#[cfg(feature = "tls")]
pub(super) fn ignore(request: Request, shared: Arc<Shared>) {
    let operation = operation(&request);
    let exchange = Exchange::begin(request, operation, shared);
    exchange.shared.log().change(exchange.number, |request| request.fault = Some("hang_connection"));
}

fn operation(request: &Request) -> Option<Operation> {
    match api::route(&request.method, &request.path) {
        Route::Operation { operation, .. } => Some(operation),
        Route::OtherMethod { .. } | Route::Unknown => None,
    }
}

struct Exchange {
    shared: Arc<Shared>,
    request: Request,
    operation: Option<Operation>,
    trace_id: String,
    number: u64,
}

impl Exchange {
    fn begin(request: Request, operation: Option<Operation>, shared: Arc<Shared>) -> Self {
        let trace_id = shared.state().ids.trace();
        let received = ReceivedRequest::new(&request, operation, &trace_id);
        let number = shared.log().add(received, operation);
        Self { shared, request, operation, trace_id, number }
    }

    fn answer(&self) -> Reply {
        let reply = api::answer(&mut self.shared.state(), &self.request, &self.shared.url, &self.trace_id);
        let carried_out = reply.status.is_success();
        self.shared.log().change(self.number, |request| request.carried_out = carried_out);
        self.shared.something_happened();
        reply
    }

    fn finish(&self, reply: Reply) -> Outcome {
        self.log_answer(&reply);
        Outcome::whole(reply)
    }

    fn log_answer(&self, reply: &Reply) {
        let status = reply.status.as_u16();
        self.shared.log().change(self.number, |request| request.status = Some(status));
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
        self.shared.log().change(self.number, |request| request.fault = Some(name));
        tracing::info!(fault = name, trace_id = self.trace_id, "met a fault");
        if !fault.delay_time().is_zero() {
            tokio::time::sleep(fault.delay_time()).await;
        }
        if fault.hides_an_effect() {
            drop(self.answer());
        }
        match fault.action() {
            Action::Answer(answer) => self.finish(self.scripted(answer)),
            Action::Redirect { status, location } => self.finish(scripted::redirect(*status, location)),
            Action::Drop { close } => Outcome::Close(*close),
            Action::RefuseStream {} => Outcome::Refuse,
            Action::GoAway { code, debug } => Outcome::GoAway { code: *code, debug: self.debug_data(debug) },
            Action::Hang {} => std::future::pending().await,
            Action::StallBody { bytes } => {
                let reply = self.answer();
                if reply.body.is_empty() {
                    return std::future::pending().await;
                }
                Outcome::Answer { reply, blanks: 0, manner: Manner::StallBody { bytes: *bytes } }
            }
            action => self.spoil_answer(action, self.answer()),
        }
    }

    fn scripted(&self, answer: &crate::faults::Answer) -> Reply {
        scripted::reply(answer, self.operation, &self.shared.state().ids.fingerprint(), &self.trace_id)
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

    /// Faults that send the proper answer in a bad way.
    fn spoil_answer(&self, action: &Action, mut reply: Reply) -> Outcome {
        let mut blanks = 0;
        let mut manner = Manner::Whole;
        match action {
            Action::CutHead { bytes, close } => manner = Manner::CutHead { bytes: *bytes, close: *close },
            Action::CutBody { bytes, close } => manner = Manner::CutBody { bytes: *bytes, close: *close },
            Action::Truncate {} => reply.body.truncate(reply.body.len() / 2),
            Action::Garbage {} => reply.body = scripted::GARBAGE.into(),
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
        if manner.is_whole_in_the_end() {
            self.log_answer(&reply);
        }
        Outcome::Answer { reply, blanks, manner }
    }
}
