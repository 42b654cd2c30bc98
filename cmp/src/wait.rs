//! Waiting for what the service does in its own time: a look, a pause, and another look.

use std::{
    fmt,
    future::{Future, IntoFuture},
    time::Duration,
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use crate::{
    call::Core,
    clock::after,
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    operation::Operation,
};

const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A service that forwards the events of all its cards must not ask faster than one that polls.
const BETWEEN_HINTS: Duration = Duration::from_secs(1);
/// What the waits leave of the deadline, so that the last look comes before it and not at it.
const FOR_THE_LAST_LOOK: Duration = Duration::from_secs(1);

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
    look: Box<dyn FnMut(Core) -> BoxFuture<'a, Result<T>> + Send + 'a>,
    deadline: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    hints: Option<BoxStream<'a, ()>>,
}

impl<'a, T: 'a> Wait<'a, T> {
    /// `look` reads by `operation` what is waited for. What is [`not_yet`] there is an error like others that pass.
    pub(crate) fn new<L, F>(core: &'a Core, operation: Operation, mut look: L) -> Self
    where
        L: FnMut(Core) -> F + Send + 'a,
        F: Future<Output = Result<T>> + Send + 'a,
    {
        Self {
            core,
            operation,
            look: Box::new(move |core| look(core).boxed()),
            deadline: DEADLINE,
            first_wait: FIRST_WAIT,
            longest_wait: LONGEST_WAIT,
            hints: None,
        }
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

    /// Looks whenever `hints` yields something, such as a webhook event for this card.
    ///
    /// A hint is only a reason to look: what it says is not trusted. The first is followed at once, later ones once a
    /// second at most. Since events can get lost, polls go on beside them, but all with the longest wait. When the stream
    /// ends, they go on alone.
    ///
    /// ```
    /// # async fn example(cmp: &cmp::Client, id: &cmp::CardId) -> cmp::Result<()> {
    /// let (webhook_handler, mut events) = tokio::sync::mpsc::channel::<()>(8);
    /// let hints = futures_util::stream::poll_fn(|context| events.poll_recv(context));
    /// let token = cmp.network_tokens().wait_for(id).hints(hints).await?;
    /// # drop((webhook_handler, token));
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

    async fn run(mut self) -> Result<T> {
        let core = self.core;
        let deadline = after(core.clock.now(), self.deadline);
        let mut bound = if self.hints.is_some() { self.longest_wait } else { self.first_wait };
        let mut hints = self.hints.unwrap_or_else(|| stream::pending().boxed());
        let for_the_last = FOR_THE_LAST_LOOK.min(bound).min(self.deadline / 4);
        let mut attempts = 0;
        let mut hinted_at = None;
        loop {
            let error = match (self.look)(core.until(deadline)).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            // One that was answered, but not as hoped, was a request too.
            attempts += error.attempts().max(1);
            if !error.is_retryable() {
                return Err(error.finished(self.operation, attempts, StopReason::NotTransient));
            }
            let left = deadline.saturating_duration_since(core.clock.now());
            match error.retry_after().filter(|asked| !asked.is_zero()) {
                Some(asked) if asked < left => core.clock.sleep(asked).await,
                Some(_) => {
                    return Err(error.finished(self.operation, attempts, StopReason::DeadlineTooClose));
                }
                None => {
                    let poll = bound.min(left).mul_f64(0.5 + core.jitter.next() / 2.0);
                    // After the last look only a hint is worth another.
                    let wait = if left > for_the_last { poll.min(left - for_the_last) } else { left };
                    if pause(core, wait, &mut hints).await == Pause::Hinted {
                        let next = hinted_at.map_or(core.clock.now(), |at| at + BETWEEN_HINTS);
                        let early = next.saturating_duration_since(core.clock.now());
                        if !early.is_zero() {
                            core.clock.sleep(early.min(left)).await;
                        }
                        hinted_at = Some(core.clock.now());
                    }
                }
            }
            if core.clock.now() >= deadline {
                return Err(error.finished(self.operation, attempts, StopReason::DeadlineTooClose));
            }
            bound = bound.saturating_mul(2).min(self.longest_wait);
        }
    }
}

/// What a look that was answered, but not as hoped, ends with.
pub(crate) fn not_yet(message: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, Delivery::Answered, message)
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
