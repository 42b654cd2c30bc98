use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{
    Stream, StreamExt,
    stream::{Fuse, FuturesUnordered},
};

use super::{BulkHandle, BulkProgress};
use crate::{error::Result, value::CardId};

type Call<T> = Pin<Box<dyn Future<Output = (CardId, Result<T>)> + Send>>;
type Numbered<T> = Pin<Box<dyn Future<Output = (u64, CardId, Result<T>)> + Send>>;

pub(super) fn boxed<T>(call: impl Future<Output = (CardId, Result<T>)> + Send + 'static) -> Call<T> {
    Box::pin(call)
}

/// A run over many cards: a stream of each card's id and outcome, in the order in which they are ready.
///
/// It works only while it is polled, by [`next`](Self::next) or as a [`Stream`]; the deadlines of calls in flight run
/// on meanwhile. So hand results on quickly, and do slow work elsewhere.
pub struct BulkRun<S: Stream, T> {
    source: Pin<Box<Fuse<S>>>,
    call: Box<dyn Fn(S::Item) -> Call<T> + Send>,
    concurrency: usize,
    calls: FuturesUnordered<Numbered<T>>,
    /// What each call in flight was started for, by its number: what has to be done again if it is cancelled.
    in_flight: BTreeMap<u64, S::Item>,
    started: u64,
    handle: BulkHandle,
}

impl<S: Stream, T> BulkRun<S, T> {
    pub(super) fn new(source: S, concurrency: usize, call: Box<dyn Fn(S::Item) -> Call<T> + Send>) -> Self {
        Self {
            source: Box::pin(source.fuse()),
            call,
            concurrency,
            calls: FuturesUnordered::new(),
            in_flight: BTreeMap::new(),
            started: 0,
            handle: BulkHandle::default(),
        }
    }

    /// A handle to watch and stop the run from elsewhere.
    #[must_use]
    pub fn handle(&self) -> BulkHandle {
        self.handle.clone()
    }

    /// How far the run has come.
    #[must_use]
    pub fn progress(&self) -> BulkProgress {
        self.handle.progress()
    }

    /// Ends the run, and gives back what has no outcome: first what was in flight, which is cancelled and may or may
    /// not have taken effect, then what was not started.
    pub fn into_remaining(self) -> Remaining<S> {
        Remaining { unfinished: self.in_flight.into_values().collect(), source: self.source }
    }
}

impl<S: Stream<Item: Clone>, T: 'static> BulkRun<S, T> {
    /// The next outcome; `None` at the end, or when the run was stopped and nothing is in flight any more.
    pub async fn next(&mut self) -> Option<(CardId, Result<T>)> {
        StreamExt::next(self).await
    }

    /// Starts calls while there is room and something to start them for.
    fn fill(&mut self, context: &mut Context<'_>) {
        while self.calls.len() < self.concurrency && !self.handle.is_stopped() {
            let Poll::Ready(Some(item)) = self.source.as_mut().poll_next(context) else { return };
            let number = self.started;
            self.started += 1;
            self.handle.count_start();
            self.in_flight.insert(number, item.clone());
            let call = (self.call)(item);
            self.calls.push(Box::pin(async move {
                let (id, outcome) = call.await;
                (number, id, outcome)
            }));
        }
    }
}

impl<S: Stream<Item: Clone>, T: 'static> Stream for BulkRun<S, T> {
    type Item = (CardId, Result<T>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let run = self.get_mut();
        run.handle.wake_on_stop(context.waker());
        run.fill(context);
        match run.calls.poll_next_unpin(context) {
            Poll::Ready(Some((number, id, outcome))) => {
                run.in_flight.remove(&number);
                run.handle.count_outcome(outcome.is_ok());
                Poll::Ready(Some((id, outcome)))
            }
            Poll::Ready(None) if run.source.is_done() || run.handle.is_stopped() => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Stream, T> Unpin for BulkRun<S, T> {}

impl<S: Stream, T> fmt::Debug for BulkRun<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkRun")
            .field("concurrency", &self.concurrency)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// What a run left undone: a stream to resume with, by [`Bulk::over_stream`](super::Bulk::over_stream).
#[must_use = "what is left undone is lost with this"]
pub struct Remaining<S: Stream> {
    unfinished: VecDeque<S::Item>,
    source: Pin<Box<Fuse<S>>>,
}

impl<S: Stream> Remaining<S> {
    /// What was started and has no outcome; at most as many as the run's concurrency.
    pub fn unfinished(&self) -> impl Iterator<Item = &S::Item> {
        self.unfinished.iter()
    }
}

impl<S: Stream> Stream for Remaining<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        match self.unfinished.pop_front() {
            Some(item) => Poll::Ready(Some(item)),
            None => self.source.as_mut().poll_next(context),
        }
    }
}

impl<S: Stream> Unpin for Remaining<S> {}

impl<S: Stream> fmt::Debug for Remaining<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remaining").field("unfinished", &self.unfinished.len()).finish_non_exhaustive()
    }
}
