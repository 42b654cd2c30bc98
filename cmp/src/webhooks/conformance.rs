//! The rules of an [`EventStore`], to run against any store.
//!
//! ```
//! use std::time::Duration;
//! use cmp::{
//!     clock::ManualClock,
//!     webhooks::{
//!         EventStore, MemoryStore, StoreFuture,
//!         conformance::{self, Subject},
//!     },
//! };
//!
//! struct InMemory {
//!     store: MemoryStore,
//!     clock: ManualClock,
//! }
//!
//! impl Subject for InMemory {
//!     fn store(&self) -> &dyn EventStore {
//!         &self.store
//!     }
//!
//!     fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
//!         self.clock.advance(by);
//!         Box::pin(async { Ok(()) })
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let clock = ManualClock::new();
//! let store = MemoryStore::new(1_000).clock(clock.clone());
//! conformance::check(&InMemory { store, clock }).await?;
//! # Ok::<(), conformance::Broken>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fmt, future::ready, time::Duration};

use futures_util::future::join_all;

use super::deduplicator::{Claim, ClaimOutcome, EventStore, StoreError, StoreFuture};

/// A store and the ways to move its time.
///
/// A store that uses the clock of a database can't be moved. Its `advance` can instead make the store's rows older.
pub trait Subject: Sync {
    /// Returns the store. It must keep at least 100 events.
    fn store(&self) -> &dyn EventStore;

    /// Lets time pass for the store.
    fn advance(&self, by: Duration) -> StoreFuture<'_, ()>;

    /// Returns the time for which the store keeps what was handled. `None` if no time ends it.
    fn retention(&self) -> Option<Duration> {
        None
    }

    /// Removes what was handled longer ago than the retention.
    fn purge(&self) -> StoreFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }
}

/// A rule that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// The store did what the rule forbids.
    Rule(&'static str),
    /// The store failed where the rule was checked.
    Failed(&'static str, StoreError),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => write!(f, "the store breaks the rule: {rule}"),
            Self::Failed(rule, error) => write!(f, "{error}, while checking the rule: {rule}"),
        }
    }
}

impl std::error::Error for Broken {}

/// Checks a store against every rule of [`EventStore`].
///
/// The store may hold events already. The check adds about fifty, with ids that begin with `conformance`.
///
/// # Errors
/// The first rule that the store breaks.
pub async fn check(subject: &impl Subject) -> Result<(), Broken> {
    let run = Run { subject, store: subject.store() };
    run.outcomes().await?;
    run.ids().await?;
    run.receivers_at_once().await?;
    run.expiry().await?;
    run.overtaken_claims().await?;
    run.renewals().await?;
    run.retention().await
}

struct Run<'a, S> {
    subject: &'a S,
    store: &'a dyn EventStore,
}

fn rule(holds: bool, rule: &'static str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::Rule(rule)) }
}

impl<S: Subject> Run<'_, S> {
    async fn is(&self, id: &str, expected: ClaimOutcome, name: &'static str) -> Result<(), Broken> {
        let found = self.store.claim(id).await.map_err(|error| Broken::Failed(name, error))?;
        rule(found == expected, name)
    }

    async fn is_new(&self, id: &str, name: &'static str) -> Result<Claim, Broken> {
        match self.store.claim(id).await.map_err(|error| Broken::Failed(name, error))? {
            ClaimOutcome::Claimed(claim) => Ok(claim),
            _ => Err(Broken::Rule(name)),
        }
    }

    async fn done<T>(&self, change: StoreFuture<'_, T>, name: &'static str) -> Result<T, Broken> {
        change.await.map_err(|error| Broken::Failed(name, error))
    }

    async fn later(&self, by: Duration) -> Result<(), Broken> {
        self.done(self.subject.advance(by), "time passes").await
    }

    async fn outcomes(&self) -> Result<(), Broken> {
        let id = "conformance outcomes";
        let claim = self.is_new(id, "an unknown event is claimed").await?;
        self.is(id, ClaimOutcome::InProgress, "an event is claimed once").await?;
        self.done(self.store.release(id, claim), "an event is released").await?;
        let second = self.is_new(id, "a released event is new").await?;
        rule(second != claim, "each claim has a number of its own")?;
        self.done(self.store.complete(id, claim), "a released claim completes nothing").await?;
        self.is(id, ClaimOutcome::InProgress, "a released claim completes nothing").await?;
        self.done(self.store.complete(id, second), "an event is completed").await?;
        self.is(id, ClaimOutcome::Handled, "a completed event is handled").await?;
        self.done(self.store.complete(id, second), "an event may be completed twice").await?;
        self.done(self.store.release(id, second), "a handled event can't be released").await?;
        self.is(id, ClaimOutcome::Handled, "a handled event can't be released").await?;
        self.done(self.store.release("conformance unknown", second), "an unknown event may be released").await
    }

    /// An id is any text.
    async fn ids(&self) -> Result<(), Broken> {
        let name = "events with different ids are different";
        let long = "x".repeat(10_000);
        let endings = [
            "",
            "a",
            "A",
            "a ",
            " a",
            "a\0",
            "a\0b",
            "%",
            "_",
            "'",
            "\\",
            "é",
            "e\u{301}",
            &long,
            &long[1..],
        ];
        let ids: Vec<String> = endings.iter().map(|ending| format!("conformance {ending}")).collect();
        for (number, id) in ids.iter().enumerate() {
            let claim = self.is_new(id, name).await?;
            if number % 2 == 0 {
                self.done(self.store.complete(id, claim), name).await?;
            }
        }
        for (number, id) in ids.iter().enumerate() {
            let expected = if number % 2 == 0 { ClaimOutcome::Handled } else { ClaimOutcome::InProgress };
            self.is(id, expected, name).await?;
        }
        Ok(())
    }

    async fn receivers_at_once(&self) -> Result<(), Broken> {
        let name = "of receivers at once, one gets the claim";
        let outcomes = join_all((0..16).map(|_| self.store.claim("conformance at once"))).await;
        let mut claimed = 0;
        for outcome in outcomes {
            match outcome.map_err(|error| Broken::Failed(name, error))? {
                ClaimOutcome::Claimed(_) => claimed += 1,
                ClaimOutcome::InProgress => {}
                ClaimOutcome::Handled => return Err(Broken::Rule(name)),
            }
        }
        rule(claimed == 1, name)
    }

    async fn expiry(&self) -> Result<(), Broken> {
        let (id, lease) = ("conformance expiry", self.store.claim_lifetime());
        let handled = "conformance handled";
        let claim = self.is_new(handled, "an unknown event is claimed").await?;
        self.done(self.store.complete(handled, claim), "an event is completed").await?;

        let first = self.is_new(id, "an unknown event is claimed").await?;
        self.later(lease - lease / 8).await?;
        self.is(id, ClaimOutcome::InProgress, "a claim lasts for the lease").await?;
        self.later(lease / 8).await?;
        let second = self.is_new(id, "a claim expires").await?;
        rule(first != second, "each claim has a number of its own")?;
        self.is(handled, ClaimOutcome::Handled, "a handled event does not expire like a claim").await?;

        let late = "conformance late";
        let claim = self.is_new(late, "an unknown event is claimed").await?;
        self.later(lease * 2).await?;
        let name = "a claim that expired and was not overtaken can be completed";
        self.done(self.store.complete(late, claim), name).await?;
        self.is(late, ClaimOutcome::Handled, name).await
    }

    async fn overtaken_claims(&self) -> Result<(), Broken> {
        let (id, lease) = ("conformance overtaken", self.store.claim_lifetime());
        let overtaken = self.is_new(id, "an unknown event is claimed").await?;
        self.later(lease).await?;
        let current = self.is_new(id, "a claim expires").await?;
        let name = "an overtaken claim releases nothing";
        self.done(self.store.release(id, overtaken), name).await?;
        self.is(id, ClaimOutcome::InProgress, name).await?;
        let name = "an overtaken claim completes nothing";
        self.done(self.store.complete(id, overtaken), name).await?;
        self.is(id, ClaimOutcome::InProgress, name).await?;
        let name = "an overtaken claim is not renewed";
        rule(!self.done(self.store.renew(id, overtaken), name).await?, name)?;
        self.done(self.store.release(id, current), "an event is released").await?;
        self.is_new(id, "a released event is new").await.map(drop)
    }

    async fn renewals(&self) -> Result<(), Broken> {
        let (id, lease) = ("conformance renewal", self.store.claim_lifetime());
        let claim = self.is_new(id, "an unknown event is claimed").await?;
        self.later(lease / 2).await?;
        let name = "a claim can be renewed";
        rule(self.done(self.store.renew(id, claim), name).await?, name)?;
        self.later(lease - lease / 8).await?;
        self.is(id, ClaimOutcome::InProgress, "a renewed claim lasts for another lease").await?;
        self.later(lease / 8).await?;
        let second = self.is_new(id, "a renewed claim expires, too").await?;
        self.done(self.store.complete(id, second), "an event is completed").await?;
        let name = "the claim of a handled event is not renewed";
        rule(!self.done(self.store.renew(id, second), name).await?, name)?;
        self.is(id, ClaimOutcome::Handled, name).await
    }

    async fn retention(&self) -> Result<(), Broken> {
        let (handled, claimed, abandoned) =
            ("conformance kept", "conformance in progress", "conformance abandoned");
        let lease = self.store.claim_lifetime();
        let kept = self.is_new(handled, "an unknown event is claimed").await?;
        self.done(self.store.complete(handled, kept), "an event is completed").await?;
        let old = self.is_new(abandoned, "an unknown event is claimed").await?;
        let retention = self.subject.retention().unwrap_or(lease * 100);
        let name = "a handled event is kept for the retention";
        self.later(retention - retention / 8).await?;
        let current = self.is_new(claimed, "an unknown event is claimed").await?;
        self.done(self.subject.purge(), name).await?;
        self.is(handled, ClaimOutcome::Handled, name).await?;
        self.is(claimed, ClaimOutcome::InProgress, "a claim outlives a purge").await?;
        self.done(self.store.complete(claimed, current), "an event is completed").await?;

        self.later(retention / 4).await?;
        self.done(self.subject.purge(), name).await?;
        if self.subject.retention().is_some() {
            self.is_new(handled, "a purge removes what was handled before the retention").await?;
        }
        self.is(claimed, ClaimOutcome::Handled, name).await?;
        let new = self.is_new(abandoned, "a claim expires").await?;
        let name = "each claim has a number of its own, also after a purge";
        rule(new != old, name)?;
        self.done(self.store.complete(abandoned, old), name).await?;
        self.is(abandoned, ClaimOutcome::InProgress, name).await
    }
}
