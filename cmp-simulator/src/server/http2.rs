//! HTTP/2 on one connection.
//!
//! It is served by the `h2` crate, because hyper can neither reset one stream nor end a connection
//! between two frames.

use std::future::{pending, poll_fn};
use std::io;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{Method, StatusCode, header};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::faults::Close;
use crate::http::{Reply, Request};
use crate::instance::Instance;
use crate::server::exchange::{self, MAX_BODY, MAX_HEAD, Manner, Outcome};
use crate::server::wire::Socket;

const BLANKS: &[u8] = &[b' '; 16 * 1024];

/// The last octets of a connection, and how it closes.
struct End {
    octets: Vec<u8>,
    close: Close,
}

/// What a stream asks of its connection after everything queued before is written.
enum Order {
    End(End),
    /// Says that this stream was not processed, and ends the connection.
    GoAway {
        stream: u32,
        code: u32,
        debug: Vec<u8>,
    },
    /// Does nothing more, and stays open.
    Freeze,
    /// Reports that everything is written.
    Report(oneshot::Sender<()>),
}

/// What a connection does with the requests after a fault.
#[derive(Clone, Copy)]
enum After {
    End(Close),
    Ignore,
}

pub(super) async fn serve(mut socket: impl Socket, instance: Arc<Instance>) {
    let mut builder = Builder::new();
    builder.max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    let settings = instance.state().settings.http2.clone();
    if let Some(streams) = settings.max_concurrent_streams {
        builder.max_concurrent_streams(streams);
    }
    if settings.stall_requests {
        builder.initial_window_size(0);
    }
    let end = match builder.handshake(&mut socket).await {
        Ok(connection) => drive(connection, &instance, settings.stall_requests).await,
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

async fn finish(socket: &mut impl Socket, end: &End) -> io::Result<()> {
    socket.write_all(&end.octets).await?;
    socket.flush().await?;
    match end.close {
        Close::Fin => socket.shutdown().await,
        Close::Rst => socket.tcp().set_zero_linger(),
    }
}

/// Serves until the client or a fault ends the connection.
async fn drive<S: Socket>(
    mut connection: Connection<&mut S, Bytes>,
    instance: &Arc<Instance>,
    stalls: bool,
) -> Result<Option<End>, h2::Error> {
    let (orders, mut ordered) = unbounded_channel();
    let after = Arc::new(OnceLock::new());
    let mut exchanges = JoinSet::new();
    let mut begun = [0; 2];
    loop {
        tokio::select! {
            Some(order) = ordered.recv() => {
                flush(&mut connection).await?;
                match order {
                    Order::End(end) => return Ok(Some(end)),
                    Order::GoAway { stream, code, debug } => {
                        return Ok(Some(go_away(begun, stream, code, &debug)));
                    }
                    Order::Freeze => pending().await,
                    Order::Report(done) => drop(done.send(())),
                }
            }
            accepted = connection.accept() => {
                let Some((request, respond)) = accepted.transpose()? else { return Ok(None) };
                let after_fault = after.get().copied();
                if let Some(After::End(close)) = after_fault {
                    return Ok(Some(End { octets: Vec::new(), close }));
                }
                begun = [begun[1], respond.stream_id().as_u32()];
                let stream = Stream {
                    respond,
                    instance: Arc::clone(instance),
                    orders: orders.clone(),
                    after: Arc::clone(&after),
                    is_ignored: after_fault.is_some(),
                    is_stalled: stalls,
                };
                exchanges.spawn(stream.run(request));
            }
            Some(_) = exchanges.join_next() => {}
        }
    }
}

/// Returns a frame that names the last processed stream. It excludes this stream, unless a later one
/// has begun. `begun` are the last two streams, or 0.
fn go_away(begun: [u32; 2], stream: u32, code: u32, debug: &[u8]) -> End {
    const GO_AWAY: u8 = 7;
    let last = if begun[1] == stream { begun[0] } else { begun[1] };
    let payload = [&last.to_be_bytes()[..], &code.to_be_bytes(), debug].concat();
    End { octets: frame(GO_AWAY, 0, 0, &payload), close: Close::Fin }
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
    instance: Arc<Instance>,
    orders: UnboundedSender<Order>,
    /// The order of a fault for later requests
    after: Arc<OnceLock<After>>,
    is_ignored: bool,
    /// Whether the request body is never read
    is_stalled: bool,
}

impl Stream {
    async fn run(mut self, request: http::Request<RecvStream>) {
        if let Err(error) = self.exchange(request).await {
            tracing::debug!(%error, "a stream ended early");
        }
    }

    async fn exchange(&mut self, request: http::Request<RecvStream>) -> Result<(), h2::Error> {
        if self.is_stalled && !request.body().is_end_stream() {
            return poll_fn(|context| self.respond.poll_reset(context)).await.map(drop);
        }
        let is_head = request.method() == Method::HEAD;
        let outcome = match collect(request).await? {
            Ok(request) if self.is_ignored => {
                exchange::ignore(request, Arc::clone(&self.instance));
                return poll_fn(|context| self.respond.poll_reset(context)).await.map(drop);
            }
            Ok(request) => {
                let exchange = exchange::exchange(request, Arc::clone(&self.instance));
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
            Outcome::Refuse => {
                self.respond.send_reset(Reason::REFUSED_STREAM);
                Ok(())
            }
            Outcome::GoAway { code, debug } => {
                let stream = self.respond.stream_id().as_u32();
                self.order(Order::GoAway { stream, code, debug });
                pending().await
            }
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
            Manner::ResetBody { .. } if reply.body.is_empty() => {
                self.respond.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            Manner::Stale { close } => drop(self.after.set(After::End(close))),
            Manner::HangConnection { .. } => drop(self.after.set(After::Ignore)),
            Manner::Whole
            | Manner::CutBody { .. }
            | Manner::Drip { .. }
            | Manner::ResetBody { .. }
            | Manner::StallBody { .. } => {}
        }
        let head = head(&reply, if bodiless && !is_head { None } else { Some(length) });
        let is_empty = bodiless || length == 0;
        let mut body = self.respond.send_response(head, is_empty)?;
        match manner {
            _ if is_empty => {}
            Manner::CutBody { bytes, .. } | Manner::ResetBody { bytes } | Manner::StallBody { bytes } => {
                reply.body.truncate(bytes.min(reply.body.len() - 1));
                send(&mut body, reply.body).await?;
                return self.break_off(&mut body, manner).await;
            }
            Manner::Drip { bytes, every } => {
                while !reply.body.is_empty() {
                    let piece = reply.body.split_to(bytes.clamp(1, reply.body.len()));
                    send(&mut body, piece).await?;
                    tokio::time::sleep(every).await;
                }
            }
            Manner::Whole | Manner::Stale { .. } | Manner::CutHead { .. } | Manner::HangConnection { .. } => {
                send(&mut body, reply.body).await?;
                send_blanks(&mut body, blanks).await?;
            }
        }
        if !is_empty {
            body.send_data(Bytes::new(), true)?;
        }
        if let Manner::HangConnection { answers_pings: false } = manner {
            self.order(Order::Freeze);
        }
        Ok(())
    }

    /// Ends a response after a part of it was sent.
    async fn break_off(&mut self, body: &mut SendStream<Bytes>, manner: Manner) -> Result<(), h2::Error> {
        match manner {
            Manner::CutBody { close, .. } => self.end(Vec::new(), close).await,
            Manner::ResetBody { .. } => {
                // A reset discards what is not written yet.
                let (done, written) = oneshot::channel();
                self.order(Order::Report(done));
                drop(written.await);
                body.send_reset(Reason::INTERNAL_ERROR);
                Ok(())
            }
            _ => poll_fn(|context| body.poll_reset(context)).await.map(drop),
        }
    }

    /// Ends the connection inside the frame of the response head, after this many octets of the
    /// frame.
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

    /// Asks the connection to end. Never returns, because the stream ends with it.
    async fn end(&self, octets: Vec<u8>, close: Close) -> Result<(), h2::Error> {
        self.order(Order::End(End { octets, close }));
        pending().await
    }

    /// Sends an order. A connection that takes none has ended.
    fn order(&self, order: Order) {
        drop(self.orders.send(order));
    }
}

/// Returns the whole request, or a response if it is too long.
async fn collect(request: http::Request<RecvStream>) -> Result<Result<Request, Reply>, h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut octets = BytesMut::new();
    while let Some(piece) = body.data().await.transpose()? {
        body.flow_control().release_capacity(piece.len())?;
        octets.extend_from_slice(&piece);
        if octets.len() > MAX_BODY {
            return Ok(Err(Reply::empty(StatusCode::PAYLOAD_TOO_LARGE)));
        }
    }
    Ok(Ok(Request::new(head, octets.freeze())))
}

fn head(reply: &Reply, length: Option<u64>) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = reply.status;
    *head.headers_mut() = reply.headers.clone();
    let headers = head.headers_mut();
    // These are about the connection. HTTP/2 has no headers for it.
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
    if let Some(length) = length {
        headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    head
}

/// Sends the octets as fast as the client's window allows.
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
