use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// What a retry costs and a call that succeeds gives back.
const COST_OF_A_RETRY: u32 = 5;
const GIVEN_BACK: u32 = 1;
const DEFAULT_CAPACITY: u32 = 500;

/// A bound on how many retries a client makes while most calls fail.
///
/// It starts full. Each retry takes five tokens; each call that succeeds gives one back. When it is empty, failures
/// are returned instead of retried, so that an outage is met with one request a call and not four. Clones, and so the
/// clones of a client, share one budget.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    tokens: Arc<AtomicU32>,
    capacity: u32,
}

impl Default for RetryBudget {
    /// A budget of 500 tokens: a hundred retries.
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

impl RetryBudget {
    /// A full budget of so many tokens.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { tokens: Arc::new(AtomicU32::new(capacity)), capacity }
    }

    /// The tokens left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.tokens.load(Relaxed)
    }

    #[must_use]
    pub(crate) fn withdraw(&self) -> bool {
        self.tokens.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(COST_OF_A_RETRY)).is_ok()
    }

    pub(crate) fn deposit(&self) {
        // A full budget, which is the usual case, is only read.
        let more = |left| (left < self.capacity).then(|| self.capacity.min(left + GIVEN_BACK));
        let _full = self.tokens.fetch_update(Relaxed, Relaxed, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spent_shared_and_earned_back() {
        let budget = RetryBudget::new(9);
        assert!(budget.clone().withdraw());
        assert!(!budget.withdraw(), "four tokens are not enough");
        budget.deposit();
        assert!(budget.withdraw());
        for _ in 0..100 {
            budget.deposit();
        }
        assert_eq!(budget.left(), 9);
    }
}
