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
use crate::{error::Result, operation::Operation, value::CardId};

type Call<T> = Pin<Box<dyn Future<Output = (CardId, Result<T>)> + Send>>;
type StartCall<I, T> = Box<dyn Fn(Due<I>) -> Call<T> + Send>;
type Numbered<T> = Pin<Box<dyn Future<Output = (u64, CardId, Result<T>)> + Send>>;

pub(super) fn boxed<T>(call: impl Future<Output = (CardId, Result<T>)> + Send + 'static) -> Call<T> {
    Box::pin(call)
}

/// A card that something has to be done for.
pub(super) struct Due<I> {
    pub(super) item: I,
    /// A deletion was started and has no outcome.
    pub(super) deletion_begun: bool,
}

/// A run over many cards: a stream of each card's id and outcome, in the order in which they are ready.
///
/// It works only while it is polled, by [`next`](Self::next) or as a [`Stream`]; the deadlines of calls in flight run
/// on meanwhile. So hand results on quickly, and do slow work elsewhere.
pub struct BulkRun<S: Stream, T> {
    cards: Remaining<S>,
    call: StartCall<S::Item, T>,
    concurrency: usize,
    operation: Operation,
    calls: FuturesUnordered<Numbered<T>>,
    /// What each call in flight was started for, by its number: what has to be done again if it is cancelled.
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
    pub fn into_remaining(mut self) -> Remaining<S> {
        let begun = self.in_flight.into_values();
        self.cards.unfinished = begun.chain(self.cards.unfinished).collect();
        self.cards
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
            let Poll::Ready(Some(card)) = self.cards.poll_card(context) else { return };
            let number = self.started;
            self.started += 1;
            self.handle.count_start();
            let deletion_begun = card.deletion_begun || self.operation == Operation::DeleteCard;
            self.in_flight.insert(number, Due { item: card.item.clone(), deletion_begun });
            let call = (self.call)(card);
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

/// What a run left undone, to go on with by [`Bulk::resume`](super::Bulk::resume).
///
/// As a stream it gives the items that the run was made over, to be stored for example. A run over these is a new one,
/// which doesn't know what was begun: there a card that the first run deleted isn't found.
#[must_use = "what is left undone is lost with this"]
pub struct Remaining<S: Stream> {
    unfinished: VecDeque<Due<S::Item>>,
    source: Pin<Box<Fuse<S>>>,
}

impl<S: Stream> Remaining<S> {
    pub(super) fn all_of(source: S) -> Self {
        Self { unfinished: VecDeque::new(), source: Box::pin(source.fuse()) }
    }

    /// What was started and has no outcome; at most as many as were in flight at once.
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
