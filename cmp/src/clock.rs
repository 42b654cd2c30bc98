//! The clock of a client, which a test can move by hand.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

/// A future that ends when a [`Clock`] says so.
pub type Tick = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The source of time for waits, deadlines and token lifetimes.
///
/// [`SystemClock`] is the default. With the feature `test-util`, `ManualClock` stands still until a test moves it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the monotonic time.
    fn now(&self) -> Instant;

    /// Returns the time of day. The client compares the service's dates with it, and stamps what the service returns.
    fn utc(&self) -> DateTime<Utc>;

    /// Waits for `duration` before another try.
    fn sleep(&self, duration: Duration) -> Tick;

    /// Ends at `at`, which is the time limit of other work.
    ///
    /// A test clock can thus end each [`sleep`](Self::sleep) at once and keep the time limits.
    fn alarm(&self, at: Instant) -> Tick;
}

/// Ten years. `Duration::MAX` is a natural way to say "never", and an `Instant` so far off can't be calculated.
pub(crate) const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Adds `duration`, or at most [`NEVER`], to `now`.
pub(crate) fn after(now: Instant, duration: Duration) -> Instant {
    now + duration.min(NEVER)
}

/// The machine's clock, through tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn utc(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, duration: Duration) -> Tick {
        Box::pin(tokio::time::sleep(duration))
    }

    fn alarm(&self, at: Instant) -> Tick {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}

/// The randomness of waits: numbers between 0 and 1.
#[derive(Clone)]
pub(crate) struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    pub(crate) fn new(source: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    pub(crate) fn next(&self) -> f64 {
        (self.0)().clamp(0.0, 1.0)
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::new(fastrand::f64)
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

#[cfg(feature = "test-util")]
pub use manual::ManualClock;

#[cfg(feature = "test-util")]
mod manual {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        time::{Duration, Instant},
    };

    use chrono::{DateTime, Utc};
    use tokio::sync::watch;

    use super::{Clock, Tick};

    /// A clock for tests: time stands still, and waits end at once and are recorded.
    ///
    /// A [`sleep`](Clock::sleep) moves the clock forward by its duration and ends. An [`alarm`](Clock::alarm) ends after
    /// [`advance`](Self::advance) or sleeps have moved the clock to it. Clones share one time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cmp::clock::{Clock, ManualClock};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let clock = ManualClock::new();
    /// clock.sleep(Duration::from_secs(2)).await;
    /// assert_eq!(clock.slept(), [Duration::from_secs(2)]);
    /// # });
    /// ```
    #[derive(Debug, Clone)]
    pub struct ManualClock {
        start: Instant,
        start_utc: DateTime<Utc>,
        passed: Arc<watch::Sender<Duration>>,
        slept: Arc<Mutex<Vec<Duration>>>,
    }

    impl ManualClock {
        /// Creates a clock that starts now.
        #[must_use]
        pub fn new() -> Self {
            Self {
                start: Instant::now(),
                start_utc: Utc::now(),
                passed: Arc::new(watch::Sender::new(Duration::ZERO)),
                slept: Arc::default(),
            }
        }

        /// Moves the time forward, and ends each alarm that it passes.
        pub fn advance(&self, by: Duration) {
            self.passed.send_modify(|passed| *passed += by);
        }

        /// Returns the durations of all sleeps so far, in order.
        #[must_use]
        pub fn slept(&self) -> Vec<Duration> {
            self.slept.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl Default for ManualClock {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Instant {
            self.start + *self.passed.borrow()
        }

        fn utc(&self) -> DateTime<Utc> {
            self.start_utc + *self.passed.borrow()
        }

        fn sleep(&self, duration: Duration) -> Tick {
            let clock = self.clone();
            Box::pin(async move {
                clock.slept.lock().unwrap_or_else(PoisonError::into_inner).push(duration);
                clock.advance(duration);
                tokio::task::yield_now().await;
            })
        }

        fn alarm(&self, at: Instant) -> Tick {
            let due = at.saturating_duration_since(self.start);
            let mut passed = self.passed.subscribe();
            let clock = self.clone();
            Box::pin(async move {
                // The clone keeps the sender alive, so that the wait can't end early.
                let _keep = clock;
                drop(passed.wait_for(|passed| *passed >= due).await);
            })
        }
    }
}
