//! HTTP/1.1 on one connection.

mod body;
mod wire;

use std::io;
use std::sync::Arc;

use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::exchange::{self, Manner, Outcome};
use super::transport::Socket;
use super::{MAX_BODY, MAX_HEAD};
use crate::faults::Close;
use crate::http::{Reply, Request};
use crate::shared::Shared;
use body::ReplyBody;
use wire::{Plan, Switch, Wire};

type Response = http::Response<ReplyBody>;

pub(super) async fn serve(stream: impl Socket, shared: Arc<Shared>) {
    let switch = Arc::new(Switch::default());
    let wire = TokioIo::new(Wire::new(stream, Arc::clone(&switch)));
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&switch)));
    let mut connection = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(wire, service);
    if let Err(error) = (&mut connection).await {
        tracing::debug!(%error, "a connection ended early");
        let mut wire = connection.into_parts().io.into_inner();
        if let Err(error) = wire.shutdown().await {
            tracing::debug!(%error, "a connection could not be closed in order");
        }
    }
}

/// An error ends the connection without an answer.
async fn answer(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    switch: Arc<Switch>,
) -> io::Result<Response> {
    let request = match collect(request).await? {
        Ok(request) => request,
        Err(refused) => return Ok(respond(refused, 0)),
    };
    match exchange::exchange(request, shared).await {
        Outcome::Answer { reply, blanks, manner } => {
            if let Some((plan, close)) = plan(&manner, &reply) {
                switch.set(plan, close);
            }
            let Manner::StallBody { bytes } = manner else { return Ok(respond(reply, blanks)) };
            let mut response = respond(reply, blanks);
            response.body_mut().stall(bytes);
            Ok(response)
        }
        Outcome::Close(close) => Err(end(&switch, close)),
        Outcome::Refuse | Outcome::GoAway { .. } => Err(end(&switch, Close::Fin)),
    }
}

fn end(switch: &Switch, close: Close) -> io::Error {
    switch.set(Plan::Through, close);
    io::Error::new(io::ErrorKind::ConnectionAborted, "ended by a fault")
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
    Ok(Ok(Request::new(head, body)))
}

fn plan(manner: &Manner, reply: &Reply) -> Option<(Plan, Close)> {
    let (plan, close) = match manner {
        Manner::Whole | Manner::StallBody { .. } => return None,
        Manner::ResetBody { bytes } => {
            return plan(&Manner::CutBody { bytes: *bytes, close: Close::Rst }, reply);
        }
        Manner::HangConnection { .. } => (Plan::Deaf, Close::Fin),
        Manner::CutHead { bytes, close } => (Plan::CutHead { left: *bytes }, *close),
        Manner::CutBody { bytes, close } => match reply.body.len().checked_sub(1) {
            Some(most) => (Plan::CutBody { left: (*bytes).min(most) }, *close),
            None => (Plan::CutHead { left: *bytes }, *close),
        },
        Manner::Drip { bytes, every } => (Plan::Drip { bytes: *bytes, every: *every }, Close::Fin),
        Manner::Stale { close } => (Plan::Stale, *close),
    };
    Some((plan, close))
}

fn respond(reply: Reply, blanks: u64) -> Response {
    let mut response = http::Response::new(ReplyBody::new(reply.body, blanks));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
