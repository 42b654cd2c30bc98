//! The conformance suite passes the memory store, and finds each wrong store that is planted.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cmp::{
    clock::ManualClock,
    webhooks::{
        Claim, ClaimOutcome, EventStore, MemoryStore, StoreError, StoreFuture,
        conformance::{self, Broken, Subject},
    },
};

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(10_000);

struct InMemory {
    store: MemoryStore,
    clock: ManualClock,
}

impl Subject for InMemory {
    fn store(&self) -> &dyn EventStore {
        &self.store
    }

    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        self.clock.advance(by);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn the_memory_store_keeps_every_rule() {
    for lease in [Duration::from_secs(8), LEASE, Duration::from_secs(3600)] {
        let clock = ManualClock::new();
        let store = MemoryStore::new(100).lease(lease).clock(clock.clone());
        conformance::check(&InMemory { store, clock }).await.unwrap();
    }
}

/// A mistake that somebody could make in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    ClaimsTwice,
    LooksAndClaimsInTwoSteps,
    FoldsCase,
    TrimsIds,
    CutsIdsAtNul,
    CutsLongIds,
    EveryClaimIsOne,
    NumbersStartAgainForEachEvent,
    CompletesWithoutLookingAtTheNumber,
    ReleasesWithoutLookingAtTheNumber,
    RenewsWithoutLookingAtTheNumber,
    RefusesToCompleteAnExpiredClaim,
    ReleaseForgetsWhatWasHandled,
    ReleaseDoesNothing,
    CompleteDoesNothing,
    ClaimsNeverExpire,
    ClaimsExpireEarly,
    RenewalDoesNothing,
    RenewsForEver,
    RenewsForTwoLeases,
    RenewsWhatWasHandled,
    HandledExpiresWithItsClaim,
    PurgesTooEarly,
    PurgesClaims,
    NeverPurges,
    FailsToComplete,
}

/// A store in a map, right but for one mistake.
#[derive(Debug)]
struct Wrong {
    mistake: Mistake,
    seconds: AtomicI64,
    rows: Mutex<(i64, HashMap<String, Row>)>,
}

#[derive(Debug, Clone)]
struct Row {
    claim: i64,
    claimed_at: i64,
    handled_at: Option<i64>,
}

impl Wrong {
    fn new(mistake: Mistake) -> Self {
        Self { mistake, seconds: AtomicI64::new(0), rows: Mutex::default() }
    }

    fn has(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn now(&self) -> i64 {
        self.seconds.load(Ordering::Relaxed)
    }

    fn key(&self, id: &str) -> String {
        match self.mistake {
            Mistake::FoldsCase => id.to_lowercase(),
            Mistake::TrimsIds => id.trim().to_owned(),
            Mistake::CutsIdsAtNul => id.split('\0').next().unwrap().to_owned(),
            Mistake::CutsLongIds => id.chars().take(255).collect(),
            _ => id.to_owned(),
        }
    }

    fn claim_now(&self, id: &str) -> ClaimOutcome {
        let lease = match self.mistake {
            Mistake::ClaimsNeverExpire => i64::MAX,
            Mistake::ClaimsExpireEarly => 30,
            _ => 60,
        };
        let (now, mut rows) = (self.now(), self.rows.lock().unwrap());
        let (last, rows) = &mut *rows;
        if let Some(row) = rows.get(&self.key(id)) {
            let is_over = self.has(Mistake::HandledExpiresWithItsClaim) && now - row.claimed_at >= lease;
            if row.handled_at.is_some() && !is_over {
                return ClaimOutcome::Handled;
            }
            if now - row.claimed_at < lease && !self.has(Mistake::ClaimsTwice) {
                return ClaimOutcome::InProgress;
            }
        }
        *last += 1;
        let claim = match self.mistake {
            Mistake::EveryClaimIsOne => 1,
            Mistake::NumbersStartAgainForEachEvent => rows.get(&self.key(id)).map_or(1, |row| row.claim + 1),
            _ => *last,
        };
        rows.insert(self.key(id), Row { claim, claimed_at: now, handled_at: None });
        ClaimOutcome::Claimed(Claim(claim))
    }

    /// Changes the row if it is the claim's.
    fn change(&self, id: &str, claim: Claim, unless: [Mistake; 2], change: impl FnOnce(&mut Row)) -> bool {
        let (now, mut rows) = (self.now(), self.rows.lock().unwrap());
        let Some(row) = rows.1.get_mut(&self.key(id)) else { return false };
        let is_late = self.has(Mistake::RefusesToCompleteAnExpiredClaim) && now - row.claimed_at >= 60;
        let is_current = row.claim == claim.0 || unless.iter().any(|mistake| self.has(*mistake));
        let is_open = row.handled_at.is_none() || unless.iter().any(|mistake| self.has(*mistake));
        let may = is_current && is_open && !is_late;
        if may {
            change(row);
        }
        may
    }

    fn purge_now(&self) {
        let kept = if self.has(Mistake::PurgesTooEarly) { 5_000 } else { 10_000 };
        let now = self.now();
        let claims = self.has(Mistake::PurgesClaims);
        if !self.has(Mistake::NeverPurges) {
            let mut rows = self.rows.lock().unwrap();
            rows.1.retain(|_, row| match row.handled_at {
                Some(at) => now - at <= kept,
                None => !claims,
            });
        }
    }
}

impl EventStore for Wrong {
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async {
            if self.has(Mistake::LooksAndClaimsInTwoSteps) {
                let is_known = self.rows.lock().unwrap().1.contains_key(id);
                tokio::task::yield_now().await;
                if !is_known {
                    self.rows.lock().unwrap().1.remove(id);
                }
            }
            Ok(self.claim_now(id))
        })
    }

    fn claim_lifetime(&self) -> Duration {
        LEASE
    }

    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool> {
        let now = match self.mistake {
            Mistake::RenewsForEver => i64::MAX,
            Mistake::RenewsForTwoLeases => self.now() + 60,
            _ => self.now(),
        };
        let nothing = self.has(Mistake::RenewalDoesNothing);
        let unless = [Mistake::RenewsWithoutLookingAtTheNumber, Mistake::RenewsWhatWasHandled];
        let change = |row: &mut Row| row.claimed_at = if nothing { row.claimed_at } else { now };
        let renewed = self.change(id, claim, unless, change);
        Box::pin(async move { Ok(renewed) })
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        if self.has(Mistake::FailsToComplete) {
            return Box::pin(async { Err(StoreError::new("no connection")) });
        }
        let now = self.now();
        if !self.has(Mistake::CompleteDoesNothing) {
            let unless = [Mistake::CompletesWithoutLookingAtTheNumber; 2];
            self.change(id, claim, unless, |row| row.handled_at = Some(now));
        }
        Box::pin(async { Ok(()) })
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        let unless = [Mistake::ReleasesWithoutLookingAtTheNumber, Mistake::ReleaseForgetsWhatWasHandled];
        if !self.has(Mistake::ReleaseDoesNothing) && self.change(id, claim, unless, |_| ()) {
            self.rows.lock().unwrap().1.remove(&self.key(id));
        }
        Box::pin(async { Ok(()) })
    }
}

impl Subject for Wrong {
    fn store(&self) -> &dyn EventStore {
        self
    }

    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        self.seconds.fetch_add(by.as_secs_f64().ceil() as i64, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }

    fn retention(&self) -> Option<Duration> {
        Some(RETENTION)
    }

    fn purge(&self) -> StoreFuture<'_, ()> {
        self.purge_now();
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn each_mistake_is_found_by_its_rule() {
    conformance::check(&Wrong::new(Mistake::None)).await.unwrap();
    let different = "events with different ids are different";
    let numbers = "each claim has a number of its own";
    for (mistake, rule) in [
        (Mistake::ClaimsTwice, "an event is claimed once"),
        (Mistake::LooksAndClaimsInTwoSteps, "of receivers at once, one gets the claim"),
        (Mistake::FoldsCase, different),
        (Mistake::TrimsIds, different),
        (Mistake::CutsIdsAtNul, different),
        (Mistake::CutsLongIds, different),
        (Mistake::EveryClaimIsOne, numbers),
        (Mistake::NumbersStartAgainForEachEvent, numbers),
        (Mistake::CompletesWithoutLookingAtTheNumber, "a released claim completes nothing"),
        (Mistake::ReleasesWithoutLookingAtTheNumber, "a handled event can't be released"),
        (Mistake::RenewsWithoutLookingAtTheNumber, "an overtaken claim is not renewed"),
        (
            Mistake::RefusesToCompleteAnExpiredClaim,
            "a claim that expired and was not overtaken can be completed",
        ),
        (Mistake::ReleaseForgetsWhatWasHandled, "a handled event can't be released"),
        (Mistake::ReleaseDoesNothing, "a released event is new"),
        (Mistake::CompleteDoesNothing, "a completed event is handled"),
        (Mistake::ClaimsNeverExpire, "a claim expires"),
        (Mistake::ClaimsExpireEarly, "a claim lasts for the lease"),
        (Mistake::RenewalDoesNothing, "a renewed claim lasts for another lease"),
        (Mistake::RenewsForEver, "a renewed claim expires, too"),
        (Mistake::RenewsForTwoLeases, "a renewed claim expires, too"),
        (Mistake::RenewsWhatWasHandled, "an overtaken claim is not renewed"),
        (Mistake::HandledExpiresWithItsClaim, "a handled event does not expire like a claim"),
        (Mistake::PurgesTooEarly, "a handled event is kept for the retention"),
        (Mistake::PurgesClaims, "a claim outlives a purge"),
        (Mistake::NeverPurges, "a purge removes what was handled before the retention"),
    ] {
        let found = conformance::check(&Wrong::new(mistake)).await;
        assert_eq!(found, Err(Broken::Rule(rule)), "{mistake:?}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_reported_with_its_error() {
    let found = conformance::check(&Wrong::new(Mistake::FailsToComplete)).await.unwrap_err();
    assert_eq!(
        found.to_string(),
        "the store of events failed: no connection, while checking the rule: a released claim completes nothing"
    );
}
