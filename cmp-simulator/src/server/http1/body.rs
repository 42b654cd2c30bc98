use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const BLANKS: &[u8] = &[b' '; 64 * 1024];

/// An answer's body: its bytes, and white space that is made only as it is sent.
pub(crate) struct ReplyBody {
    bytes: Bytes,
    blanks: u64,
    /// Bytes that are promised and never sent.
    withheld: u64,
}

impl ReplyBody {
    pub(crate) fn new(bytes: Bytes, blanks: u64) -> Self {
        Self { bytes, blanks, withheld: 0 }
    }

    /// Sends so many bytes, and never the rest, which is one byte at least.
    pub(crate) fn stall(&mut self, bytes: usize) {
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
