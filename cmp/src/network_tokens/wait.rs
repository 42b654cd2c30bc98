use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt, stream};

use super::NetworkToken;
use crate::{
    call::{Core, Operation},
    cards::Cards,
    error::{Delivery, Error, ErrorKind, Result},
    retry::StopReason,
    value::CardId,
};

const DEADLINE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

type Hints<'a> = Pin<Box<dyn Stream<Item = ()> + Send + 'a>>;

/// Waits for a card's network token; await it to start.
///
/// It reads the card at once, then after waits that grow and are jittered (a half to the whole of a bound that
/// doubles), until there is a token to pay with. A read that fails in a way that may pass is one more poll.
#[must_use = "waiting starts when this is awaited"]
pub struct WaitForToken<'a> {
    core: &'a Core,
    card: CardId,
    deadline: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    hints: Option<Hints<'a>>,
}

impl<'a> WaitForToken<'a> {
    pub(super) fn new(core: &'a Core, card: CardId) -> Self {
        Self {
            core,
            card,
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

    /// Reads the card whenever `hints` yields something, such as a webhook event for this card.
    ///
    /// A hint is only a reason to look: what it says is not trusted. Since events can get lost, polls go on beside
    /// it, but all with the longest wait. When the stream ends, they go on alone.
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
        self.first_wait = self.longest_wait;
        self.hints = Some(Box::pin(hints.map(|_| ())));
        self
    }

    async fn run(self) -> Result<NetworkToken> {
        let core = self.core;
        let deadline = core.clock.now() + self.deadline;
        let mut hints = self.hints.unwrap_or_else(|| Box::pin(stream::pending()));
        let mut bound = self.first_wait;
        let mut attempts = 0;
        loop {
            let (reason, asked) = match look(core, &self.card, deadline, &mut attempts).await? {
                Look::Found(token) => return Ok(*token),
                Look::NotYet { reason, retry_after } => (reason, retry_after),
            };
            let left = deadline.saturating_duration_since(core.clock.now());
            let wait = bound.mul_f64(0.5 + core.jitter.next() / 2.0).max(asked).min(left);
            pause(core, wait, &mut hints).await;
            if core.clock.now() >= deadline {
                return Err(reason.finished(Operation::GetCard, attempts, StopReason::DeadlineTooClose));
            }
            bound = bound.saturating_mul(2).min(self.longest_wait);
        }
    }
}

/// What one read of the card shows.
enum Look {
    Found(Box<NetworkToken>),
    NotYet { reason: Error, retry_after: Duration },
}

async fn look(core: &Core, card: &CardId, deadline: Instant, attempts: &mut u32) -> Result<Look> {
    let bounded = core.until(deadline);
    let card = match Cards::new(&bounded).get(card).await {
        Ok(card) => card,
        Err(error) if error.is_retryable() => {
            *attempts += error.attempts();
            let retry_after = error.retry_after().unwrap_or_default();
            return Ok(Look::NotYet { reason: error, retry_after });
        }
        Err(error) => return Err(error),
    };
    *attempts += 1;
    match card.network_token() {
        Ok(token) => Ok(Look::Found(Box::new(token.clone()))),
        Err(reason) if reason.is_final() => Err(Error::from(reason).for_operation(Operation::GetCard)),
        Err(reason) => {
            let message = "no network token to pay with in time";
            let reason = Error::new(ErrorKind::Timeout, Delivery::Answered, message).with_source(reason);
            Ok(Look::NotYet { reason, retry_after: Duration::ZERO })
        }
    }
}

/// Ends after `wait`, or with a hint.
async fn pause(core: &Core, wait: Duration, hints: &mut Hints<'_>) {
    let hint = async {
        if hints.next().await.is_none() {
            *hints = Box::pin(stream::pending());
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = hint => {}
        () = core.clock.sleep(wait) => {}
    }
}

impl<'a> IntoFuture for WaitForToken<'a> {
    type Output = Result<NetworkToken>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for WaitForToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForToken")
            .field("card", &self.card)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
