//! Waiting for what the service does in its own time: a look, a pause, and another look.

use std::{
    fmt,
    future::IntoFuture,
    time::{Duration, Instant},
};

#[cfg(feature = "webhooks")]
use std::future::ready;

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

#[cfg(feature = "webhooks")]
use crate::webhooks::{Event, Subject};
use crate::{
    call::{Call, Core},
    clock::after,
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    operation::Operation,
};

const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How many hints are followed at once, so that the one that matters is not late because others came before it.
const SPARE_LOOKS: u32 = 10;
/// A spare look comes back so often: a flood of hints asks no faster than this for long.
const PER_SPARE_LOOK: Duration = Duration::from_secs(1);
/// More hints than these are not taken together, so that a stream without an end can't hold up the look.
const HINTS_PER_LOOK: usize = 1000;
/// What the waits leave of the deadline, so that the last look comes before it and not at it.
const FOR_THE_LAST_LOOK: Duration = Duration::from_secs(1);

type Look<'a, T> = Box<dyn for<'c> FnMut(&'c mut Call<'a>) -> BoxFuture<'c, Result<T>> + Send + 'a>;

/// Waits for a `T`; await it to start.
///
/// It looks at once, then after waits that grow and are jittered (a half to the whole of a bound that doubles), and
/// once more shortly before the deadline. A look that fails in a way that may pass is one more poll; a `Retry-After` of
/// the service takes the place of the wait, whatever the hints say. Dropping it stops it and loses nothing.
///
/// Where it fails, the error is the last look's, and [`Error::attempts`] counts those of all looks.
#[must_use = "waiting starts when this is awaited"]
pub struct Wait<'a, T> {
    core: &'a Core,
    operation: Operation,
    #[cfg(feature = "webhooks")]
    subject: Option<Subject>,
    look: Look<'a, T>,
    deadline: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    hints: Option<BoxStream<'a, ()>>,
}

impl<'a, T: 'a> Wait<'a, T> {
    /// `look` reads by `operation` what is waited for. What is [`not_yet`] there is an error like others that pass.
    pub(crate) fn new<L>(core: &'a Core, operation: Operation, look: L) -> Self
    where
        L: for<'c> FnMut(&'c mut Call<'a>) -> BoxFuture<'c, Result<T>> + Send + 'a,
    {
        Self {
            core,
            operation,
            #[cfg(feature = "webhooks")]
            subject: None,
            look: Box::new(look),
            deadline: DEADLINE,
            first_wait: FIRST_WAIT,
            longest_wait: LONGEST_WAIT,
            hints: None,
        }
    }

    /// Says which card's events are those that matter.
    #[cfg(feature = "webhooks")]
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The time for all of it, each read and each retry included; 60 seconds unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The bounds of the first and the longest wait; 1 and 15 seconds unless set.
    pub fn polls(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest.max(first);
        self
    }

    /// Looks whenever `hints` yields something.
    ///
    /// A hint is only a reason to look: what it says is not trusted. Ten hints are followed at once, each look comes back
    /// after a second, and a flood of hints is followed once a second. For webhooks there is `events`, which passes on
    /// those that matter.
    ///
    /// Since hints can get lost, polls go on beside them, with the longest wait. Where a hinted look found nothing, the
    /// next poll comes after the first wait, in case the hint was faster than the service. When the stream ends, polls go
    /// on alone.
    ///
    /// ```
    /// # async fn example(cmp: &cmp::Client, id: &cmp::CardId) -> cmp::Result<()> {
    /// let (elsewhere, mut hints) = tokio::sync::mpsc::channel::<()>(8);
    /// let hints = futures_util::stream::poll_fn(|context| hints.poll_recv(context));
    /// let token = cmp.network_tokens().wait_for(id).hints(hints).await?;
    /// # drop((elsewhere, token));
    /// # Ok(())
    /// # }
    /// ```
    pub fn hints<S>(mut self, hints: S) -> Self
    where
        S: Stream + Send + 'a,
    {
        self.hints = Some(hints.map(|_| ()).boxed());
        self
    }

    /// Looks whenever an event is about the network token that is waited for: [`hints`](Self::hints) that pass over all
    /// others, such as those of the account updater and those of other cards.
    ///
    /// ```
    /// # async fn example(cmp: &cmp::Client, id: &cmp::CardId) -> cmp::Result<()> {
    /// use cmp::webhooks::Event;
    ///
    /// // The receiver of the webhooks sends each verified event into it.
    /// let (receiver, mut events) = tokio::sync::mpsc::channel::<Event>(100);
    /// let events = futures_util::stream::poll_fn(|context| events.poll_recv(context));
    /// let token = cmp.network_tokens().wait_for(id).events(events).await?;
    /// # drop((receiver, token));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// To test a wait that a webhook wakes, let the simulator hold the token back (`TokenArrival::Held`), start the wait
    /// with [`polls`](Self::polls) hours apart, and call `simulator.world().deliver_token(id)`: the simulator notifies
    /// the receiver, and only the event can end the wait.
    #[cfg(feature = "webhooks")]
    pub fn events<S>(self, events: S) -> Self
    where
        S: Stream<Item = Event> + Send + 'a,
    {
        let subject = self.subject.clone();
        self.hints(events.filter(move |event| {
            ready(subject.as_ref().is_none_or(|subject| subject.may_have_token_in(event)))
        }))
    }

    async fn run(mut self) -> Result<T> {
        let core = self.core;
        let deadline = after(core.clock.now(), self.deadline);
        let mut call = core.begin_until(deadline);
        let mut bound = if self.hints.is_some() { self.longest_wait } else { self.first_wait };
        let mut hints = self.hints.unwrap_or_else(|| stream::pending().boxed());
        let for_the_last = FOR_THE_LAST_LOOK.min(bound).min(self.deadline / 4);
        let mut pace = Pace::default();
        loop {
            let error = match (self.look)(&mut call).await {
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
                    // After the last look only a hint is worth another.
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

/// What a look that was answered, but not as hoped, ends with.
pub(crate) fn not_yet(message: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, Delivery::Answered, message)
}

/// How fast hints are followed.
#[derive(Default)]
struct Pace {
    /// When all spare looks are there again.
    all_there_at: Option<Instant>,
}

impl Pace {
    /// Takes the next look, and returns how long it has to wait.
    fn until_next(&mut self, now: Instant) -> Duration {
        let all_there_at = self.all_there_at.map_or(now, |at| at.max(now)) + PER_SPARE_LOOK;
        self.all_there_at = Some(all_there_at);
        all_there_at.saturating_duration_since(now + SPARE_LOOKS * PER_SPARE_LOOK)
    }
}

/// Takes the hints that are there: the look that follows is newer than all of them.
fn drain(hints: &mut BoxStream<'_, ()>) {
    for _ in 0..HINTS_PER_LOOK {
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

/// Ends after `wait`, or with a hint.
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
        self.run().boxed()
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
        // Five seconds after the start three looks are there again, and after a minute ten.
        let later = start + 5 * second;
        let waits: Vec<_> = (0..4).map(|_| pace.until_next(later)).collect();
        assert_eq!(waits, [Duration::ZERO, Duration::ZERO, Duration::ZERO, second]);
        let much_later = start + 60 * second;
        assert!((0..10).all(|_| pace.until_next(much_later).is_zero()));
        assert!(!pace.until_next(much_later).is_zero());
    }
}
