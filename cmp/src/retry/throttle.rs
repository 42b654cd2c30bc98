//! The pause that a 429 puts on a whole client, and the pace of its requests.
//!
//! A rate limit counts the requests of an account, not those of a call. So one 429 holds back every call of the
//! client's clones: those in flight finish, the others wait. When the pause ends they start spread over a while, since
//! together they would run into the limit again. A request that was under way when a pause began is no news about the
//! time after it, so 64 of them make the pause no longer than one does.
//!
//! With a [`Pace`], each attempt takes the next free time in one row of times. A caller who leaves before it gives the time
//! back. A 429 doubles the distance of these times, and other answers of the service bring it back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::RetryPolicy;
use crate::{
    clock::{Clock, Jitter, after},
    error::{Error, Result},
};

/// A `Retry-After` may be a mistake, and must not stop a client for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A 429 slows a pace to no less than this part of it.
const SLOWEST: f64 = 1.0 / 16.0;
/// Each success brings back this part of the pace.
const BROUGHT_BACK: f64 = 1.0 / 64.0;

/// The most requests that a client and its clones send in a time: see
/// [`ClientBuilder::pace`](crate::ClientBuilder::pace).
///
/// ```
/// use std::time::Duration;
/// use cmp::retry::Pace;
///
/// let pace = Pace::per_minute(200);
/// assert_eq!(pace.interval(), Duration::from_millis(300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    interval: Duration,
}

impl Pace {
    /// At most so many requests in a second, at least one.
    #[must_use]
    pub fn per_second(requests: u32) -> Self {
        Self::per(Duration::from_secs(1), requests)
    }

    /// At most so many requests in a minute, at least one.
    #[must_use]
    pub fn per_minute(requests: u32) -> Self {
        Self::per(Duration::from_secs(60), requests)
    }

    fn per(time: Duration, requests: u32) -> Self {
        let nanoseconds = time.as_nanos().div_ceil(u128::from(requests.max(1)));
        Self { interval: Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)) }
    }

    /// Returns the time between two requests.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.interval
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Throttle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pace: Option<(Pace, Mutex<Times>)>,
    /// Whether a pause was ever set. Without one, calls take no lock.
    on: AtomicBool,
    pause: Mutex<Option<Pause>>,
}

/// The times at which requests may be sent.
#[derive(Debug)]
struct Times {
    /// When the row of times that were taken ends; `None` before the first request.
    next: Option<Instant>,
    /// The times within the row that callers gave back, by their begin, with their end.
    given_back: BTreeMap<Instant, Instant>,
    /// The part of the pace that is left after 429s.
    factor: f64,
    /// Successes of requests that were sent before this say nothing about the limit.
    slowed_until: Option<Instant>,
}

impl Times {
    /// The end of the row, or now if that has passed.
    fn end(&self, now: Instant) -> Instant {
        self.next.map_or(now, |next| next.max(now))
    }

    /// Returns when a request can be sent: now or later. Forgets times that have passed.
    fn free(&mut self, now: Instant, interval: Duration) -> Instant {
        while self.given_back.first_key_value().is_some_and(|(_, &end)| end <= now) {
            self.given_back.pop_first();
        }
        // What is shorter than the interval was taken before a 429, and may become longer.
        let mut left = self.given_back.iter().map(|(&begin, &end)| (begin.max(now), end));
        let fitting = left.find(|(begin, end)| *end - *begin >= interval);
        fitting.map_or_else(|| self.end(now), |(begin, _)| begin)
    }

    /// Takes the time that [`free`](Self::free) returned, and returns its end.
    fn take(&mut self, begin: Instant, interval: Duration) -> Instant {
        let end = after(begin, interval);
        let around = self.given_back.range(..=begin).next_back().map(|(&begin, &end)| (begin, end));
        match around.filter(|(_, last)| *last >= end) {
            None => self.next = Some(end),
            Some((first, last)) => {
                self.given_back.remove(&first);
                if end < last {
                    self.given_back.insert(end, last);
                }
            }
        }
        end
    }

    /// Takes back a time, and joins it with those before and behind it. At the end of the row, the row gets shorter.
    fn give_back(&mut self, mut begin: Instant, mut end: Instant) {
        let before = self.given_back.range(..begin).next_back().map(|(&first, &last)| (first, last));
        if let Some((first, _)) = before.filter(|(_, last)| *last == begin) {
            self.given_back.remove(&first);
            begin = first;
        }
        if let Some(last) = self.given_back.remove(&end) {
            end = last;
        }
        if self.next == Some(end) {
            self.next = Some(begin);
        } else {
            self.given_back.insert(begin, end);
        }
    }
}

/// A time to send that a caller has taken. It is given back unless it is used.
#[derive(Debug)]
struct Taken<'a> {
    times: &'a Mutex<Times>,
    begin: Instant,
    end: Instant,
    is_used: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            locked(self.times).give_back(self.begin, self.end);
        }
    }
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
    pub(crate) fn new(pace: Option<Pace>) -> Self {
        let times = Times { next: None, given_back: BTreeMap::new(), factor: 1.0, slowed_until: None };
        Self(Arc::new(Shared { pace: pace.map(|pace| (pace, Mutex::new(times))), ..Shared::default() }))
    }

    pub(crate) fn has_pace(&self) -> bool {
        self.0.pace.is_some()
    }

    /// Returns how long nobody can send; zero without a pace.
    pub(crate) fn until_free(&self, now: Instant) -> Duration {
        let Some((pace, times)) = &self.0.pace else { return Duration::ZERO };
        let mut times = locked(times);
        let interval = pace.interval.div_f64(times.factor);
        let wait = times.free(now, interval).saturating_duration_since(now);
        self.pause(now).map_or(wait, |pause| wait.max(pause.left(now)))
    }

    /// Takes the next free time to send; `None` without a pace. Fails, and takes none, if it is not before `deadline`.
    fn take_time(&self, now: Instant, deadline: Instant) -> Result<Option<Taken<'_>>> {
        let Some((pace, times)) = &self.0.pace else { return Ok(None) };
        let mut slots = locked(times);
        let interval = pace.interval.div_f64(slots.factor);
        let begin = slots.free(now, interval);
        if begin >= deadline {
            return Err(Error::out_of_pace(begin.saturating_duration_since(now)));
        }
        let end = slots.take(begin, interval);
        Ok(Some(Taken { times, begin, end, is_used: false }))
    }

    /// Waits until a request may be sent, and returns the time. Fails at once if `deadline` comes first.
    pub(crate) async fn clearance(
        &self,
        deadline: Instant,
        clock: &dyn Clock,
        jitter: &Jitter,
    ) -> Result<Instant> {
        let mut taken: Option<Taken<'_>> = None;
        loop {
            let now = clock.now();
            if now >= deadline {
                return Err(Error::out_of_time());
            }
            if let Some(pause) = self.pause(now) {
                let Some(wait) = pause.wait_before(deadline, now, jitter) else {
                    return Err(Error::throttled(pause.left(now)));
                };
                // A time that was taken passes meanwhile.
                taken = None;
                clock.sleep(wait).await;
                continue;
            }
            if let Some(time) = &mut taken {
                time.is_used = true;
                return Ok(now);
            }
            let Some(mut time) = self.take_time(now, deadline)? else { return Ok(now) };
            if time.begin <= now {
                time.is_used = true;
                return Ok(now);
            }
            clock.sleep(time.begin - now).await;
            taken = Some(time);
        }
    }

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
        if let Some((_, times)) = &self.0.pace {
            let mut times = locked(times);
            if in_flight.is_none() {
                times.factor = (times.factor / 2.0).max(SLOWEST);
            }
            times.next = Some(times.end(pause.until));
            times.slowed_until = Some(pause.until);
        }
        self.0.on.store(true, Ordering::Release);
        pause
    }

    /// Notes that a request sent at `sent_at` succeeded: the limit lets requests through again.
    pub(crate) fn accepted(&self, sent_at: Instant) {
        if let Some((_, times)) = &self.0.pace {
            let mut times = locked(times);
            if times.slowed_until.is_some_and(|until| sent_at >= until) {
                times.factor = (times.factor + BROUGHT_BACK).min(1.0);
            }
        }
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
        locked(&self.pause)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Schedule, each};

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
    fn the_next_time_that_nobody_takes_is_known_beforehand() {
        let (throttle, now) = (Throttle::new(Some(Pace::per_minute(10))), Instant::now());
        assert_eq!(throttle.until_free(now), Duration::ZERO);
        let taken = throttle.take_time(now, now + 60 * SECOND).unwrap().unwrap();
        assert_eq!(taken.begin, now);
        assert_eq!(throttle.until_free(now), 6 * SECOND);
        assert_eq!(throttle.until_free(now + 7 * SECOND), Duration::ZERO);
        assert_eq!(Throttle::default().until_free(now), Duration::ZERO);
        drop(taken);
        assert_eq!(throttle.until_free(now), Duration::ZERO, "it was given back");
    }

    async fn sent_at(throttle: Throttle, deadline: Duration) -> Option<Duration> {
        let start = tokio::time::Instant::now().into_std();
        let clock = crate::clock::SystemClock;
        let cleared = throttle.clearance(start + deadline, &clock, &Jitter::new(|| 1.0)).await;
        cleared.ok().map(|_| tokio::time::Instant::now().into_std() - start)
    }

    #[tokio::test(start_paused = true)]
    async fn clones_share_one_row_of_times() {
        let throttle = Throttle::new(Some(Pace::per_minute(200)));
        let calls = (0..100).map(|_| tokio::spawn(sent_at(throttle.clone(), 60 * SECOND)));
        let mut times = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            times.push(call.await.unwrap().unwrap());
        }
        times.sort();
        let expected: Vec<_> = (0..100).map(|number| number * Duration::from_millis(300)).collect();
        assert_eq!(times, expected);
        // An idle time is not saved up.
        tokio::time::advance(600 * SECOND).await;
        let two = tokio::join!(sent_at(throttle.clone(), SECOND), sent_at(throttle.clone(), SECOND));
        assert_eq!(two, (Some(Duration::ZERO), Some(Duration::from_millis(300))));
    }

    #[tokio::test(start_paused = true)]
    async fn who_can_not_be_sent_before_the_deadline_takes_no_time() {
        let throttle = Throttle::new(Some(Pace::per_second(1)));
        let calls = [60, 1, 60].map(|deadline| sent_at(throttle.clone(), deadline * SECOND));
        let times = futures_util::future::join_all(calls).await;
        assert_eq!(times, [Some(Duration::ZERO), None, Some(SECOND)]);
    }

    #[tokio::test(start_paused = true)]
    async fn times_of_callers_who_leave_are_taken_by_the_next_and_none_twice() {
        let throttle = Throttle::new(Some(Pace::per_second(1)));
        let call = || tokio::spawn(sent_at(throttle.clone(), 600 * SECOND));
        for leaving in [[1, 2, 3], [17, 18, 19], [19, 5, 12]] {
            let start = tokio::time::Instant::now();
            let mut calls: Vec<_> = (0..20).map(|_| call()).collect();
            tokio::time::sleep(Duration::from_millis(10)).await;
            for number in leaving {
                calls[number].abort();
                tokio::task::yield_now().await;
            }
            calls.extend((0..5).map(|_| call()));
            let mut times: Vec<_> = Vec::new();
            for (number, call) in calls.into_iter().enumerate() {
                let waited = call.await.map(Option::unwrap);
                assert_eq!(waited.is_err(), leaving.contains(&number));
                // The later calls began after ten milliseconds.
                times.extend(waited.map(|waited| (waited.as_millis() + 10) / 1000));
            }
            times.sort_unstable();
            assert_eq!(times, (0..22).collect::<Vec<_>>(), "{leaving:?}");
            assert_eq!(start.elapsed().as_secs(), 21);
            tokio::time::sleep(SECOND).await;
        }
    }

    const INTERVAL: Duration = Duration::from_millis(100);
    /// How late a caller is polled at most.
    const LATE: Duration = Duration::from_millis(10);

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Is sent once, and is sometimes refused.
    async fn caller(throttle: Throttle, last: Arc<Mutex<(Instant, Instant)>>, mut rng: fastrand::Rng) {
        let jitter = rng.f64();
        let sent_at = throttle
            .clearance(now() + 600 * SECOND, &crate::clock::SystemClock, &Jitter::new(move || jitter))
            .await
            .expect("there is time enough");
        let (next, paused_until) = &mut *locked(&last);
        assert!(now() >= *paused_until, "sent in a pause");
        assert!(now() + LATE >= *next, "sent {:?} too early", *next - now());
        *next = now() + INTERVAL;
        if rng.u8(..8) == 0 {
            let asked = Duration::from_millis(rng.u64(20..100) * 10);
            let pause = throttle.refused(sent_at, now(), Some(asked), &RetryPolicy::default());
            *paused_until = pause.until;
        } else {
            throttle.accepted(sent_at);
        }
    }

    #[test]
    fn under_schedules_nobody_is_sent_too_early_and_callers_who_leave_keep_no_time() {
        each(|rng| async move {
            tokio::time::pause();
            let throttle = Throttle::new(Some(Pace::per_second(10)));
            let last = Arc::new(Mutex::new((now(), now())));
            let mut schedule = Schedule::new(rng);
            for _ in 0..300 {
                match schedule.rng.u8(..12) {
                    0..2 if schedule.len() < 12 => {
                        let rng = schedule.rng.fork();
                        schedule.add(caller(throttle.clone(), Arc::clone(&last), rng));
                    }
                    2 => schedule.cancel_one(),
                    3..6 => {
                        while schedule.step().await {}
                        tokio::time::advance(LATE).await;
                    }
                    _ => drop(schedule.step().await),
                }
            }
            // The last who was sent took a time at the pace before some successes.
            let pace = || locked(&throttle.0.pace.as_ref().unwrap().1).factor - 8.0 * BROUGHT_BACK;
            let interval = || INTERVAL.div_f64(pace().max(SLOWEST));
            let mut longest = interval();
            while schedule.len() > 6 {
                schedule.cancel_one();
            }
            let end = now() + 60 * SECOND;
            while schedule.len() > 0 {
                while schedule.step().await {}
                tokio::time::advance(LATE).await;
                longest = longest.max(interval());
                assert!(now() < end, "{} callers wait for ever", schedule.len());
            }
            let pause = throttle.pause(now()).map_or(Duration::ZERO, |pause| pause.left(now()));
            let free = throttle.until_free(now()).saturating_sub(pause);
            assert!(free <= longest, "{free:?} are taken, and nobody waits");
        });
    }

    #[test]
    fn times_given_back_after_a_429_are_one_again() {
        let (throttle, now) = (Throttle::new(Some(Pace::per_second(1))), Instant::now());
        let take = || throttle.take_time(now, now + 600 * SECOND).unwrap().unwrap();
        take().is_used = true;
        let mut taken: Vec<_> = (0..30).map(|_| take()).collect();
        refused(&throttle, now, now, Some(SECOND));
        // At half the pace, one time alone is too short.
        assert_eq!(throttle.until_free(now), 31 * SECOND);
        taken.drain(..15);
        assert_eq!(throttle.until_free(now), SECOND);
        taken.drain(..14);
        assert_eq!(throttle.until_free(now), SECOND);
        let again: Vec<_> = (0..14).map(|_| take()).collect();
        let begins: Vec<_> = again.iter().map(|time| (time.begin - now).as_secs()).collect();
        assert_eq!(begins, (0..14).map(|number| 2 * number + 1).collect::<Vec<_>>());
        assert_eq!(take().begin - now, 31 * SECOND);
        taken.clear();
        assert_eq!(throttle.until_free(now), 29 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_from_before_a_429_is_too_short_after_it() {
        let throttle = Throttle::new(Some(Pace::per_second(10)));
        let calls: Vec<_> = (0..30).map(|_| tokio::spawn(sent_at(throttle.clone(), 600 * SECOND))).collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        refused(&throttle, now(), now(), Some(SECOND));
        // One within the row, beyond the pause.
        calls[20].abort();
        tokio::task::yield_now().await;
        assert_eq!(throttle.until_free(now()), Duration::from_millis(2990));
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_halves_the_pace_and_successes_bring_it_back() {
        let throttle = Throttle::new(Some(Pace::per_second(10)));
        let now = || tokio::time::Instant::now().into_std();
        let next = async || sent_at(throttle.clone(), 600 * SECOND).await.unwrap();
        next().await;
        let sent = now();
        refused(&throttle, sent, sent, Some(10 * SECOND));
        refused(&throttle, sent, sent, Some(10 * SECOND));
        // Ten seconds, a tenth of them to spread the starts; then at half the pace, however many were in flight.
        assert_eq!(next().await, 11 * SECOND);
        for _ in 0..3 {
            assert_eq!(next().await, Duration::from_millis(200));
        }
        for _ in 0..32 {
            throttle.accepted(sent);
        }
        assert_eq!(next().await, Duration::from_millis(200), "a success from before the pause");
        for _ in 0..16 {
            throttle.accepted(now());
        }
        next().await;
        let three_quarters = next().await;
        assert!((133..=134).contains(&three_quarters.as_millis()), "{three_quarters:?}");
        for _ in 0..100 {
            throttle.accepted(now());
        }
        next().await;
        assert_eq!(next().await, Duration::from_millis(100));
        for _ in 0..10 {
            refused(&throttle, now(), now(), Some(SECOND));
            tokio::time::advance(2 * SECOND).await;
        }
        next().await;
        assert_eq!(next().await, Duration::from_millis(1600), "a sixteenth is the least");
    }

    #[test]
    fn a_pace_is_never_faster_than_asked() {
        for (pace, interval) in [
            (Pace::per_second(0), 1_000_000_000),
            (Pace::per_second(3), 333_333_334),
            (Pace::per_minute(7), 8_571_428_572),
            (Pace::per_second(u32::MAX), 1),
        ] {
            assert_eq!(pace.interval(), Duration::from_nanos(interval));
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
