//! The pause that a 429 puts on a whole client.
//!
//! A rate limit counts the requests of an account, not those of a call. So one 429 holds back every call of the
//! client's clones: those in flight finish, the others wait. When the pause ends they start spread over a while, since
//! together they would run into the limit again. A request that was under way when a pause began is no news about the
//! time after it, so 64 of them make the pause no longer than one does.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::RetryPolicy;
use crate::clock::Jitter;

/// A `Retry-After` may be a mistake, and must not stop a client for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default)]
pub(crate) struct Throttle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether a pause was ever set. Without one, calls take no lock.
    on: AtomicBool,
    pause: Mutex<Option<Pause>>,
}

/// Until when nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pause {
    until: Instant,
    /// Calls start within this time after it.
    spread: Duration,
    in_a_row: u32,
}

impl Pause {
    /// What is left of it.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// How long a call waits.
    pub(crate) fn wait(&self, now: Instant, jitter: &Jitter) -> Duration {
        self.left(now) + self.spread.mul_f64(jitter.next())
    }

    /// The same for a call that has to be sent before `deadline`; `None` if the pause is not over by then.
    pub(crate) fn wait_before(&self, deadline: Instant, now: Instant, jitter: &Jitter) -> Option<Duration> {
        let room = deadline.checked_duration_since(self.until).filter(|room| !room.is_zero())?;
        Some(Self { spread: self.spread.min(room / 2), ..*self }.wait(now, jitter))
    }
}

impl Throttle {
    /// The pause that holds at `now`.
    pub(crate) fn pause(&self, now: Instant) -> Option<Pause> {
        if !self.0.on.load(Ordering::Acquire) {
            return None;
        }
        self.0.slot().filter(|pause| now < pause.until)
    }

    /// Notes a 429 for a request sent at `sent_at`. `asked` is its `Retry-After`.
    pub(crate) fn refused(
        &self,
        sent_at: Instant,
        now: Instant,
        asked: Option<Duration>,
        policy: &RetryPolicy,
    ) -> Pause {
        let asked = asked.filter(|asked| !asked.is_zero()).map(|asked| asked.min(LONGEST_PAUSE));
        let mut slot = self.0.slot();
        let before = *slot;
        let in_flight = before.filter(|pause| sent_at < pause.until);
        let in_a_row = match (before, in_flight) {
            (Some(before), Some(_)) => before.in_a_row,
            (Some(before), None) => before.in_a_row.saturating_add(1),
            (None, _) => 1,
        };
        let pause = match (asked, in_flight) {
            (None, Some(current)) => current,
            (None, None) => {
                let half = policy.bound_when_throttled(in_a_row) / 2;
                Pause { until: now + half, spread: half, in_a_row }
            }
            (Some(asked), _) => {
                let until = in_flight.map_or(now + asked, |current| current.until.max(now + asked));
                Pause { until, spread: asked / 10, in_a_row }
            }
        };
        *slot = Some(pause);
        self.0.on.store(true, Ordering::Release);
        pause
    }

    /// Notes that a request sent at `sent_at` succeeded: the limit lets requests through again.
    pub(crate) fn accepted(&self, sent_at: Instant) {
        if !self.0.on.load(Ordering::Acquire) {
            return;
        }
        let mut slot = self.0.slot();
        if slot.is_some_and(|pause| sent_at >= pause.until) {
            *slot = None;
            self.0.on.store(false, Ordering::Release);
        }
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Option<Pause>> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(throttle: &Throttle, sent_at: Instant, now: Instant, asked: Option<Duration>) -> Duration {
        throttle.refused(sent_at, now, asked, &RetryPolicy::default()).left(now)
    }

    #[test]
    fn pauses_grow_with_each_refusal_after_the_last_one_and_end_with_a_success() {
        let (throttle, mut now) = (Throttle::default(), Instant::now());
        for seconds in [5, 10, 20, 30, 30] {
            assert_eq!(refused(&throttle, now, now, None), seconds * SECOND);
            now += 30 * SECOND;
        }
        throttle.accepted(now);
        assert_eq!(throttle.pause(now), None);
        assert_eq!(refused(&throttle, now, now, None), 5 * SECOND);
    }

    #[test]
    fn requests_that_were_in_flight_make_it_no_longer() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..64 {
            assert_eq!(refused(&throttle, now, now, None), 5 * SECOND);
        }
        throttle.accepted(now);
        assert!(throttle.pause(now).is_some(), "a success of before says nothing about it");
        assert_eq!(refused(&throttle, now, now, Some(20 * SECOND)), 20 * SECOND, "but a longer wish counts");
        assert_eq!(refused(&throttle, now, now, Some(SECOND)), 20 * SECOND);
    }

    #[test]
    fn what_the_service_asks_for_is_bounded_and_nothing_is_no_wish() {
        let now = Instant::now();
        for (asked, seconds) in [(0, 5), (1, 1), (30, 30), (3600, 60), (u64::MAX, 60)] {
            let asked = Some(Duration::from_secs(asked));
            assert_eq!(refused(&Throttle::default(), now, now, asked), seconds * SECOND, "{asked:?}");
        }
    }

    #[test]
    fn calls_start_spread_and_before_their_deadline_or_not_at_all() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let pause = throttle.refused(now, now, None, &RetryPolicy::default());
        let wait =
            |deadline, random: f64| pause.wait_before(now + deadline, now, &Jitter::new(move || random));
        assert_eq!(wait(60 * SECOND, 0.0), Some(5 * SECOND));
        assert_eq!(wait(60 * SECOND, 1.0), Some(10 * SECOND));
        assert_eq!(wait(7 * SECOND, 1.0), Some(6 * SECOND));
        assert_eq!(wait(5 * SECOND, 0.0), None);
    }
}
