//! HTTP/2 on one connection.
//!
//! The `h2` crate serves it and not hyper: a fault resets one stream, or ends the connection between two frames.

use std::future::{pending, poll_fn};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderValue, Method, StatusCode, header};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::exchange::{self, Manner, Outcome};
use super::transport::Socket;
use super::{MAX_BODY, MAX_HEAD};
use crate::faults::Close;
use crate::http::{Reply, Request};
use crate::shared::Shared;

const BLANKS: &[u8] = &[b' '; 16 * 1024];

/// The last octets of a connection, and how it is closed.
struct End {
    octets: Vec<u8>,
    close: Close,
}

pub(super) async fn serve(mut socket: impl Socket, shared: Arc<Shared>) {
    let mut builder = Builder::new();
    builder.max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    let end = match builder.handshake(&mut socket).await {
        Ok(connection) => drive(connection, &shared).await,
        Err(error) => Err(error),
    };
    match end {
        Ok(None) => {}
        Ok(Some(end)) => {
            if let Err(error) = finish(&mut socket, &end).await {
                tracing::debug!(%error, "a connection could not be ended as planned");
            }
        }
        Err(error) => tracing::debug!(%error, "a connection ended early"),
    }
}

async fn finish(socket: &mut impl Socket, end: &End) -> std::io::Result<()> {
    socket.write_all(&end.octets).await?;
    socket.flush().await?;
    match end.close {
        Close::Fin => socket.shutdown().await,
        Close::Rst => socket.tcp().set_zero_linger(),
    }
}

/// Serves until the client ends the connection, or a fault does.
async fn drive<S: Socket>(
    mut connection: Connection<&mut S, Bytes>,
    shared: &Arc<Shared>,
) -> Result<Option<End>, h2::Error> {
    let (ends, mut ended) = unbounded_channel();
    let stale = Arc::new(OnceLock::new());
    let mut exchanges = JoinSet::new();
    loop {
        tokio::select! {
            Some(end) = ended.recv() => {
                flush(&mut connection).await?;
                return Ok(Some(end));
            }
            accepted = connection.accept() => {
                let Some((request, respond)) = accepted.transpose()? else { return Ok(None) };
                if let Some(close) = stale.get() {
                    return Ok(Some(End { octets: Vec::new(), close: *close }));
                }
                let stream =
                    Stream { respond, shared: Arc::clone(shared), ends: ends.clone(), stale: Arc::clone(&stale) };
                exchanges.spawn(stream.run(request));
            }
            Some(_) = exchanges.join_next() => {}
        }
    }
}

/// Writes what the streams have queued.
async fn flush<S: Socket>(connection: &mut Connection<&mut S, Bytes>) -> Result<(), h2::Error> {
    poll_fn(|context| match connection.poll_closed(context) {
        Poll::Ready(closed) => Poll::Ready(closed),
        Poll::Pending => Poll::Ready(Ok(())),
    })
    .await
}

/// The server's side of one stream.
struct Stream {
    respond: SendResponse<Bytes>,
    shared: Arc<Shared>,
    ends: UnboundedSender<End>,
    /// Set where the next request ends the connection.
    stale: Arc<OnceLock<Close>>,
}

impl Stream {
    async fn run(mut self, request: http::Request<RecvStream>) {
        if let Err(error) = self.exchange(request).await {
            tracing::debug!(%error, "a stream ended early");
        }
    }

    async fn exchange(&mut self, request: http::Request<RecvStream>) -> Result<(), h2::Error> {
        let is_head = request.method() == Method::HEAD;
        let outcome = match collect(request).await? {
            Ok(request) => {
                let exchange = exchange::exchange(request, Arc::clone(&self.shared));
                tokio::select! {
                    outcome = exchange => outcome,
                    reset = poll_fn(|context| self.respond.poll_reset(context)) => return reset.map(drop),
                }
            }
            Err(refused) => Outcome::whole(refused),
        };
        match outcome {
            Outcome::Answer { reply, blanks, manner } => self.answer(reply, blanks, manner, is_head).await,
            Outcome::Close(close) => self.end(Vec::new(), close).await,
        }
    }

    async fn answer(
        &mut self,
        mut reply: Reply,
        blanks: u64,
        manner: Manner,
        is_head: bool,
    ) -> Result<(), h2::Error> {
        let length = reply.body.len() as u64 + blanks;
        let bodiless = is_head || matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless {
            reply.body.clear();
        }
        match manner {
            Manner::CutHead { bytes, close } => return self.cut_head(bytes, close).await,
            Manner::CutBody { bytes, close } if reply.body.is_empty() => {
                return self.cut_head(bytes, close).await;
            }
            Manner::Stale { close } => drop(self.stale.set(close)),
            Manner::Whole | Manner::CutBody { .. } | Manner::Drip { .. } => {}
        }
        let head = head(&reply, if bodiless && !is_head { None } else { Some(length) });
        let mut body = self.respond.send_response(head, bodiless || length == 0)?;
        if bodiless || length == 0 {
            return Ok(());
        }
        match manner {
            Manner::CutBody { bytes, close } => {
                reply.body.truncate(bytes.min(reply.body.len() - 1));
                send(&mut body, reply.body).await?;
                return self.end(Vec::new(), close).await;
            }
            Manner::Drip { bytes, every } => {
                while !reply.body.is_empty() {
                    let piece = reply.body.split_to(bytes.clamp(1, reply.body.len()));
                    send(&mut body, piece).await?;
                    tokio::time::sleep(every).await;
                }
            }
            Manner::Whole | Manner::Stale { .. } | Manner::CutHead { .. } => {
                send(&mut body, reply.body).await?;
                send_blanks(&mut body, blanks).await?;
            }
        }
        body.send_data(Bytes::new(), true)
    }

    /// Ends the connection inside the frame of the answer's head, after so many octets of the frame.
    async fn cut_head(&mut self, octets: usize, close: Close) -> Result<(), h2::Error> {
        const LENGTH: usize = 64;
        const HEADERS: u8 = 1;
        const END_HEADERS: u8 = 4;
        /// In HPACK: `:status: 200`
        const STATUS_200: u8 = 0x88;
        let mut frame = frame(HEADERS, END_HEADERS, self.respond.stream_id().as_u32(), &[STATUS_200; LENGTH]);
        frame.truncate(octets.min(frame.len() - 1));
        self.end(frame, close).await
    }

    /// Asks the connection to end, and never returns: the stream ends with it.
    async fn end(&self, octets: Vec<u8>, close: Close) -> Result<(), h2::Error> {
        drop(self.ends.send(End { octets, close }));
        pending().await
    }
}

/// The whole request; an answer if it is too long.
async fn collect(request: http::Request<RecvStream>) -> Result<Result<Request, Reply>, h2::Error> {
    let (mut head, mut body) = request.into_parts();
    let mut octets = BytesMut::new();
    while let Some(piece) = body.data().await.transpose()? {
        body.flow_control().release_capacity(piece.len())?;
        octets.extend_from_slice(&piece);
        if octets.len() > MAX_BODY {
            return Ok(Err(Reply::empty(StatusCode::PAYLOAD_TOO_LARGE)));
        }
    }
    // HTTP/2 has `:authority` in the place of `Host`.
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.entry(header::HOST).or_insert(host);
    }
    Ok(Ok(Request::new(head, octets.freeze())))
}

fn head(reply: &Reply, length: Option<u64>) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = reply.status;
    *head.headers_mut() = reply.headers.clone();
    let headers = head.headers_mut();
    // They are about the connection, which HTTP/2 has no headers for.
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
    if let Some(length) = length {
        headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    head
}

/// As fast as the client's window allows.
async fn send(stream: &mut SendStream<Bytes>, mut octets: Bytes) -> Result<(), h2::Error> {
    while !octets.is_empty() {
        stream.reserve_capacity(octets.len());
        let mut capacity = stream.capacity();
        if capacity == 0 {
            match poll_fn(|context| stream.poll_capacity(context)).await.transpose()? {
                Some(more) => capacity = more,
                // The client has reset the stream.
                None => return Ok(()),
            }
        }
        stream.send_data(octets.split_to(capacity.min(octets.len())), false)?;
    }
    Ok(())
}

async fn send_blanks(stream: &mut SendStream<Bytes>, mut blanks: u64) -> Result<(), h2::Error> {
    while blanks > 0 {
        let length = usize::try_from(blanks).unwrap_or(usize::MAX).min(BLANKS.len());
        send(stream, Bytes::from_static(&BLANKS[..length])).await?;
        blanks -= length as u64;
    }
    Ok(())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
