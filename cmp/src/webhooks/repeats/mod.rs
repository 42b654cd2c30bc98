//! Repeats: the service may deliver one event more than once, and does not say how often or how much later.

mod memory;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

pub use memory::MemoryStore;

use super::Event;

/// The future of a [`SeenEvents`].
pub type SeenFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SeenError>> + Send + 'a>>;

/// A store of the events that were seen, by their ids.
///
/// [`MemoryStore`] serves one process. Several receivers share a store of their own, such as a table. A claim has to
/// lapse after a while, because its receiver may have died; from then on the event is another receiver's, and what the
/// first one still says of its claim must change nothing. So each claim has a number that the store never gave before.
///
/// A table in Postgres:
///
/// ```sql
/// CREATE SEQUENCE claims;
/// CREATE TABLE seen_events (id text PRIMARY KEY, claim bigint, claimed_at timestamptz, handled boolean DEFAULT false);
///
/// -- claim: a row is `First` with its number.
/// INSERT INTO seen_events (id, claim, claimed_at) VALUES ($1, nextval('claims'), now())
/// ON CONFLICT (id) DO UPDATE SET claim = excluded.claim, claimed_at = excluded.claimed_at
///     WHERE NOT seen_events.handled AND seen_events.claimed_at < now() - interval '1 minute'
/// RETURNING claim;
/// -- Without a row, `Repeat` if this says true, else `InProgress`:
/// SELECT handled FROM seen_events WHERE id = $1;
///
/// -- complete
/// UPDATE seen_events SET handled = true WHERE id = $1 AND claim = $2;
///
/// -- release
/// DELETE FROM seen_events WHERE id = $1 AND claim = $2 AND NOT handled;
/// ```
pub trait SeenEvents: fmt::Debug + Send + Sync + 'static {
    /// Notes that handling the event begins, unless it has been handled or is being handled. Must be atomic.
    fn claim<'a>(&'a self, id: &'a str) -> SeenFuture<'a, Sighting>;

    /// Notes that a claimed event has been handled. Does nothing if the event has been claimed anew since.
    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> SeenFuture<'a, ()>;

    /// Forgets a claimed event that could not be handled, so that its next delivery is the first again. Does nothing
    /// if the event has been claimed anew since.
    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> SeenFuture<'a, ()>;
}

/// The number of a claim, by which a store knows whether the event still belongs to the receiver that claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim(i64);

impl Claim {
    /// Takes a number; that of a sequence in a database is one.
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// What a store knows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sighting {
    /// It is new, and now claimed.
    First(Claim),
    /// It is being handled.
    InProgress,
    /// It has been handled.
    Repeat,
}

/// Why a store of seen events failed. The message must not hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of seen events failed: {0}")]
pub struct SeenError(String);

impl SeenError {
    /// Takes a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// What became of an event. Acknowledge [`Now`](Self::Now) and [`Before`](Self::Before); refuse everything else for now
/// (503), outcomes that this version doesn't know included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handled<T> {
    /// It was handled, with this result.
    Now(T),
    /// It was handled before: there is nothing to do, and the delivery is to be acknowledged.
    Before,
    /// It is being handled: the delivery is to be refused for now (503), because the handling may still fail.
    InProgress,
}

/// Keeps an event that was handled from being handled again, however often it is delivered.
///
/// The promise is "at least once", as long as refused deliveries come again. What was handled is not handled again, and
/// two deliveries are not handled side by side, but for these cases:
///
/// * The work succeeded, and the store could not note it: the caller gets the [`SeenError`], and the event is handled
///   again once its claim has lapsed.
/// * The work takes longer than a claim lasts: the next delivery is handled beside it.
/// * The store has forgotten the event.
///
/// Where the work panics, or its future is dropped half-way (a server may do so when the connection ends), nobody
/// releases the claim: deliveries are [`InProgress`](Handled::InProgress) until it lapses, then the event is new again.
/// Work that must not be repeated notes the event's id in the transaction of its own effect.
///
/// Cheap to clone; clones share what they have seen.
///
/// ```
/// use cmp::webhooks::{Deduplicator, Event, Handled, SeenError};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let once = Deduplicator::in_memory(10_000);
/// let event = Event::parse_unverified(br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#)?;
/// for expected in [Handled::Now("noted"), Handled::Before] {
///     let handled = once.handle(&event, async || Ok::<_, SeenError>("noted")).await?;
///     assert_eq!(handled, expected);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Deduplicator(Arc<dyn SeenEvents>);

impl Deduplicator {
    /// Remembers the latest `capacity` events in memory.
    #[must_use]
    pub fn in_memory(capacity: usize) -> Self {
        Self::with_store(MemoryStore::new(capacity))
    }

    /// Remembers events in this store.
    #[must_use]
    pub fn with_store(store: impl SeenEvents) -> Self {
        Self(Arc::new(store))
    }

    /// Runs `work` if the event is new. Where it fails, the event's next delivery is new again.
    ///
    /// # Errors
    /// What `work` gives, or [`SeenError`] if the store can't claim the event, or can't note that it was handled. After
    /// an error the delivery is to be refused, so that it comes again.
    pub async fn handle<T, E>(
        &self,
        event: &Event,
        work: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Handled<T>, E>
    where
        E: From<SeenError>,
    {
        let claim = match self.0.claim(event.id()).await? {
            Sighting::Repeat => return Ok(Handled::Before),
            Sighting::InProgress => return Ok(Handled::InProgress),
            Sighting::First(claim) => claim,
        };
        match work().await {
            Ok(result) => {
                self.0.complete(event.id(), claim).await?;
                Ok(Handled::Now(result))
            }
            Err(error) => {
                if let Err(unreleased) = self.0.release(event.id(), claim).await {
                    tracing::warn!(error = %unreleased, "the event stays claimed until its claim lapses");
                }
                Err(error)
            }
        }
    }
}
