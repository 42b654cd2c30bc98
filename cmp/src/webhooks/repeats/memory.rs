use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::{SeenEvents, SeenFuture, Sighting};
use crate::clock::{Clock, SystemClock};

/// Longer than any receiver should take to handle an event.
const LEASE: Duration = Duration::from_secs(60);

/// The latest events, in the memory of this process.
///
/// Memory is bounded: of each event a digest of 32 octets is kept, and beyond the capacity the oldest are forgotten. A
/// repeat that comes after that is handled again, so the capacity must cover the time over which the service repeats.
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
    entries: HashMap<Key, Entry>,
    /// By age, the oldest first.
    order: BTreeMap<u64, Key>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    place: u64,
    /// Of a claim that has not been completed.
    claimed: Option<Instant>,
}

impl MemoryStore {
    /// Remembers the latest `capacity` events, at least one.
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

    /// How many events are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen().entries.len()
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
        let lapsed = match seen.entries.get(&key) {
            Some(Entry { claimed: None, .. }) => return Sighting::Repeat,
            Some(Entry { claimed: Some(since), .. }) => now.saturating_duration_since(*since) >= self.lease,
            None => true,
        };
        if !lapsed {
            return Sighting::InProgress;
        }
        seen.forget(&key);
        seen.note(key, now);
        if seen.entries.len() > self.capacity {
            seen.forget_oldest();
        }
        Sighting::First
    }
}

impl Seen {
    fn note(&mut self, key: Key, now: Instant) {
        let place = self.next;
        self.next += 1;
        self.order.insert(place, key);
        self.entries.insert(key, Entry { place, claimed: Some(now) });
    }

    fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.place);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.entries.remove(&key);
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

    fn complete<'a>(&'a self, id: &'a str) -> SeenFuture<'a, ()> {
        Box::pin(async {
            if let Some(entry) = self.seen().entries.get_mut(&key(id)) {
                entry.claimed = None;
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, id: &'a str) -> SeenFuture<'a, ()> {
        Box::pin(async {
            self.seen().forget(&key(id));
            Ok(())
        })
    }
}
