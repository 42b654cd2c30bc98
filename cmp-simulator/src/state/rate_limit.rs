//! The requests that an account may send.

use chrono::{DateTime, Utc};

use crate::settings::RateLimit;

/// A bucket of tokens, one for each request. It starts full, and fills up again at a steady rate.
#[derive(Default)]
pub(crate) struct Bucket {
    /// How much is missing, and since when
    used: Option<(f64, DateTime<Utc>)>,
}

impl Bucket {
    /// Takes a token. Returns how many seconds it takes until there is one if the bucket is empty.
    pub(crate) fn take(&mut self, limit: &RateLimit, now: DateTime<Utc>) -> Result<(), u64> {
        let per_second = f64::from(limit.per_minute.max(1)) / 60.0;
        let (used, since) = self.used.unwrap_or((0.0, now));
        let passed = (now - since).num_microseconds().unwrap_or(i64::MAX).max(0) as f64 / 1e6;
        let used = (used - passed * per_second).max(0.0);
        let missing = used + 1.0 - f64::from(limit.burst.unwrap_or(limit.per_minute).max(1));
        // A difference that is only rounding is none.
        if missing > 1e-6 {
            self.used = Some((used, now));
            return Err((missing / per_second).ceil() as u64);
        }
        self.used = Some((used + 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (mut bucket, mut now) = (Bucket::default(), Utc::now());
        let mut limit = RateLimit::per_minute(120);
        limit.burst = Some(3);
        let mut passed = |seconds: f64| {
            now += TimeDelta::microseconds((seconds * 1e6) as i64);
            bucket.take(&limit, now)
        };
        assert_eq!([passed(0.0), passed(0.0), passed(0.0), passed(0.0)], [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!([passed(0.5), passed(0.0)], [Ok(()), Err(1)]);
        assert_eq!([passed(0.25), passed(0.25), passed(0.25)], [Err(1), Ok(()), Err(1)]);
        // It holds no more than a burst.
        assert_eq!([0.0; 4].map(|_| passed(0.0)), [Err(1); 4]);
        let after_an_hour = [3600.0, 0.0, 0.0, 0.0].map(&mut passed);
        assert_eq!(after_an_hour, [Ok(()), Ok(()), Ok(()), Err(1)]);
    }
}
