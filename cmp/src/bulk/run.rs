use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt, Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered, task::AtomicWaker,
};

use super::{
    checkpoint::Checkpoint,
    remaining::{Due, Remaining, deletes},
};
use crate::{
    call::Core,
    clock::{Clock, Tick},
    error::{Delivery, Error, ErrorKind, Result},
    metrics::{Ending, Work},
    operation::Operation,
    value::CardId,
};

/// An operation, and how to find its parts in an item.
pub(super) struct Task<I, T, K> {
    pub(super) operation: Operation,
    pub(super) start: Box<dyn Fn(Due<I>) -> BoxFuture<'static, Result<T>> + Send>,
    pub(super) key_of: fn(&I) -> K,
    pub(super) id_of: fn(&I) -> Option<&CardId>,
}

/// A run over many cards: a stream of each card's id and outcome, in the order in which they are ready. A run that creates
/// cards has the caller's key `K` in place of an id.
///
/// The run works only while it is polled, by [`next`](Self::next) or as a [`Stream`]. The deadlines of calls in flight do
/// not stop in between, so hand results on quickly and do slow work elsewhere.
pub struct BulkRun<S: Stream, T, K = CardId> {
    cards: Remaining<S>,
    task: Task<S::Item, T, K>,
    concurrency: usize,
    calls: FuturesUnordered<BoxFuture<'static, (u64, Result<T>)>>,
    /// The items without an acknowledged outcome, by position: a cancelled call has to be made again.
    in_flight: BTreeMap<u64, Due<S::Item>>,
    core: Arc<Core>,
    /// Ends when the client's pace has room for a request.
    room: Option<Tick>,
    /// The position of the outcome that was returned last, until it is acknowledged.
    returned: Option<u64>,
    /// As the caller set it
    total: Option<u64>,
    handle: BulkHandle,
    _end: End,
}

/// Notes the end of a run, whether it is dropped or taken apart.
struct End(BulkHandle);

impl Drop for End {
    fn drop(&mut self) {
        let mut counts = self.0.0.counts();
        counts.cancelled = counts.started.saturating_sub(counts.succeeded + counts.failed);
    }
}

impl<S: Stream, T, K> BulkRun<S, T, K> {
    pub(super) fn new(
        mut cards: Remaining<S>,
        concurrency: usize,
        task: Task<S::Item, T, K>,
        total: Option<u64>,
        core: Arc<Core>,
    ) -> Self {
        cards.start(task.id_of);
        let handle = BulkHandle::new(total.or_else(|| cards.left()), Arc::clone(&core.clock));
        Self {
            cards,
            task,
            concurrency,
            calls: FuturesUnordered::new(),
            in_flight: BTreeMap::new(),
            core,
            room: None,
            returned: None,
            total,
            _end: End(handle.clone()),
            handle,
        }
    }

    /// Skips the items that are done according to a stored [`Checkpoint`], and makes the calls without an outcome again. The
    /// default checkpoint skips nothing.
    ///
    /// Takes the skipped items from the source, and compares them with the checkpoint, before anything is sent. The run is
    /// then ready to start.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the source does not yield what it yielded before, from its start: other items, fewer
    /// or none. Also if the checkpoint is of another operation, or the run has begun. The stored checkpoint is still right.
    /// For a run that creates cards, only the operation and the number of items are compared.
    pub async fn resume_from(mut self, checkpoint: Checkpoint) -> Result<Self> {
        let operation = self.task.operation;
        let refused = |message: String| {
            Error::new(ErrorKind::InvalidInput, Delivery::NotSent, message).for_operation(operation)
        };
        if let Some(before) = checkpoint.operation.filter(|before| *before != operation) {
            let message = format!("the checkpoint is of a run of {before}, and this is a run of {operation}");
            return Err(refused(message));
        }
        self.cards.resume_from(checkpoint).await.map_err(|rule| refused(rule.to_owned()))?;
        self.handle.0.counts().total = self.total.or_else(|| self.cards.left());
        Ok(self)
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

    /// Marks the outcome that [`next`](Self::next) returned last as stored. The following call to `next` does the same.
    ///
    /// Call it before [`checkpoint`](Self::checkpoint) if the outcome and the checkpoint are stored in one transaction.
    pub fn acknowledge(&mut self) {
        if let Some(position) = self.returned.take() {
            self.in_flight.remove(&position);
        }
    }

    /// Leaves the item that [`next`](Self::next) returned last without an outcome: its call is made again when the run is
    /// resumed. The following call to `next` does not acknowledge it.
    ///
    /// For a failure that says nothing about the card, such as a time-out. Each such item makes the checkpoint larger, so
    /// end a run that has many.
    pub fn leave_unfinished(&mut self) {
        self.returned = None;
    }

    /// Returns how far the run has come in its source, to resume in another process: see
    /// [`resume_from`](Self::resume_from). The cost depends on the concurrency alone.
    ///
    /// The outcome that [`next`](Self::next) returned last is unfinished here, since a crash could come before it is
    /// stored. It counts once `next` is called again, or after [`acknowledge`](Self::acknowledge).
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.cards.checkpoint(self.task.operation, self.concurrency, self.in_flight.values())
    }

    /// Ends the run and returns everything without an outcome.
    ///
    /// Items in flight come first. Their calls are cancelled, and may or may not have taken effect. Items that were not
    /// started follow. The outcome that was returned last is acknowledged.
    pub fn into_remaining(mut self) -> Remaining<S> {
        self.acknowledge();
        let begun = self.in_flight.into_values();
        self.cards.unfinished = begun.chain(self.cards.unfinished).collect();
        self.cards
    }
}

impl<S: Stream<Item: Clone>, T: 'static, K> BulkRun<S, T, K> {
    /// Returns the next outcome; `None` at the end, or after a stop when nothing is in flight any more.
    ///
    /// Acknowledges the outcome that it returned before: see [`checkpoint`](Self::checkpoint).
    pub async fn next(&mut self) -> Option<(K, Result<T>)> {
        StreamExt::next(self).await
    }

    /// Waits until the client's pace has room for a request. Until there is an access token, one call is enough: with it,
    /// the others would leave together.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = self.core.clock.now();
        if !self.calls.is_empty() && !self.core.auth.has_token(now) {
            return Poll::Pending;
        }
        loop {
            if let Some(room) = &mut self.room {
                ready!(room.poll_unpin(context));
                self.room = None;
            }
            let wait = self.core.throttle.until_free(self.core.clock.now());
            if wait.is_zero() {
                return Poll::Ready(());
            }
            self.room = Some(self.core.clock.sleep(wait));
        }
    }

    /// Starts calls up to the concurrency, or one if the client has a pace.
    fn fill(&mut self, context: &mut Context<'_>) -> Filled {
        while self.calls.len() < self.concurrency {
            if self.handle.is_stopped() {
                return Filled::NoMore;
            }
            let card = match self.cards.poll_card(context) {
                Poll::Ready(Some(card)) => card,
                Poll::Ready(None) => return Filled::NoMore,
                Poll::Pending => return Filled::ForNow,
            };
            let has_pace = self.core.throttle.has_pace();
            if has_pace && self.poll_room(context).is_pending() {
                self.cards.unfinished.push_front(card);
                return Filled::ForNow;
            }
            self.handle.0.counts().started += 1;
            let Due { position, ref item, deletion_begun } = card;
            let deletion_begun = deletion_begun || deletes(self.task.operation);
            self.in_flight.insert(position, Due { position, item: item.clone(), deletion_begun });
            let call = (self.task.start)(card);
            let timed = self.core.metrics.start(Work::BulkItem(self.task.operation));
            let ended = move |outcome: Result<T>| {
                timed.end(|| Ending::of(outcome.as_ref().err()));
                (position, outcome)
            };
            self.calls.push(call.map(ended).boxed());
            if has_pace {
                return Filled::One;
            }
        }
        Filled::ForNow
    }
}

impl<S: Stream, T, K> BulkRun<S, T, K> {
    fn finish(&mut self, (position, outcome): (u64, Result<T>)) -> Poll<Option<(K, Result<T>)>> {
        self.handle.0.count(outcome.is_ok());
        self.returned = Some(position);
        let key = self.in_flight.get(&position).map(|due| (self.task.key_of)(&due.item));
        Poll::Ready(key.map(|key| (key, outcome)))
    }
}

/// What came of starting calls.
enum Filled {
    ForNow,
    /// A call was started, and has to take its turn before the next one.
    One,
    NoMore,
}

impl<S: Stream<Item: Clone>, T: 'static, K> Stream for BulkRun<S, T, K> {
    type Item = (K, Result<T>);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let run = self.get_mut();
        run.acknowledge();
        run.handle.0.waker.register(context.waker());
        let mut filled = run.fill(context);
        while matches!(filled, Filled::One) {
            if let Poll::Ready(Some(done)) = run.calls.poll_next_unpin(context) {
                return run.finish(done);
            }
            filled = run.fill(context);
        }
        match run.calls.poll_next_unpin(context) {
            Poll::Ready(Some(done)) => run.finish(done),
            Poll::Ready(None) if matches!(filled, Filled::NoMore) => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Stream, T, K> Unpin for BulkRun<S, T, K> {}

impl<S: Stream, T, K> fmt::Debug for BulkRun<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkRun")
            .field("concurrency", &self.concurrency)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// The progress of a run, in calls.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkProgress {
    /// The number of calls that were started.
    pub started: u64,
    /// The number of calls whose outcome is `Ok`. A network token that was
    /// [provisioned](super::BulkOver::provision) may still be in the state `failed`.
    pub succeeded: u64,
    /// The number of calls that failed.
    pub failed: u64,
    /// The number of calls in flight when the run was dropped, or ended by [`BulkRun::into_remaining`]. They may or may not have
    /// taken effect.
    pub cancelled: u64,
    /// The number of calls that this run makes in all, if it is known: from the source's [`size_hint`](Iterator::size_hint),
    /// or from [`total`](super::BulkOver::total).
    pub total: Option<u64>,
    /// The number of outcomes per second, over the last minute or since the start; zero before the first.
    pub per_second: f64,
}

impl BulkProgress {
    /// Returns the number of calls with an outcome.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.succeeded.saturating_add(self.failed)
    }

    /// Returns the number of calls that were started, have no outcome and were not cancelled.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished().saturating_add(self.cancelled))
    }

    /// Returns how long the rest takes at the present rate, if the total and a rate are known.
    #[must_use]
    pub fn remaining_time(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.finished());
        if left == 0 {
            return Some(Duration::ZERO);
        }
        Duration::try_from_secs_f64(left as f64 / self.per_second).ok()
    }
}

/// The rate is that of the last minute.
const WINDOW: Duration = Duration::from_secs(60);
/// The number of outcomes is noted this often.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// A handle to watch and stop a run from elsewhere. Clones belong to the same run.
#[derive(Clone)]
pub struct BulkHandle(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    counts: Mutex<Counts>,
    stopped: AtomicBool,
    waker: AtomicWaker,
}

struct Counts {
    started: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    total: Option<u64>,
    /// The number of outcomes at times within the window, and the last before it.
    noted: VecDeque<(Instant, u64)>,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, succeeded: bool) {
        let now = self.clock.now();
        let mut counts = self.counts();
        *(if succeeded { &mut counts.succeeded } else { &mut counts.failed }) += 1;
        let finished = counts.succeeded + counts.failed;
        let noted = &mut counts.noted;
        if noted.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= NOTED_EVERY) {
            noted.push_back((now, finished));
        }
        while noted.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            noted.pop_front();
        }
    }
}

impl BulkHandle {
    fn new(total: Option<u64>, clock: Arc<dyn Clock>) -> Self {
        let noted = VecDeque::from([(clock.now(), 0)]);
        let counts = Mutex::new(Counts { started: 0, succeeded: 0, failed: 0, cancelled: 0, total, noted });
        Self(Arc::new(Shared { clock, counts, stopped: AtomicBool::new(false), waker: AtomicWaker::new() }))
    }

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
        let now = self.0.clock.now();
        let counts = self.0.counts();
        let Counts { started, succeeded, failed, cancelled, total, .. } = *counts;
        let per_second = counts.noted.front().map_or(0.0, |(since, before)| {
            let time = now.saturating_duration_since(*since).as_secs_f64();
            let outcomes = (succeeded + failed - before) as f64;
            if time > 0.0 { outcomes / time } else { 0.0 }
        });
        BulkProgress { started, succeeded, failed, cancelled, total, per_second }
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
