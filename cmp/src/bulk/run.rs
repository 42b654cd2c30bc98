use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{Fuse, FuturesUnordered},
    task::AtomicWaker,
};

use crate::{error::Result, operation::Operation, value::CardId};

type StartCall<I, T> = Box<dyn Fn(Due<I>) -> BoxFuture<'static, (CardId, Result<T>)> + Send>;

/// An item whose call is due.
pub(super) struct Due<I> {
    pub(super) item: I,
    /// A deletion was started and has no outcome.
    pub(super) deletion_begun: bool,
}

/// A run over many cards: a stream of each card's id and outcome, in the order in which they are ready.
///
/// The run works only while it is polled, by [`next`](Self::next) or as a [`Stream`]. The deadlines of calls in flight do
/// not stop in between, so hand results on quickly and do slow work elsewhere.
pub struct BulkRun<S: Stream, T> {
    cards: Remaining<S>,
    call: StartCall<S::Item, T>,
    concurrency: usize,
    operation: Operation,
    calls: FuturesUnordered<BoxFuture<'static, (u64, CardId, Result<T>)>>,
    /// The items of calls in flight, by the call's number: a cancelled call has to be made again.
    in_flight: BTreeMap<u64, Due<S::Item>>,
    started: u64,
    handle: BulkHandle,
}

impl<S: Stream, T> BulkRun<S, T> {
    pub(super) fn new(
        cards: Remaining<S>,
        concurrency: usize,
        operation: Operation,
        call: StartCall<S::Item, T>,
    ) -> Self {
        Self {
            cards,
            call,
            concurrency,
            operation,
            calls: FuturesUnordered::new(),
            in_flight: BTreeMap::new(),
            started: 0,
            handle: BulkHandle::default(),
        }
    }

    /// Returns a handle to watch and stop the run from elsewhere.
    #[must_use]
    pub fn handle(&self) -> BulkHandle {
        self.handle.clone()
    }

    /// Returns how far the run has come.
    #[must_use]
    pub fn progress(&self) -> BulkProgress {
        self.handle.progress()
    }

    /// Ends the run and returns everything without an outcome.
    ///
    /// Items in flight come first. Their calls are cancelled, and may or may not have taken effect. Items that were not
    /// started follow.
    pub fn into_remaining(mut self) -> Remaining<S> {
        let begun = self.in_flight.into_values();
        self.cards.unfinished = begun.chain(self.cards.unfinished).collect();
        self.cards
    }
}

impl<S: Stream<Item: Clone>, T: 'static> BulkRun<S, T> {
    /// Returns the next outcome; `None` at the end, or after a stop when nothing is in flight any more.
    pub async fn next(&mut self) -> Option<(CardId, Result<T>)> {
        StreamExt::next(self).await
    }

    /// Starts calls up to the concurrency.
    fn fill(&mut self, context: &mut Context<'_>) {
        while self.calls.len() < self.concurrency && !self.handle.is_stopped() {
            let Poll::Ready(Some(card)) = self.cards.poll_card(context) else { return };
            let number = self.started;
            self.started += 1;
            self.handle.0.started.fetch_add(1, Ordering::Release);
            let deletes =
                matches!(self.operation, Operation::DeleteCard | Operation::UnsubscribeFromCardUpdates);
            let deletion_begun = card.deletion_begun || deletes;
            self.in_flight.insert(number, Due { item: card.item.clone(), deletion_begun });
            let call = (self.call)(card);
            self.calls.push(call.map(move |(id, outcome)| (number, id, outcome)).boxed());
        }
    }
}

impl<S: Stream<Item: Clone>, T: 'static> Stream for BulkRun<S, T> {
    type Item = (CardId, Result<T>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let run = self.get_mut();
        run.handle.0.waker.register(context.waker());
        run.fill(context);
        match run.calls.poll_next_unpin(context) {
            Poll::Ready(Some((number, id, outcome))) => {
                run.in_flight.remove(&number);
                run.handle.0.count(outcome.is_ok());
                Poll::Ready(Some((id, outcome)))
            }
            Poll::Ready(None) if run.cards.source.is_done() || run.handle.is_stopped() => Poll::Ready(None),
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

/// The progress of a run, in calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkProgress {
    /// The number of calls that were started.
    pub started: u64,
    /// The number of calls whose outcome is `Ok`. A network token that was
    /// [provisioned](super::BulkOver::provision) may still be in the state `failed`.
    pub succeeded: u64,
    /// The number of calls that failed.
    pub failed: u64,
}

impl BulkProgress {
    /// Returns the number of calls with an outcome.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Returns the number of calls without an outcome.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished())
    }
}

/// A handle to watch and stop a run from elsewhere. Clones belong to the same run.
#[derive(Clone, Default)]
pub struct BulkHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    stopped: AtomicBool,
    waker: AtomicWaker,
}

impl Shared {
    fn count(&self, succeeded: bool) {
        let counter = if succeeded { &self.succeeded } else { &self.failed };
        counter.fetch_add(1, Ordering::Release);
    }
}

impl BulkHandle {
    /// Stops the run: no further call starts, those in flight finish, and then the run ends.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// Returns `true` if the run was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Returns how far the run has come.
    #[must_use]
    pub fn progress(&self) -> BulkProgress {
        // Outcomes first: a call that ends between the reads was started before the last one.
        let (succeeded, failed) =
            (self.0.succeeded.load(Ordering::Acquire), self.0.failed.load(Ordering::Acquire));
        BulkProgress { started: self.0.started.load(Ordering::Acquire), succeeded, failed }
    }
}

impl fmt::Debug for BulkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkHandle")
            .field("progress", &self.progress())
            .field("stopped", &self.is_stopped())
            .finish()
    }
}

/// The items that a run left undone, for [`Bulk::resume`](super::Bulk::resume).
///
/// As a stream it yields these items, for example to store them. A run over stored items is a new one and does not know
/// which calls were started, so it does not find a card that the first run deleted.
#[must_use = "the items left undone are lost when this is dropped"]
pub struct Remaining<S: Stream> {
    unfinished: VecDeque<Due<S::Item>>,
    source: Pin<Box<Fuse<S>>>,
}

impl<S: Stream> Remaining<S> {
    pub(super) fn all_of(source: S) -> Self {
        Self { unfinished: VecDeque::new(), source: Box::pin(source.fuse()) }
    }

    /// Returns the items that were started and have no outcome, at most as many as the concurrency.
    pub fn unfinished(&self) -> impl Iterator<Item = &S::Item> {
        self.unfinished.iter().map(|card| &card.item)
    }

    fn poll_card(&mut self, context: &mut Context<'_>) -> Poll<Option<Due<S::Item>>> {
        if let Some(card) = self.unfinished.pop_front() {
            return Poll::Ready(Some(card));
        }
        let item = self.source.as_mut().poll_next(context);
        item.map(|item| item.map(|item| Due { item, deletion_begun: false }))
    }
}

impl<S: Stream> Stream for Remaining<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.poll_card(context).map(|card| card.map(|card| card.item))
    }
}

impl<S: Stream> Unpin for Remaining<S> {}

impl<S: Stream> fmt::Debug for Remaining<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remaining").field("unfinished", &self.unfinished.len()).finish_non_exhaustive()
    }
}
