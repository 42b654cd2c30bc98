use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How long the answer asks to wait: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
///
/// A date in the past means now; what can't be read is as if it were absent.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
    Some((date - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(value: &str) -> Option<Duration> {
        let now = DateTime::parse_from_rfc3339("2025-01-17T12:00:00Z").unwrap().to_utc();
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]), now)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read("2"), Some(Duration::from_secs(2)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(read("Fri, 17 Jan 2025 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Fri, 17 Jan 2025 11:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_is_as_if_absent() {
        for bad in ["", "soon", "-1", "1.5", "+2"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
