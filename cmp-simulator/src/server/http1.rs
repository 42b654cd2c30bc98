//! HTTP/1.1 on one connection.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::faults::Close;
use crate::http::{Reply, Request};
use crate::instance::Instance;
use crate::server::exchange::{self, MAX_BODY, MAX_HEAD, Manner, Outcome};
use crate::server::wire::{Plan, Socket, Switch, Wire};

const BLANKS: &[u8] = &[b' '; 64 * 1024];

type Response = http::Response<ReplyBody>;

pub(super) async fn serve(stream: impl Socket, instance: Arc<Instance>) {
    let switch = Arc::new(Switch::default());
    let wire = TokioIo::new(Wire::new(stream, Arc::clone(&switch)));
    let service = service_fn(move |request| answer(request, Arc::clone(&instance), Arc::clone(&switch)));
    let mut connection = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(wire, service);
    if let Err(error) = (&mut connection).await {
        tracing::debug!(%error, "a connection ended early");
        let mut wire = connection.into_parts().io.into_inner();
        if let Err(error) = wire.shutdown().await {
            tracing::debug!(%error, "a connection could not be closed in order");
        }
    }
}

/// Answers a request. An error ends the connection without a response.
async fn answer(
    request: http::Request<Incoming>,
    instance: Arc<Instance>,
    switch: Arc<Switch>,
) -> io::Result<Response> {
    let outcome = match collect(request).await? {
        Ok(request) => exchange::exchange(request, instance).await,
        Err(refused) => Outcome::whole(refused),
    };
    match outcome {
        Outcome::Answer { reply, blanks, manner } => {
            let (plan, close) = plan(&manner, &reply);
            switch.set(plan, close);
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

/// Returns what the connection does from this response on. It ends the drip of an earlier response.
fn plan(manner: &Manner, reply: &Reply) -> (Plan, Close) {
    match manner {
        Manner::Whole | Manner::StallBody { .. } => (Plan::Through, Close::Fin),
        Manner::ResetBody { bytes } => plan(&Manner::CutBody { bytes: *bytes, close: Close::Rst }, reply),
        Manner::HangConnection { .. } => (Plan::Deaf, Close::Fin),
        Manner::CutHead { bytes, close } => (Plan::CutHead { left: *bytes }, *close),
        Manner::CutBody { bytes, close } => match reply.body.len().checked_sub(1) {
            Some(most) => (Plan::CutBody { left: (*bytes).min(most) }, *close),
            None => (Plan::CutHead { left: *bytes }, *close),
        },
        Manner::Drip { bytes, every } => (Plan::Drip { bytes: *bytes, every: *every }, Close::Fin),
        Manner::Stale { close } => (Plan::Stale, *close),
    }
}

fn respond(reply: Reply, blanks: u64) -> Response {
    let mut response = http::Response::new(ReplyBody::new(reply.body, blanks));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// The body of a response: its bytes, and white space that is made while it is sent.
struct ReplyBody {
    bytes: Bytes,
    blanks: u64,
    /// Bytes that are announced and never sent
    withheld: u64,
}

impl ReplyBody {
    fn new(bytes: Bytes, blanks: u64) -> Self {
        Self { bytes, blanks, withheld: 0 }
    }

    /// Sends this many bytes and never the rest, which is at least one byte.
    fn stall(&mut self, bytes: usize) {
        let whole = self.bytes.len();
        self.bytes.truncate(bytes.min(whole.saturating_sub(1)));
        self.withheld = (whole - self.bytes.len()) as u64;
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))));
        }
        if self.withheld > 0 {
            return Poll::Pending;
        }
        if self.blanks == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(self.blanks).unwrap_or(usize::MAX).min(BLANKS.len());
        self.blanks -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLANKS[..length])))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.blanks == 0 && self.withheld == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64 + self.blanks + self.withheld)
    }
}
