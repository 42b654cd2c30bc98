//! When a failed request is sent again, and when it must not be.
//!
//! [`RetryPolicy`] is a value that turns facts into a verdict and does nothing else; the loop that acts on it is in
//! `call`. [`RetryBudget`] keeps a failing service from being flooded by retries.

mod after;
mod budget;
mod policy;

use std::fmt;

pub(crate) use after::retry_after;
pub use budget::RetryBudget;
pub(crate) use policy::{Facts, Verdict};
pub use policy::{RetryPolicy, StopReason};

/// What repeating an operation can do. Each operation states its own, beside its definition in [`Operation`](crate::Operation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// It changes nothing.
    Safe,
    /// Done twice, it leaves what doing it once leaves.
    Idempotent,
    /// Done twice, it may do harm: repeated only where nothing can have happened.
    Unsafe,
}

impl RetryClass {
    /// Whether a repetition is harmless although the first request may have taken effect.
    #[must_use]
    pub fn may_be_repeated(self) -> bool {
        self != Self::Unsafe
    }
}

/// As the end of a sentence.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTransient => "trying again would not help",
            Self::MayHaveTakenEffect => "the request may have taken effect, and repeating it may do harm",
            Self::AttemptsExhausted => "the policy's attempts are used up",
            Self::BudgetExhausted => "the client's retry budget is used up",
            Self::RetryAfterTooLong => "the service asked for a longer wait than the policy allows",
            Self::DeadlineTooClose => "the deadline has passed, or would pass during the wait",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reason_completes_a_sentence() {
        let text = format!("not tried again: {}", StopReason::AttemptsExhausted);
        assert_eq!(text, "not tried again: the policy's attempts are used up");
    }
}
