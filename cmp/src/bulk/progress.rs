use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;

/// How far a run has come, in calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkProgress {
    /// Calls that were started.
    pub started: u64,
    /// Of these, those that succeeded: their outcome is `Ok`. What the answer says doesn't count: a network token that
    /// was [provisioned](super::BulkOver::provision) may be in the state `failed`.
    pub succeeded: u64,
    /// Of these, those that failed.
    pub failed: u64,
}

impl BulkProgress {
    /// Calls with an outcome.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Calls without one yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished())
    }
}

/// A handle to watch and stop a run from elsewhere. Clones are of one run.
#[derive(Clone, Default)]
pub struct BulkHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    stopped: AtomicBool,
    waker: AtomicWaker,
}

impl BulkHandle {
    /// Starts no further call. Those in flight finish, and then the run ends.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// Whether the run was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// How far the run has come.
    #[must_use]
    pub fn progress(&self) -> BulkProgress {
        // Outcomes before starts: a call that ends between the two reads can't have ended before it started.
        let (succeeded, failed) =
            (self.0.succeeded.load(Ordering::Acquire), self.0.failed.load(Ordering::Acquire));
        BulkProgress { started: self.0.started.load(Ordering::Acquire), succeeded, failed }
    }

    pub(super) fn count_start(&self) {
        self.0.started.fetch_add(1, Ordering::Release);
    }

    pub(super) fn count_outcome(&self, succeeded: bool) {
        let counter = if succeeded { &self.0.succeeded } else { &self.0.failed };
        counter.fetch_add(1, Ordering::Release);
    }

    pub(super) fn wake_on_stop(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }
}

impl fmt::Debug for BulkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkHandle")
            .field("progress", &self.progress())
            .field("stopped", &self.is_stopped())
            .finish()
    }
}
