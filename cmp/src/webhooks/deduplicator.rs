//! Deduplication: the service may deliver one event more than once, and does not say how often or how much later.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::model::Event;
use crate::clock::{Clock, SystemClock};

/// Longer than any receiver should take to handle an event.
const LEASE: Duration = Duration::from_secs(60);

/// Handles each event once, however often it is delivered.
///
/// The promise is "at least once", as long as refused deliveries come again. An event that was handled is not handled
/// again, and two deliveries are not handled at the same time, except in these cases:
///
/// * The work succeeded and the store could not record it. The caller gets the [`StoreError`], and the event is handled
///   again after its claim expires.
/// * The work takes longer than a claim lasts. The next delivery is then handled at the same time.
/// * The store has forgotten the event.
///
/// If the work panics or its future is dropped, nobody releases the claim. A server may drop it when the connection
/// ends. Deliveries are [`InProgress`](Handled::InProgress) until the claim expires, then the event is new again. Work that must not be
/// repeated records the event's id in its own transaction.
///
/// Cheap to clone; clones share one store.
///
/// ```
/// use cmp::webhooks::{Deduplicator, Event, Handled, StoreError};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let once = Deduplicator::in_memory(10_000);
/// let body = br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#;
/// let event = Event::parse_unverified(body)?;
/// for expected in [Handled::Now("stored"), Handled::Before] {
///     let work = async || Ok::<_, StoreError>("stored");
///     assert_eq!(once.handle(&event, work).await?, expected);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Deduplicator(Arc<dyn EventStore>);

/// The outcome of an event. Accept the delivery for [`Now`](Self::Now) and [`Before`](Self::Before); answer 503 for every
/// other outcome, also for one that this version does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handled<T> {
    /// The work ran, with this result.
    Now(T),
    /// The event was handled before. There is nothing to do; accept the delivery.
    Before,
    /// The event is being handled, which may still fail. Answer 503.
    InProgress,
}

impl Deduplicator {
    /// Remembers events in this store.
    #[must_use]
    pub fn new(store: impl EventStore) -> Self {
        Self(Arc::new(store))
    }

    /// Remembers the latest `capacity` events in memory: see [`MemoryStore`].
    #[must_use]
    pub fn in_memory(capacity: usize) -> Self {
        Self::new(MemoryStore::new(capacity))
    }

    /// Runs `work` if the event is new. If the work fails, the event's next delivery is new again.
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`] if the store can't claim the event or can't record that it was handled.
    /// After an error refuse the delivery, so that it comes again.
    pub async fn handle<T, E>(
        &self,
        event: &Event,
        work: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Handled<T>, E>
    where
        E: From<StoreError>,
    {
        let claim = match self.0.claim(&event.id).await? {
            ClaimOutcome::Handled => return Ok(Handled::Before),
            ClaimOutcome::InProgress => return Ok(Handled::InProgress),
            ClaimOutcome::Claimed(claim) => claim,
        };
        match work().await {
            Ok(result) => {
                self.0.complete(&event.id, claim).await?;
                Ok(Handled::Now(result))
            }
            Err(error) => {
                if let Err(unreleased) = self.0.release(&event.id, claim).await {
                    tracing::warn!(error = %unreleased, "the event stays claimed until its claim expires");
                }
                Err(error)
            }
        }
    }
}

/// A store of the events that were handled or are being handled, by their ids.
///
/// [`MemoryStore`] serves one process. Several receivers share a store of their own, such as a table. A claim must
/// expire after a while, because its receiver may have died. Then another receiver may claim the event, and whatever the
/// first one still says about its claim must change nothing. So each claim has a number that is never used again.
///
/// A table in Postgres:
///
/// ```sql
/// CREATE SEQUENCE claims;
/// CREATE TABLE events (
///     id text PRIMARY KEY,
///     claim bigint,
///     claimed_at timestamptz,
///     handled boolean DEFAULT false
/// );
///
/// -- claim: a row is `Claimed` with its number.
/// INSERT INTO events (id, claim, claimed_at)
/// VALUES ($1, nextval('claims'), now())
/// ON CONFLICT (id)
///     DO UPDATE SET claim = excluded.claim, claimed_at = excluded.claimed_at
///     WHERE NOT events.handled
///         AND events.claimed_at < now() - interval '1 minute'
/// RETURNING claim;
/// -- Without a row: `Handled` if this returns true, else `InProgress`.
/// SELECT handled FROM events WHERE id = $1;
///
/// -- complete
/// UPDATE events SET handled = true WHERE id = $1 AND claim = $2;
///
/// -- release
/// DELETE FROM events WHERE id = $1 AND claim = $2 AND NOT handled;
/// ```
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Claims the event, unless it was handled or is being handled. Must be atomic.
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome>;

    /// Records that a claimed event was handled. Does nothing if another receiver has claimed the event since.
    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()>;

    /// Forgets a claimed event that could not be handled, so that its next delivery is new. Does nothing if another
    /// receiver has claimed the event since.
    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()>;
}

/// The future of an [`EventStore`].
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// An error of an [`EventStore`]. The message must not contain a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of events failed: {0}")]
pub struct StoreError(String);

impl StoreError {
    /// Takes a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The number of a claim. It shows the store whether the event still belongs to the receiver that claimed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim(pub i64);

/// The outcome of [`EventStore::claim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimOutcome {
    /// The event is new, and now claimed.
    Claimed(Claim),
    /// The event is being handled.
    InProgress,
    /// The event was handled.
    Handled,
}

/// The latest events, in the memory of this process.
///
/// Memory is bounded: the store keeps a digest of 32 bytes of each event. Beyond the capacity it forgets the oldest of
/// the events that were handled, and a later delivery of one is handled again. So the capacity must cover the time over
/// which the service repeats deliveries. An event that is being handled is kept until its claim expires.
#[derive(Debug)]
#[must_use]
pub struct MemoryStore {
    capacity: usize,
    lease: Duration,
    clock: Arc<dyn Clock>,
    events: Mutex<Events>,
}

/// The digest of an id, which may be of any length.
type Key = [u8; 32];

#[derive(Debug, Default)]
struct Events {
    in_progress: HashMap<Key, InProgress>,
    handled: HashSet<Key>,
    /// By the time at which they were handled, the oldest first.
    order: VecDeque<Key>,
    last_claim: i64,
}

#[derive(Debug)]
struct InProgress {
    claim: Claim,
    since: Instant,
}

impl MemoryStore {
    /// Remembers the latest `capacity` events that were handled, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            lease: LEASE,
            clock: Arc::new(SystemClock),
            events: Mutex::default(),
        }
    }

    /// Sets the time after which a claim expires and the event is new again; a minute by default.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the number of events in the store, including those that are being handled.
    #[must_use]
    pub fn len(&self) -> usize {
        let events = self.events();
        events.handled.len() + events.in_progress.len()
    }

    /// Returns `true` if the store has no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, id: &str) -> ClaimOutcome {
        let now = self.clock.now();
        let key = key(id);
        let mut events = self.events();
        if events.handled.contains(&key) {
            return ClaimOutcome::Handled;
        }
        events.in_progress.retain(|_, event| now.saturating_duration_since(event.since) < self.lease);
        if events.in_progress.contains_key(&key) {
            return ClaimOutcome::InProgress;
        }
        events.last_claim += 1;
        let claim = Claim(events.last_claim);
        events.in_progress.insert(key, InProgress { claim, since: now });
        ClaimOutcome::Claimed(claim)
    }
}

impl Events {
    /// Ends a claim. Returns `false` if the event has been claimed again since.
    fn end(&mut self, key: &Key, claim: Claim) -> bool {
        let is_current = self.in_progress.get(key).is_none_or(|event| event.claim == claim);
        if is_current {
            self.in_progress.remove(key);
        }
        is_current
    }

    fn record(&mut self, key: Key, capacity: usize) {
        if self.handled.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.handled.remove(&oldest);
        }
    }
}

fn key(id: &str) -> Key {
    Sha256::digest(id).into()
}

impl EventStore for MemoryStore {
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async { Ok(self.claim_now(id)) })
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let key = key(id);
            let mut events = self.events();
            if events.end(&key, claim) {
                events.record(key, self.capacity);
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.events().end(&key(id), claim);
            Ok(())
        })
    }
}
