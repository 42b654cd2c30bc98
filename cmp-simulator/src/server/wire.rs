//! Streams over a TCP connection, and one that fails as planned.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::faults::Close;

/// A stream over one TCP connection.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// What a connection does with the next bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Plan {
    #[default]
    Through,
    /// Ends inside the head, after `left` more bytes at most.
    CutHead { left: usize },
    /// Ends inside the body, after the head and `left` more bytes.
    CutBody { left: usize },
    /// Pieces of `bytes` with `every` between them.
    Drip { bytes: usize, every: Duration },
    /// Ends when the next request arrives.
    Stale,
    /// Reads nothing more.
    Deaf,
}

#[derive(Default)]
struct Orders {
    plan: Plan,
    close: Close,
}

/// Sets the plan of a connection from the handler of a request.
#[derive(Default)]
pub(crate) struct Switch(Mutex<Orders>);

impl Switch {
    pub(crate) fn set(&self, plan: Plan, close: Close) {
        *self.orders() = Orders { plan, close };
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the blank line after a head, across writes.
#[derive(Clone, Default)]
struct HeadEnd {
    matched: usize,
}

impl HeadEnd {
    const BLANK_LINE: &[u8] = b"\r\n\r\n";

    /// Returns the length of the head's part of `bytes`, if the head ends in it.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, byte) in bytes.iter().enumerate() {
            self.matched = match *byte {
                byte if byte == Self::BLANK_LINE[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == Self::BLANK_LINE.len() {
                self.matched = 0;
                return Some(place + 1);
            }
        }
        None
    }
}

/// A stream that follows the plan of its switch.
pub(crate) struct Wire<S: Socket> {
    stream: S,
    switch: Arc<Switch>,
    head_end: HeadEnd,
    in_body: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S: Socket> Wire<S> {
    pub(crate) fn new(stream: S, switch: Arc<Switch>) -> Self {
        Self { stream, switch, head_end: HeadEnd::default(), in_body: false, pause: None }
    }

    /// Returns how many of these bytes may be written now.
    fn allowed(&self, bytes: &[u8]) -> usize {
        match self.switch.orders().plan {
            Plan::Through | Plan::Stale | Plan::Deaf => bytes.len(),
            Plan::Drip { bytes: piece, .. } => bytes.len().min(piece.max(1)),
            Plan::CutHead { left } => {
                let head = self.head_end.clone().find(bytes).map_or(bytes.len(), |end| end - 1);
                head.min(left)
            }
            Plan::CutBody { left } => match self.head_length(bytes) {
                Some(head) => bytes.len().min(head + left),
                None => bytes.len(),
            },
        }
    }

    /// Counts what was written.
    fn commit(&mut self, written: &[u8]) {
        let head = self.head_length(written);
        let mut orders = self.switch.orders();
        match &mut orders.plan {
            Plan::Through | Plan::Stale | Plan::Deaf | Plan::Drip { .. } => return,
            Plan::CutHead { left } => *left -= written.len(),
            Plan::CutBody { left } => *left -= written.len() - head.unwrap_or(written.len()),
        }
        drop(orders);
        self.in_body = head.is_some();
        self.head_end.find(written);
    }

    /// Returns how many of these bytes belong to the head. Returns `None` if the head does not end
    /// in them.
    fn head_length(&self, bytes: &[u8]) -> Option<usize> {
        if self.in_body { Some(0) } else { self.head_end.clone().find(bytes) }
    }

    fn is_cut(&self) -> bool {
        match self.switch.orders().plan {
            Plan::CutHead { left } => left == 0,
            Plan::CutBody { left } => left == 0 && self.in_body,
            Plan::Through | Plan::Drip { .. } | Plan::Stale | Plan::Deaf => false,
        }
    }

    fn drip_pause(&self) -> Option<Duration> {
        match self.switch.orders().plan {
            Plan::Drip { every, .. } => Some(every),
            _ => None,
        }
    }
}

fn cut<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault")))
}

impl<S: Socket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.switch.orders().plan == Plan::Deaf {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before && self.switch.orders().plan == Plan::Stale {
            return cut();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut() {
            return cut();
        }
        // A response that does not drip does not wait for the pause of an earlier drip.
        let drips = self.drip_pause().is_some();
        if let Some(pause) = self.pause.as_mut().filter(|_| drips) {
            ready!(pause.as_mut().poll(context));
        }
        self.pause = None;
        let allowed = self.allowed(bytes);
        if allowed == 0 {
            return cut();
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]))?;
        self.commit(&bytes[..written]);
        self.pause = self.drip_pause().map(|every| Box::pin(tokio::time::sleep(every)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut() {
            return cut();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.switch.orders().close == Close::Rst {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Socket> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.switch.orders().close == Close::Rst
            && let Err(error) = self.stream.tcp().set_zero_linger()
        {
            tracing::warn!(%error, "the connection could not be reset");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_across_writes() {
        let mut end = HeadEnd::default();
        assert_eq!(end.find(b"HTTP/1.1 200 OK\r\na: b\r\n\r"), None);
        assert_eq!(end.find(b"\nbody"), Some(1));
        assert_eq!(HeadEnd::default().find(b"x\r\r\n\r\nbody"), Some(6));
    }
}
