//! One request, from its head to its answer.

use std::io;
use std::sync::Arc;

use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::body::ReplyBody;
use super::wire::{Plan, Switch};
use crate::api::{self, Route};
use crate::control;
use crate::faults::{Action, Close, Fault};
use crate::http::{Reply, Request};
use crate::operation::Operation;
use crate::received::ReceivedRequest;
use crate::scripted;
use crate::shared::Shared;

/// Far above anything that the request schemas allow.
const MAX_BODY: usize = 1024 * 1024;

type Response = http::Response<ReplyBody>;

/// An error ends the connection without an answer.
pub(super) async fn exchange(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    switch: Arc<Switch>,
) -> io::Result<Response> {
    let request = match collect(request).await? {
        Ok(request) => request,
        Err(refused) => return Ok(respond(refused, 0)),
    };
    if let Some(reply) = control::answer(&shared, &request) {
        return Ok(respond(reply, 0));
    }
    let operation = match api::route(&request.method, &request.path) {
        Route::Operation { operation, .. } => Some(operation),
        Route::OtherMethod { .. } | Route::Unknown => None,
    };
    let exchange = Exchange::begin(request, operation, shared);
    match operation.and_then(|operation| exchange.shared.faults().meet(operation)) {
        Some(fault) => exchange.spoil(&fault, &switch).await,
        None => {
            let reply = exchange.answer();
            Ok(exchange.finish(reply, 0))
        }
    }
}

async fn collect(request: http::Request<Incoming>) -> io::Result<Result<Request, Reply>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let refused = Reply::empty(StatusCode::PAYLOAD_TOO_LARGE);
            return Ok(Err(refused.with_header(header::CONNECTION, "close")));
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    Ok(Ok(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
    }))
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
        self.shared.something_happened();
        reply
    }

    fn finish(&self, reply: Reply, blanks: u64) -> Response {
        let status = reply.status.as_u16();
        self.shared.log().change(self.number, |request| request.status = Some(status));
        tracing::info!(
            http.request.method = %self.request.method,
            url.template = self.operation.map(Operation::path_template),
            http.response.status_code = status,
            operation = self.operation.map(Operation::name),
            trace_id = self.trace_id,
            "answered"
        );
        respond(reply, blanks)
    }

    async fn spoil(&self, fault: &Fault, switch: &Switch) -> io::Result<Response> {
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
            Action::Answer(answer) => Ok(self.finish(self.scripted(answer), 0)),
            Action::Redirect { status, location } => {
                Ok(self.finish(scripted::redirect(*status, location), 0))
            }
            Action::Drop { close } => {
                switch.set(Plan::Through, *close);
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "dropped by a fault"))
            }
            Action::Hang {} => std::future::pending().await,
            action => Ok(self.spoil_answer(action, self.answer(), switch)),
        }
    }

    fn scripted(&self, answer: &crate::faults::Answer) -> Reply {
        scripted::reply(answer, self.operation, &self.shared.state().ids.fingerprint(), &self.trace_id)
    }

    /// Faults that send the proper answer in a bad way.
    fn spoil_answer(&self, action: &Action, mut reply: Reply, switch: &Switch) -> Response {
        let mut blanks = 0;
        match action {
            Action::CutHead { bytes, close } => {
                switch.set(Plan::CutHead { left: *bytes }, *close);
                return respond(reply, 0);
            }
            Action::CutBody { bytes, close } => {
                let plan = match reply.body.len().checked_sub(1) {
                    Some(most) => Plan::CutBody { left: (*bytes).min(most) },
                    None => Plan::CutHead { left: *bytes },
                };
                switch.set(plan, *close);
                return respond(reply, 0);
            }
            Action::Truncate {} => reply.body.truncate(reply.body.len() / 2),
            Action::Garbage {} => reply.body = scripted::GARBAGE.into(),
            Action::ContentType { media_type } => reply = reply.with_content_type(media_type),
            Action::Drip { bytes, every_ms } => {
                let every = std::time::Duration::from_millis(*every_ms);
                switch.set(Plan::Drip { bytes: *bytes, every }, Close::Fin);
            }
            Action::LargeBody { bytes } => blanks = *bytes,
            Action::Stale { close } => switch.set(Plan::Stale, *close),
            Action::Answer(_)
            | Action::Redirect { .. }
            | Action::Drop { .. }
            | Action::Hang {}
            | Action::Proceed {} => {}
        }
        self.finish(reply, blanks)
    }
}

fn respond(reply: Reply, blanks: u64) -> Response {
    let mut response = http::Response::new(ReplyBody::new(reply.body, blanks));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
