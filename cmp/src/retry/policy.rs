use std::time::Duration;

use crate::{
    error::{Delivery, StopReason},
    operation::RetryClass,
};

/// How often, how patiently and for how long a call is tried.
///
/// * 503 and 429 say that nothing happened: every operation is retried.
/// * 502, 504, broken connections and time-outs leave the outcome open: retried unless the operation is
///   [`RetryClass::Unsafe`].
/// * A connection that could not be made sent nothing: every operation is retried.
/// * 500 is never retried (so the documents say), nor is any other status.
///
/// Waits grow exponentially with full jitter; a `Retry-After` replaces them. No wait starts that would outlast the
/// deadline, and each retry draws on the client's [`RetryBudget`](super::RetryBudget).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    longest_retry_after: Duration,
    attempt_timeout: Duration,
    deadline: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts, waits of up to 0.25 s growing to 8 s, `Retry-After` up to 30 s, 20 s an attempt, 60 s in all.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(20),
            deadline: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// One attempt and no retry. The replay after a 401 with a fresh token remains.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// The number of attempts in all, at least one.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The bound of the first wait; each later bound is twice the one before, up to `longest`.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// The longest `Retry-After` that is waited for. A longer one ends the call, and is told in the error.
    #[must_use]
    pub fn longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_retry_after = longest;
        self
    }

    /// The time for one attempt, from sending to the last byte of the answer.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The time for the whole call: getting a token, every attempt and every wait.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn time_for_an_attempt(&self) -> Duration {
        self.attempt_timeout
    }

    pub(crate) fn time_for_the_call(&self) -> Duration {
        self.deadline
    }

    /// What to do after a failure. `random` is between 0 and 1.
    pub(crate) fn decide(&self, facts: &Facts, random: f64) -> Verdict {
        if let Some(reason) = facts.forbids_retry() {
            return Verdict::Stop(reason);
        }
        if facts.attempts >= self.max_attempts {
            return Verdict::Stop(StopReason::AttemptsExhausted);
        }
        let wait = match facts.retry_after {
            Some(asked) if asked > self.longest_retry_after => {
                return Verdict::Stop(StopReason::RetryAfterTooLong);
            }
            Some(asked) => asked,
            None => self.bound_of_wait(facts.attempts).mul_f64(random.clamp(0.0, 1.0)),
        };
        if wait >= facts.time_left {
            return Verdict::Stop(StopReason::DeadlineTooClose);
        }
        Verdict::RetryAfter(wait)
    }

    fn bound_of_wait(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait)
    }
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) class: RetryClass,
    pub(crate) delivery: Delivery,
    pub(crate) transient: bool,
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) time_left: Duration,
}

impl Facts {
    fn forbids_retry(&self) -> Option<StopReason> {
        if !self.transient {
            return Some(StopReason::NotTransient);
        }
        if self.delivery == Delivery::OutcomeUnknown && !self.class.may_be_repeated() {
            return Some(StopReason::MayHaveTakenEffect);
        }
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    RetryAfter(Duration),
    Stop(StopReason),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(class: RetryClass, delivery: Delivery) -> Facts {
        Facts {
            class,
            delivery,
            transient: true,
            attempts: 1,
            retry_after: None,
            time_left: Duration::from_secs(60),
        }
    }

    #[test]
    fn an_unsafe_operation_is_repeated_only_where_nothing_happened() {
        let policy = RetryPolicy::default();
        for (delivery, expected) in [
            (Delivery::NotSent, Verdict::RetryAfter(Duration::from_millis(250))),
            (Delivery::Answered, Verdict::RetryAfter(Duration::from_millis(250))),
            (Delivery::OutcomeUnknown, Verdict::Stop(StopReason::MayHaveTakenEffect)),
        ] {
            assert_eq!(policy.decide(&facts(RetryClass::Unsafe, delivery), 1.0), expected);
        }
        for class in [RetryClass::Safe, RetryClass::Idempotent] {
            let verdict = policy.decide(&facts(class, Delivery::OutcomeUnknown), 1.0);
            assert_eq!(verdict, Verdict::RetryAfter(Duration::from_millis(250)));
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_jittered_fully() {
        let policy = RetryPolicy::default().max_attempts(u32::MAX);
        let wait = |attempts, random| {
            policy.decide(&Facts { attempts, ..facts(RetryClass::Safe, Delivery::NotSent) }, random)
        };
        assert_eq!(wait(1, 0.0), Verdict::RetryAfter(Duration::ZERO));
        assert_eq!(wait(2, 1.0), Verdict::RetryAfter(Duration::from_millis(500)));
        assert_eq!(wait(3, 0.5), Verdict::RetryAfter(Duration::from_millis(500)));
        assert_eq!(wait(10_000, 1.0), Verdict::RetryAfter(Duration::from_secs(8)));
    }

    #[test]
    fn retry_after_is_obeyed_or_ends_the_call() {
        let policy = RetryPolicy::default();
        let told = |seconds, time_left| {
            let facts = Facts {
                retry_after: Some(Duration::from_secs(seconds)),
                time_left: Duration::from_secs(time_left),
                ..facts(RetryClass::Unsafe, Delivery::Answered)
            };
            policy.decide(&facts, 0.3)
        };
        assert_eq!(told(2, 60), Verdict::RetryAfter(Duration::from_secs(2)));
        assert_eq!(told(31, 60), Verdict::Stop(StopReason::RetryAfterTooLong));
        assert_eq!(told(30, 30), Verdict::Stop(StopReason::DeadlineTooClose));
    }

    #[test]
    fn attempts_end() {
        let facts = Facts { attempts: 4, ..facts(RetryClass::Safe, Delivery::NotSent) };
        let verdict = RetryPolicy::default().decide(&facts, 0.0);
        assert_eq!(verdict, Verdict::Stop(StopReason::AttemptsExhausted));
    }
}
