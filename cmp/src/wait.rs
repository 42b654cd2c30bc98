//! Waiting: polls until the service reports what is waited for.

use std::{
    fmt,
    future::IntoFuture,
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

#[cfg(feature = "webhooks")]
use crate::webhooks::{CardKey, Event};
use crate::{
    call::{Call, Core},
    clock::after,
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    metrics::{Ending, Work},
    operation::Operation,
};

const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Polls without a pause would be a load without an end.
const SHORTEST_BOUND: Duration = Duration::from_millis(10);
/// The number of hints that are followed at once, so that earlier hints do not delay the one that matters.
const SPARE_POLLS: u32 = 10;
/// The time after which a spare poll is available again. A flood of hints polls no faster than this for long.
const PER_SPARE_POLL: Duration = Duration::from_secs(1);
/// The number of hints that one poll answers, so that an endless stream can't delay the poll.
const HINTS_PER_POLL: usize = 1000;
/// The part of the deadline that is kept for the last poll.
const FOR_THE_LAST_POLL: Duration = Duration::from_secs(1);

type Poll<'a, T> = Box<dyn for<'c> FnMut(&'c mut Call<'a>) -> BoxFuture<'c, Result<T>> + Send + 'a>;

/// Waits for a `T`. Await it to start.
///
/// The first poll is sent at once. The waits between polls grow and are jittered: each takes a half to the whole of a
/// bound that doubles. The last poll is sent shortly before the deadline. After a transient failure, polls go on. A
/// `Retry-After` of the service replaces the wait, and hints do not shorten it. Dropping the future stops the wait.
///
/// An error is the one of the last poll, and [`Error::attempts`] counts the attempts of all polls.
#[must_use = "waiting starts when this is awaited"]
pub struct Wait<'a, T> {
    core: &'a Core,
    operation: Operation,
    #[cfg(feature = "webhooks")]
    card: Option<CardKey>,
    poll: Poll<'a, T>,
    deadline: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    hints: Option<BoxStream<'a, ()>>,
}

impl<'a, T: 'a> Wait<'a, T> {
    /// `poll` requests `operation`. It returns [`not_yet`] to go on.
    pub(crate) fn new<P>(core: &'a Core, operation: Operation, poll: P) -> Self
    where
        P: for<'c> FnMut(&'c mut Call<'a>) -> BoxFuture<'c, Result<T>> + Send + 'a,
    {
        Self {
            core,
            operation,
            #[cfg(feature = "webhooks")]
            card: None,
            poll: Box::new(poll),
            deadline: DEADLINE,
            first_wait: FIRST_WAIT,
            longest_wait: LONGEST_WAIT,
            hints: None,
        }
    }

    /// Sets the card whose events end a pause.
    #[cfg(feature = "webhooks")]
    pub(crate) fn of_card(mut self, card: CardKey) -> Self {
        self.card = Some(card);
        self
    }

    /// Sets the time for the whole wait, including each poll and each retry; 60 seconds by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the bounds of the first and the longest wait between polls; 1 and 15 seconds by default. Each is at least 10
    /// milliseconds.
    pub fn polls(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first.max(SHORTEST_BOUND);
        self.longest_wait = longest.max(self.first_wait);
        self
    }

    /// Polls whenever `hints` yields an item. The item itself is ignored.
    ///
    /// Ten hints are followed at once, and a flood of hints once a second. For webhooks there is `events`, which skips
    /// events that don't matter.
    ///
    /// Hints can get lost, so polls go on with the longest wait, also after the stream ends. If a hinted poll finds
    /// nothing, the next poll comes after the first wait, because the hint may have been faster than the service.
    ///
    /// ```
    /// use cmp::{CardId, Client, NetworkToken};
    /// use futures_util::stream::poll_fn;
    /// use tokio::sync::mpsc::Receiver;
    ///
    /// async fn wait(
    ///     cmp: &Client,
    ///     id: &CardId,
    ///     mut hints: Receiver<()>,
    /// ) -> cmp::Result<NetworkToken> {
    ///     let hints = poll_fn(|context| hints.poll_recv(context));
    ///     cmp.network_tokens().wait_for(id).hints(hints).await
    /// }
    /// ```
    pub fn hints<S>(mut self, hints: S) -> Self
    where
        S: Stream + Send + 'a,
    {
        self.hints = Some(hints.map(|_| ()).boxed());
        self
    }

    /// Polls whenever an event is about a network token of the card, as for [`hints`](Self::hints). Skips other events,
    /// such as those of the account updater or of other cards.
    ///
    /// ```
    /// use cmp::{CardId, Client, NetworkToken, webhooks::Event};
    /// use futures_util::stream::poll_fn;
    /// use tokio::sync::mpsc::Receiver;
    ///
    /// /// The receiver of webhooks sends each verified event.
    /// async fn wait(
    ///     cmp: &Client,
    ///     id: &CardId,
    ///     mut events: Receiver<Event>,
    /// ) -> cmp::Result<NetworkToken> {
    ///     let events = poll_fn(|context| events.poll_recv(context));
    ///     cmp.network_tokens().wait_for(id).events(events).await
    /// }
    /// ```
    ///
    /// To test a wait that a webhook ends, let the simulator hold the token back (`TokenArrival::Held`) and start the wait
    /// with [`polls`](Self::polls) hours apart. Then call `simulator.world().deliver_token(id)`: the simulator sends the
    /// webhook, and only this event can end the wait.
    #[cfg(feature = "webhooks")]
    pub fn events<S>(self, events: S) -> Self
    where
        S: Stream<Item = Event> + Send + 'a,
    {
        let card = self.card.clone();
        let is_hint = move |event: &Event| card.as_ref().is_none_or(|card| card.may_have_token_in(event));
        self.hints(events.filter(move |event| std::future::ready(is_hint(event))))
    }

    async fn run(mut self) -> Result<T> {
        let core = self.core;
        let deadline = after(core.clock.now(), self.deadline);
        let mut call = core.begin_until(deadline);
        let mut bound = if self.hints.is_some() { self.longest_wait } else { self.first_wait };
        let mut hints = self.hints.unwrap_or_else(|| stream::pending().boxed());
        let for_the_last = FOR_THE_LAST_POLL.min(bound).min(self.deadline / 4);
        let mut pace = Pace::default();
        loop {
            let error = match (self.poll)(&mut call).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let give_up = |error: Error, reason| call.fail(error.finished(self.operation, 0, reason));
            if !error.is_retryable() {
                return Err(give_up(error, StopReason::NotTransient));
            }
            let left = deadline.saturating_duration_since(core.clock.now());
            let mut hinted = false;
            match error.retry_after().filter(|asked| !asked.is_zero()) {
                Some(asked) if asked < left => core.clock.sleep(asked).await,
                Some(_) => {
                    return Err(give_up(error, StopReason::DeadlineTooClose));
                }
                None => {
                    let poll = bound.min(left).mul_f64(0.5 + core.jitter.next() / 2.0);
                    // After the last poll only a hint is a reason for another.
                    let wait = if left > for_the_last { poll.min(left - for_the_last) } else { left };
                    if pause(core, wait, &mut hints).await == Pause::Hinted {
                        let early = pace.until_next(core.clock.now());
                        if !early.is_zero() {
                            core.clock.sleep(early.min(left)).await;
                            drain(&mut hints);
                        }
                        hinted = true;
                    }
                }
            }
            if core.clock.now() >= deadline {
                return Err(give_up(error, StopReason::DeadlineTooClose));
            }
            bound = if hinted { self.first_wait } else { bound.saturating_mul(2).min(self.longest_wait) };
        }
    }
}

/// The error of a poll that was answered without what is waited for.
pub(crate) fn not_yet(message: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, Delivery::Answered, message)
}

/// Limits how fast hints are followed.
#[derive(Default)]
struct Pace {
    /// When all spare polls are available again.
    full_at: Option<Instant>,
}

impl Pace {
    /// Takes a spare poll, and returns the time until it is available.
    fn until_next(&mut self, now: Instant) -> Duration {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + PER_SPARE_POLL;
        self.full_at = Some(full_at);
        full_at.saturating_duration_since(now + SPARE_POLLS * PER_SPARE_POLL)
    }
}

/// Takes the hints that have come: the next poll answers all of them.
fn drain(hints: &mut BoxStream<'_, ()>) {
    for _ in 0..HINTS_PER_POLL {
        match hints.next().now_or_never() {
            Some(Some(())) => {}
            Some(None) => return *hints = stream::pending().boxed(),
            None => return,
        }
    }
}

#[derive(PartialEq)]
enum Pause {
    Over,
    Hinted,
}

/// Waits for `wait`, or until a hint comes.
async fn pause(core: &Core, wait: Duration, hints: &mut BoxStream<'_, ()>) -> Pause {
    let hint = async {
        if hints.next().await.is_none() {
            *hints = stream::pending().boxed();
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = hint => Pause::Hinted,
        () = core.clock.sleep(wait) => Pause::Over,
    }
}

impl<'a, T: 'a> IntoFuture for Wait<'a, T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'a, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let timed = self.core.metrics.start(Work::Wait(self.operation));
            let result = self.run().await;
            timed.end(|| Ending::of(result.as_ref().err()));
            result
        }
        .boxed()
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("operation", &self.operation)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_hints_are_followed_at_once_and_a_flood_once_a_second() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let second = Duration::from_secs(1);
        for _ in 0..10 {
            assert_eq!(pace.until_next(start), Duration::ZERO);
        }
        assert_eq!(pace.until_next(start), second);
        assert_eq!(pace.until_next(start + second), second);
        // Five seconds after the start three polls are available again, and after a minute ten.
        let later = start + 5 * second;
        let waits: Vec<_> = (0..4).map(|_| pace.until_next(later)).collect();
        assert_eq!(waits, [Duration::ZERO, Duration::ZERO, Duration::ZERO, second]);
        let much_later = start + 60 * second;
        assert!((0..10).all(|_| pace.until_next(much_later).is_zero()));
        assert!(!pace.until_next(much_later).is_zero());
    }
}
