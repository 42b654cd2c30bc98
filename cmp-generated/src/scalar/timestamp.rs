use std::fmt;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::lenient;

/// A moment. Reads RFC 3339 with any number of fraction digits, and the same without a zone, which is UTC; writes
/// RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The moment `at`.
    pub const fn new(at: DateTime<Utc>) -> Self {
        Self(at)
    }

    /// The moment.
    pub const fn get(self) -> DateTime<Utc> {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        let at = zoned
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc()));
        at.ok().map(Self)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = lenient::string_or_integer(deserializer, "a date and time")?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("invalid value, expected a date and time"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        let at: Timestamp = serde_json::from_str(&format!("\"{text}\"")).ok()?;
        Some(serde_json::to_string(&at).expect("encodes").trim_matches('"').to_owned())
    }

    #[test]
    fn zones_are_optional_and_fractions_are_kept() {
        for (text, expected) in [
            ("2025-01-17T12:53:17.94829", "2025-01-17T12:53:17.948290Z"),
            ("2025-01-10T17:56:12.783411", "2025-01-10T17:56:12.783411Z"),
            ("2025-08-01T00:00:00Z", "2025-08-01T00:00:00Z"),
            ("2025-08-01T02:00:00+02:00", "2025-08-01T00:00:00Z"),
            ("2025-08-01T00:00:00", "2025-08-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["2025-08-01", "yesterday", "2025-13-01T00:00:00", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_moment_comes_back_with_and_without_its_zone(seconds in 0i64..4_102_444_800, nanos in 0u32..1_000_000_000) {
            let at = Timestamp::new(DateTime::from_timestamp(seconds, nanos).expect("in range"));
            let json = serde_json::to_string(&at).expect("encodes");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("decodes"), at);
            let bare = json.replace('Z', "");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&bare).expect("decodes"), at);
        }
    }
}
