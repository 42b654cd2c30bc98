//! Keeps the HTTP crates from logging, since what they log repeats what the peer wrote: `h2` prints the text of a GOAWAY
//! frame, `rustls-platform-verifier` the names in a certificate.

use std::{
    future::Future,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tracing::{Dispatch, dispatcher, subscriber::NoSubscriber};

/// `Dispatch::none` is unknown to `tracing`: what is first logged under it would be off for the whole process.
static NOBODY: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// Without a `tracing` subscriber nothing is changed: to set one, even for a moment, ends the records that `tracing`
/// makes for the crate `log`.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    if dispatcher::has_been_set() { dispatcher::with_default(&NOBODY, work) } else { work() }
}

/// A future or a body that logs nothing, not even when it is dropped.
pub(super) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(super) fn new(loud: T) -> Self {
        Self(Some(loud))
    }
}

impl<T: Future + Unpin> Future for Quiet<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        match &mut self.0 {
            Some(loud) => quietly(|| Pin::new(loud).poll(context)),
            None => Poll::Pending,
        }
    }
}

impl<T: Body + Unpin> Body for Quiet<T> {
    type Data = T::Data;
    type Error = T::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<T::Data>, T::Error>>> {
        match &mut self.0 {
            Some(loud) => quietly(|| Pin::new(loud).poll_frame(context)),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        quietly(|| drop(self.0.take()));
    }
}

/// Runs connections.
#[derive(Clone)]
pub(super) struct QuietExecutor;

impl<F: Future<Output = ()> + Send + Unpin + 'static> Executor<F> for QuietExecutor {
    fn execute(&self, connection: F) {
        tokio::spawn(Quiet::new(connection));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing::{Event, Metadata, Subscriber, span, subscriber};

    use super::*;

    /// Counts events.
    struct Count(Arc<AtomicUsize>);

    impl Subscriber for Count {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn what_is_quiet_here_is_still_logged_elsewhere() {
        let events = Arc::new(AtomicUsize::new(0));
        let log = || tracing::info!("of another crate");
        subscriber::with_default(Count(Arc::clone(&events)), || {
            quietly(log);
            assert_eq!(events.load(Ordering::SeqCst), 0);
            log();
            assert_eq!(events.load(Ordering::SeqCst), 1);
        });
    }
}
