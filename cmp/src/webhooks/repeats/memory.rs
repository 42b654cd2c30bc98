use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::{Claim, SeenEvents, SeenFuture, Sighting};
use crate::clock::{Clock, SystemClock};

/// Longer than any receiver should take to handle an event.
const LEASE: Duration = Duration::from_secs(60);

/// The latest events, in the memory of this process.
///
/// Memory is bounded: of each event a digest of 32 octets is kept, and of those that were handled the oldest are forgotten
/// beyond the capacity. A repeat that comes after that is handled again, so the capacity must cover the time over which
/// the service repeats. What is being handled is not forgotten until its claim has lapsed.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    lease: Duration,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// An id may be of any length; its digest is not.
type Key = [u8; 32];

#[derive(Debug, Default)]
struct Seen {
    in_progress: HashMap<Key, InProgress>,
    handled: HashSet<Key>,
    /// By the time at which they were handled, the oldest first.
    order: VecDeque<Key>,
    last: i64,
}

#[derive(Debug)]
struct InProgress {
    claim: Claim,
    since: Instant,
}

impl MemoryStore {
    /// Remembers the latest `capacity` events that were handled, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), lease: LEASE, clock: Arc::new(SystemClock), seen: Mutex::default() }
    }

    /// After what time an event that was claimed and never completed is new again; a minute unless set.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How many events are remembered, those that are being handled included.
    #[must_use]
    pub fn len(&self) -> usize {
        let seen = self.seen();
        seen.handled.len() + seen.in_progress.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, id: &str) -> Sighting {
        let now = self.clock.now();
        let key = key(id);
        let mut seen = self.seen();
        if seen.handled.contains(&key) {
            return Sighting::Repeat;
        }
        seen.in_progress.retain(|_, event| now.saturating_duration_since(event.since) < self.lease);
        if seen.in_progress.contains_key(&key) {
            return Sighting::InProgress;
        }
        seen.last += 1;
        let claim = Claim::new(seen.last);
        seen.in_progress.insert(key, InProgress { claim, since: now });
        Sighting::First(claim)
    }
}

impl Seen {
    /// Ends a claim, unless the event has been claimed anew.
    fn end(&mut self, key: &Key, claim: Claim) -> bool {
        let is_anothers = self.in_progress.get(key).is_some_and(|event| event.claim != claim);
        if !is_anothers {
            self.in_progress.remove(key);
        }
        !is_anothers
    }

    fn note(&mut self, key: Key, capacity: usize) {
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

impl SeenEvents for MemoryStore {
    fn claim<'a>(&'a self, id: &'a str) -> SeenFuture<'a, Sighting> {
        Box::pin(async { Ok(self.claim_now(id)) })
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> SeenFuture<'a, ()> {
        Box::pin(async move {
            let key = key(id);
            let mut seen = self.seen();
            if seen.end(&key, claim) {
                seen.note(key, self.capacity);
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> SeenFuture<'a, ()> {
        Box::pin(async move {
            self.seen().end(&key(id), claim);
            Ok(())
        })
    }
}
