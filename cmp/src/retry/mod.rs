//! When a failed request is sent again, and when it must not be.
//!
//! [`RetryPolicy`] decides about one call. [`RetryBudget`] keeps a failing service from being flooded by the retries of all
//! calls. [`Pace`] limits how many requests a client sends in a time.

mod throttle;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
pub use throttle::Pace;
pub(crate) use throttle::Throttle;

use crate::{
    clock::NEVER,
    error::{Delivery, StopReason},
    operation::RetryClass,
};

/// How often, how patiently and for how long a call is tried.
///
/// * 503 and 429 say that nothing happened: every operation is retried. So does an HTTP/2 server that refuses the stream or
///   goes away before it. A 429 also holds back every other call of the client: see
///   [`backoff_when_throttled`](Self::backoff_when_throttled).
/// * 502, 504, broken connections and time-outs leave the outcome open: retried unless the operation is
///   [`RetryClass::Unsafe`].
/// * A connection that could not be made sent nothing: every operation is retried, unless the service's certificate can't be
///   trusted, the service refuses the client's certificate, or the proxy refuses its credentials. That the client's
///   certificate was refused is known with rustls only.
/// * 500 and all other statuses are never retried. The documents say so of 500.
///
/// Waits grow exponentially with full jitter. A `Retry-After` makes a wait longer, never shorter: a zero or a date in the
/// past changes nothing. No wait starts that would outlast the deadline, and each retry draws on the client's [`RetryBudget`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    first_wait_when_throttled: Duration,
    longest_wait_when_throttled: Duration,
    longest_retry_after: Duration,
    attempt_timeout: Duration,
    deadline: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts of up to 20 s each, 60 s in all. The bound of the waits starts at 0.25 s and doubles up to 8 s. After a 429
    /// it starts at 10 s and doubles up to 60 s. The longest `Retry-After` is 30 s.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(8),
            first_wait_when_throttled: Duration::from_secs(10),
            longest_wait_when_throttled: Duration::from_secs(60),
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

    /// Sets the number of attempts in all, at least one.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the bound of the first wait; each later bound is twice the one before, up to `longest`.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// Sets the bounds of the waits after a 429 that doesn't say how long to wait: the first, and the longest that doubling
    /// leads to.
    ///
    /// A wait is a half to the whole of its bound. The half holds for every call of the client: calls that would start
    /// within it wait, or fail at once with [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) if their deadline
    /// comes first. The rest spreads their starts. The scale is that of a limit that counts requests by the minute
    /// (source: the rate limits that VGS documents for its proxies; none are documented for CMP).
    #[must_use]
    pub fn backoff_when_throttled(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait_when_throttled = first;
        self.longest_wait_when_throttled = longest;
        self
    }

    /// Sets the longest `Retry-After` that is waited for. A longer one ends the call, and the error has it.
    #[must_use]
    pub fn longest_retry_after(mut self, longest: Duration) -> Self {
        self.longest_retry_after = longest;
        self
    }

    /// Sets the time for one attempt, from sending to the last byte of the answer. Before it, an attempt waits no longer than
    /// this for an access token.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the time for the whole call: getting a token, every attempt and every wait.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Returns the number of attempts in all.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Returns the time for one attempt.
    #[must_use]
    pub fn time_for_an_attempt(&self) -> Duration {
        self.attempt_timeout
    }

    /// Returns the time for the whole call.
    #[must_use]
    pub fn time_for_the_call(&self) -> Duration {
        self.deadline
    }

    /// Returns the bounds of the first and the longest wait.
    #[must_use]
    pub fn waits(&self) -> (Duration, Duration) {
        (self.first_wait, self.longest_wait)
    }

    /// Returns the bounds of the first and the longest wait after a 429 that doesn't say how long to wait.
    #[must_use]
    pub fn waits_when_throttled(&self) -> (Duration, Duration) {
        (self.first_wait_when_throttled, self.longest_wait_when_throttled)
    }

    /// Returns the longest `Retry-After` that is waited for.
    #[must_use]
    pub fn retry_after_limit(&self) -> Duration {
        self.longest_retry_after
    }

    /// What to do after a failure. `random` is between 0 and 1.
    pub(crate) fn decide(&self, facts: &Facts, random: f64) -> Verdict {
        if let Some(reason) = facts.forbids_retry() {
            return Verdict::Stop(reason);
        }
        if facts.attempts >= self.max_attempts {
            return Verdict::Stop(StopReason::AttemptsExhausted);
        }
        let asked = facts.retry_after.unwrap_or_default();
        if asked > self.longest_retry_after {
            return Verdict::Stop(StopReason::RetryAfterTooLong);
        }
        let backoff = self.bound_of_wait(facts.attempts).mul_f64(random.clamp(0.0, 1.0));
        let wait = backoff.max(asked).max(facts.pause);
        if wait >= facts.time_left {
            return Verdict::Stop(StopReason::DeadlineTooClose);
        }
        Verdict::RetryAfter(wait)
    }

    fn bound_of_wait(&self, attempts: u32) -> Duration {
        // A share of more is too large to be calculated.
        doubled(self.first_wait, attempts, self.longest_wait).min(NEVER)
    }

    /// The bound of a wait after so many 429s in a row.
    pub(super) fn bound_when_throttled(&self, in_a_row: u32) -> Duration {
        const AN_HOUR: Duration = Duration::from_secs(3600);
        doubled(self.first_wait_when_throttled, in_a_row, self.longest_wait_when_throttled).min(AN_HOUR)
    }
}

/// `first`, doubled for each of `times` after the first, up to `longest`.
pub(crate) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    let doublings = times.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) class: RetryClass,
    pub(crate) delivery: Delivery,
    pub(crate) transient: bool,
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
    /// What the client as a whole waits for.
    pub(crate) pause: Duration,
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

/// How long the answer asks to wait: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
///
/// A date in the past means now; what can't be read is as if it were absent. More than a year is a year: an error shows
/// the time, and a number of seconds could be any number that a server repeats.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
    Some((date - now).to_std().unwrap_or_default().min(LONGEST))
}

/// What a retry costs and a call that succeeds gives back.
pub(crate) const COST_OF_A_RETRY: u32 = 5;
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

    /// Returns a function that returns the tokens left, for as long as the budget is there.
    pub(crate) fn watch(&self) -> impl Fn() -> Option<u32> + Send + Sync + 'static {
        let tokens = Arc::downgrade(&self.tokens);
        move || Some(tokens.upgrade()?.load(Relaxed))
    }

    /// Takes the tokens for a retry; `None` if there are too few.
    pub(crate) fn withdraw(&self) -> Option<Withdrawn<'_>> {
        let enough = self.tokens.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(COST_OF_A_RETRY));
        // Not `then_some`, which would make one to drop where there are too few.
        enough.is_ok().then(|| Withdrawn(self))
    }

    pub(crate) fn deposit(&self) {
        self.give_back(GIVEN_BACK);
    }

    fn give_back(&self, tokens: u32) {
        // A full budget, which is the usual case, is only read.
        let more = |left: u32| (left < self.capacity).then(|| self.capacity.min(left.saturating_add(tokens)));
        let _full = self.tokens.fetch_update(Relaxed, Relaxed, more);
    }
}

/// The tokens for a retry. They go back to the budget unless the retry is made.
#[derive(Debug)]
#[must_use]
pub(crate) struct Withdrawn<'a>(&'a RetryBudget);

impl Withdrawn<'_> {
    pub(crate) fn spend(self) {
        std::mem::forget(self);
    }
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.0.give_back(COST_OF_A_RETRY);
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn facts(class: RetryClass, delivery: Delivery) -> Facts {
        Facts {
            class,
            delivery,
            transient: true,
            attempts: 1,
            retry_after: None,
            pause: Duration::ZERO,
            time_left: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_policy_says_what_it_was_set_to() {
        let seconds = Duration::from_secs;
        let policy = RetryPolicy::default()
            .max_attempts(7)
            .backoff(seconds(1), seconds(2))
            .backoff_when_throttled(seconds(3), seconds(4))
            .longest_retry_after(seconds(5))
            .attempt_timeout(seconds(6))
            .deadline(seconds(8));
        assert_eq!(policy.attempts(), 7);
        assert_eq!(policy.waits(), (seconds(1), seconds(2)));
        assert_eq!(policy.waits_when_throttled(), (seconds(3), seconds(4)));
        assert_eq!(policy.retry_after_limit(), seconds(5));
        assert_eq!(policy.time_for_an_attempt(), seconds(6));
        assert_eq!(policy.time_for_the_call(), seconds(8));
        assert_eq!(RetryPolicy::none().attempts(), 1);
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
        let after = |seconds, time_left| {
            let facts = Facts {
                retry_after: Some(Duration::from_secs(seconds)),
                time_left: Duration::from_secs(time_left),
                ..facts(RetryClass::Unsafe, Delivery::Answered)
            };
            policy.decide(&facts, 0.3)
        };
        assert_eq!(after(2, 60), Verdict::RetryAfter(Duration::from_secs(2)));
        assert_eq!(after(0, 60), Verdict::RetryAfter(Duration::from_millis(75)), "the back-off is the least");
        assert_eq!(after(31, 60), Verdict::Stop(StopReason::RetryAfterTooLong));
        assert_eq!(after(30, 30), Verdict::Stop(StopReason::DeadlineTooClose));
    }

    #[test]
    fn attempts_end() {
        let facts = Facts { attempts: 4, ..facts(RetryClass::Safe, Delivery::NotSent) };
        let verdict = RetryPolicy::default().decide(&facts, 0.0);
        assert_eq!(verdict, Verdict::Stop(StopReason::AttemptsExhausted));
    }

    fn read(value: &str) -> Option<Duration> {
        let now = DateTime::parse_from_rfc3339("2025-01-17T12:00:00Z").unwrap().to_utc();
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]), now)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read("2"), Some(Duration::from_secs(2)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        let a_year = Some(Duration::from_secs(366 * 24 * 60 * 60));
        for long in
            ["99999999999999999999999", "5100260000019206", "31622401", "Wed, 17 Jan 2029 12:00:00 GMT"]
        {
            assert_eq!(read(long), a_year, "{long}");
        }
        assert_eq!(read("Fri, 17 Jan 2025 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Fri, 17 Jan 2025 11:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_is_as_if_absent() {
        for bad in ["", "soon", "-1", "1.5", "+2"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn it_is_spent_shared_and_earned_back() {
        let budget = RetryBudget::new(9);
        budget.clone().withdraw().unwrap().spend();
        assert!(budget.withdraw().is_none(), "four tokens are not enough");
        budget.deposit();
        drop(budget.withdraw().unwrap());
        assert_eq!(budget.left(), 5);
        budget.withdraw().unwrap().spend();
        for _ in 0..100 {
            budget.deposit();
        }
        assert_eq!(budget.left(), 9);
    }
}
