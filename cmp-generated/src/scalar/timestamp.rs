use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::{self, Lenient};

/// A point in time. It is written as RFC 3339 in UTC.
///
/// It reads RFC 3339 and similar forms of other software:
/// - Seconds may be absent. A fraction may have any number of digits, after a point or a comma.
/// - Blanks may replace the `T`, and may precede the zone. Letters may be in either case.
/// - The zone may be `Z`, `UTC`, `GMT`, `+01:00`, `+0100` or `+01`, with its name in brackets after it. Without a zone,
///   the time is in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Wraps `at`.
    pub const fn new(at: DateTime<Utc>) -> Self {
        Self(at)
    }

    /// Returns the point in time.
    pub const fn get(self) -> DateTime<Utc> {
        self.0
    }

    /// Reads a date and time. Returns `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text.trim());
        let date = NaiveDate::from_ymd_opt(
            rest.digits(4)?.try_into().ok()?,
            rest.after("-")?.digits(2)?,
            rest.after("-")?.digits(2)?,
        )?;
        if !rest.skip(&["T", "t"]) && !rest.blanks() {
            return None;
        }
        rest.blanks();
        let (hour, minute) = (rest.digits(2)?, rest.after(":")?.digits(2)?);
        let second = if rest.skip(&[":"]) { rest.digits(2)? } else { 0 };
        let nanos = rest.fraction()?;
        // chrono represents a leap second as the second before it, with more than 10⁹ nanoseconds.
        let time = match second {
            60 => NaiveTime::from_hms_nano_opt(hour, minute, 59, 1_000_000_000 + nanos)?,
            _ => NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?,
        };
        let (offset, local) = (rest.offset()?, date.and_time(time));
        let at = if offset.is_zero() { local } else { local.checked_sub_signed(offset)? };
        Some(Self(at.and_utc()))
    }
}

/// The rest of the text of a date and time.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn skip(&mut self, any: &[&str]) -> bool {
        let rest = any.iter().find_map(|text| self.0.strip_prefix(text));
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn after(&mut self, text: &str) -> Option<&mut Self> {
        self.skip(&[text]).then_some(self)
    }

    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start();
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }

    /// Reads exactly `count` digits. Returns `None` if there are more or fewer.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.take_digits();
        (digits.len() == count).then(|| value(digits))
    }

    fn take_digits(&mut self) -> &'t str {
        let count = self.0.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits
    }

    /// Reads a fraction of a second. Returns nanoseconds; further digits are cut off.
    fn fraction(&mut self) -> Option<u32> {
        const NANOS: usize = 9;
        if !self.skip(&[".", ","]) {
            return Some(0);
        }
        let digits = self.take_digits();
        let first = digits.get(..NANOS).unwrap_or(digits);
        (!first.is_empty()).then(|| (first.len()..NANOS).fold(value(first), |nanos, _| nanos * 10))
    }

    /// Reads the zone, to the end of the text. Returns how far the zone is ahead of UTC.
    fn offset(&mut self) -> Option<TimeDelta> {
        let mut offset = TimeDelta::zero();
        // The usual forms end here.
        if matches!(self.0, "" | "Z") {
            return Some(offset);
        }
        self.blanks();
        let ahead = self.skip(&["+"]);
        if ahead || self.skip(&["-", "\u{2212}"]) {
            let seconds = self.hours_and_minutes()?;
            offset = TimeDelta::try_seconds(if ahead { seconds } else { -seconds })?;
            self.blanks();
        }
        let name = self.0.split('[').next().unwrap_or_default().trim_end();
        let is_utc = ["", "z", "utc", "gmt"].iter().any(|utc| name.eq_ignore_ascii_case(utc));
        let in_brackets = &self.0[name.len()..];
        let is_closed = in_brackets.trim().is_empty() || in_brackets.ends_with(']');
        (is_utc && is_closed).then_some(offset)
    }

    /// Reads `01:00`, `0100` or `01`. Returns seconds.
    fn hours_and_minutes(&mut self) -> Option<i64> {
        let digits = self.take_digits();
        let (hours, minutes) = match digits.len() {
            2 => (digits, if self.skip(&[":"]) { self.digits(2)? } else { 0 }),
            4 => (&digits[..2], value(&digits[2..])),
            _ => return None,
        };
        let hours = value(hours);
        (hours < 24 && minutes < 60).then_some(i64::from(hours) * 3600 + i64::from(minutes) * 60)
    }
}

/// Returns the number that `digits` stand for. There must be at most nine.
fn value(digits: &str) -> u32 {
    digits.bytes().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
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
        lenient::required(deserializer, "a date and time")
    }
}

impl Lenient for Timestamp {
    fn text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Some(Timestamp::parse(text)?.get().to_rfc3339_opts(SecondsFormat::AutoSi, true))
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
    }

    #[test]
    fn the_forms_of_other_stacks_are_the_same_moment() {
        for text in [
            "2025-01-17T12:53",
            "2025-01-17T12:53Z",
            "2025-01-17T12:53:00.0",
            "2025-01-17T12:53:00+0000",
            "2025-01-17T13:53:00+01",
            "2025-01-17T13:53+0100",
            "2025-01-17T08:23-0430",
            "2025-01-17T08:23\u{2212}04:30",
            "2025-01-17 12:53:00",
            "2025-01-17 12:53:00 +0000",
            "2025-01-17 12:53:00 UTC",
            "2025-01-17 12:53:00 +0000 UTC",
            "2025-01-17 12:53:00.000000000 +0000 UTC",
            "2025-01-17T13:53:00+01:00[Europe/Berlin]",
            "2025-01-17T12:53Z[UTC]",
            "2025-01-17t12:53:00z",
            " 2025-01-17T12:53:00gmt\n",
        ] {
            assert_eq!(read(text).as_deref(), Some("2025-01-17T12:53:00Z"), "{text}");
        }
        for text in ["2025-01-17T12:53:00,5", "2025-01-17T12:53:00.50000000049"] {
            assert_eq!(read(text).as_deref(), Some("2025-01-17T12:53:00.500Z"), "{text}");
        }
        assert_eq!(read("2016-12-31T23:59:60Z").as_deref(), Some("2016-12-31T23:59:60Z"));
    }

    #[test]
    fn what_is_no_date_and_time_is_not_read() {
        for text in [
            "2025-08-01",
            "yesterday",
            "2025-13-01T00:00:00",
            "2025-02-30T00:00:00",
            "2025-01-17T24:53:00",
            "2025-01-17T12:60:00",
            "2025-01-17T12:53:61",
            "2025-01-17T12",
            "2025-01-17T1253",
            "2025-01-17T12:53:",
            "2025-01-17T12:53:00.",
            "2025-01-17T12:53:00+",
            "2025-01-17T12:53:00+1",
            "2025-01-17T12:53:00+24:00",
            "2025-01-17T12:53:00+01:0",
            "2025-01-17T12:53:00 CET",
            "2025-01-17T12:53:00Z[UTC",
            "2025-01-17T12:53:00Zé",
            "2025-01-1712:53:00",
            "1737118380",
            "+025-01-17T12:53:00",
            "é",
            "",
        ] {
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

        #[test]
        fn no_text_makes_it_panic(text in "[-0-9:.,+tTzZ \\[\\]\u{2212}é]{0,40}", any: String) {
            Timestamp::parse(&text);
            Timestamp::parse(&any);
        }
    }
}
