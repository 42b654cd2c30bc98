//! Deduplication: the service may deliver one event more than once, and does not say how often or how much later.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    future::{Future, pending},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::model::Event;
use crate::{
    clock::{self, Clock, SystemClock},
    metrics::{Happening, Metrics},
};

/// How long the deliveries of an event wait after its receiver died.
const LEASE: Duration = Duration::from_secs(60);

/// Handles each event once, however often it is delivered.
///
/// The promise is "at least once", as long as refused deliveries come again. An event that was handled is not handled
/// again, and two deliveries are not handled at the same time, except in these cases:
///
/// * The work succeeded and the store could not record it. The caller gets the [`StoreError`], and the event is handled
///   again after its claim expires.
/// * The claim could not be renewed while the work ran: the store was away, or the work blocked its thread, for longer than
///   a claim lasts. The next delivery is then handled at the same time.
/// * The store has forgotten the event.
///
/// A store knows events by their ids alone. So two effects of one event need two stores, or one `work` for both; `cmp-store`
/// has names for that.
///
/// The claim is renewed each third of its time for as long as the work runs. Give work that may hang a time limit. The store
/// has as long for each answer, and then counts as away. Both need tokio's timer, unless the work ends and the store answers
/// at once.
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
pub struct Deduplicator {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

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
        Self { store: Arc::new(store), clock: Arc::new(SystemClock), metrics: Metrics::default() }
    }

    /// Uses this clock to renew claims: see [`clock`](crate::clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Counts the outcomes of events with this meter: see [`metrics`](crate::metrics).
    #[cfg(feature = "opentelemetry")]
    #[must_use]
    pub fn meter(mut self, meter: &crate::metrics::Meter) -> Self {
        self.metrics = Metrics::new(Some(meter), &self.clock, None);
        self
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
        let mut counted = Counted { metrics: &self.metrics, outcome: "cancelled" };
        let claim = self.within(self.store.claim(&event.id)).await;
        let claim = claim.inspect_err(|_| counted.outcome = "store_failed")?;
        let claim = match claim {
            ClaimOutcome::Handled => {
                counted.outcome = "duplicate";
                return Ok(Handled::Before);
            }
            ClaimOutcome::InProgress => {
                counted.outcome = "in_progress";
                return Ok(Handled::InProgress);
            }
            ClaimOutcome::Claimed(claim) => claim,
        };
        match self.renewing(&event.id, claim, work()).await {
            Ok(result) => {
                let completed = self.within(self.store.complete(&event.id, claim)).await;
                counted.outcome = if completed.is_ok() { "handled" } else { "store_failed" };
                completed?;
                Ok(Handled::Now(result))
            }
            Err(error) => {
                counted.outcome = "failed";
                if let Err(unreleased) = self.within(self.store.release(&event.id, claim)).await {
                    tracing::warn!(error = %unreleased, "the event stays claimed until its claim expires");
                }
                Err(error)
            }
        }
    }

    /// How often a claim is renewed.
    fn interval(&self) -> Duration {
        (self.store.claim_lifetime() / 3).max(Duration::from_millis(1))
    }

    /// Waits for an answer of the store. A connection can be dead for many minutes before TCP says so, and another one may be
    /// good.
    async fn within<T>(&self, answer: StoreFuture<'_, T>) -> Result<T, StoreError> {
        // The alarm is made only if it is needed.
        let late = async { self.clock.alarm(clock::after(self.clock.now(), self.interval())).await };
        tokio::select! {
            biased;
            answer = answer => answer,
            () = late => Err(StoreError::new("it did not answer in time")),
        }
    }

    /// Runs `work` and renews the claim meanwhile.
    async fn renewing<T>(&self, id: &str, claim: Claim, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut renewals = pin!(async {
            let mut due = clock::after(self.clock.now(), self.interval());
            loop {
                self.clock.alarm(due).await;
                // After an answer that did not come, the next try is due at once.
                due = clock::after(self.clock.now(), self.interval());
                match self.within(self.store.renew(id, claim)).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!("the claim has expired, and the event is another receiver's");
                        return pending::<()>().await;
                    }
                    Err(error) => tracing::warn!(%error, "the claim of the event could not be renewed"),
                }
            }
        });
        tokio::select! {
            biased;
            result = &mut work => result,
            () = &mut renewals => work.await,
        }
    }
}

/// Counts the outcome of an event when it is dropped, since a caller may drop the future that handles it.
struct Counted<'a> {
    metrics: &'a Metrics,
    outcome: &'static str,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.metrics.count(|| Happening::Event(self.outcome));
    }
}

/// A store of the events that were handled or are being handled, by their ids.
///
/// [`MemoryStore`] serves one process. Several receivers share a store, such as a table: the crate `cmp-store` has one for
/// Postgres and SQLite. To check a store of your own, run it through `webhooks::conformance` (feature `test-util`). A claim
/// must expire after a while, because its receiver may have died. Then another receiver may claim the event, and whatever the
/// first one still says about its claim must change nothing. So each claim has a number that is never used again.
///
/// A table in Postgres:
///
/// ```sql
/// CREATE SEQUENCE claims;
/// CREATE TABLE events (
///     -- The SHA-256 of the event's id: an id may be long, or contain a NUL.
///     id bytea PRIMARY KEY,
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
/// -- renew: true if it changes a row.
/// UPDATE events SET claimed_at = now()
/// WHERE id = $1 AND claim = $2 AND NOT handled;
///
/// -- release
/// DELETE FROM events WHERE id = $1 AND claim = $2 AND NOT handled;
/// ```
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Claims the event, unless it was handled or is being handled. Must be atomic.
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome>;

    /// Returns the time after which a claim expires.
    fn claim_lifetime(&self) -> Duration;

    /// Lets a claim last for another [`claim_lifetime`](Self::claim_lifetime) from now. Returns `false` and does nothing if the event was
    /// handled or released, or if another receiver has claimed it since.
    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool>;

    /// Records that a claimed event was handled, also if the claim has expired. Does nothing if another receiver has claimed the event since.
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

    fn claim_lifetime(&self) -> Duration {
        self.lease
    }

    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut events = self.events();
            let own = events.in_progress.get_mut(&key(id)).filter(|event| event.claim == claim);
            Ok(own.map(|event| event.since = now).is_some())
        })
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
