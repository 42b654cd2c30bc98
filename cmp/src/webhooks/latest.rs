//! A value with the time of the event that set it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use super::model::Event;

/// The time of an event, or of a reading of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) at: DateTime<Utc>,
    /// When the service wrote the event, which may be later than it happened.
    #[serde(default)]
    timestamp: Option<DateTime<Utc>>,
    /// A digest of the event's id, which may be long or look like a PAN; `None` for a reading.
    event: Option<String>,
}

impl Stamp {
    pub(super) fn of_event(event: &Event, at: DateTime<Utc>) -> Self {
        let id = HEXLOWER.encode(&Sha256::digest(event.id.as_bytes())[..16]);
        Self { at, timestamp: event.timestamp, event: Some(id) }
    }

    pub(super) fn of_reading(at: DateTime<Utc>) -> Self {
        Self { at, timestamp: None, event: None }
    }

    /// Orders stamps of one moment too, so that the order in which they come makes no difference. A reading shows the
    /// effect of all events, so it wins. Of two events the one written last wins, else the one with the greater digest.
    fn rank(&self) -> impl Ord {
        (self.at, self.event.is_none(), self.timestamp, self.event.as_deref())
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.rank() < other.rank()
    }
}

/// The value from the latest event, with the event's stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Latest<T>(Option<Stamped<T>>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamped<T> {
    /// `None` if the event cleared it.
    value: Option<T>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl<T> Latest<T> {
    /// Sets or clears the value, unless a later event has.
    pub(super) fn offer(&mut self, value: Option<T>, stamp: &Stamp) {
        if !self.is_after(stamp) {
            self.0 = Some(Stamped { value, stamp: stamp.clone() });
        }
    }

    /// Sets the value if there is one, unless a later event has.
    pub(super) fn offer_known(&mut self, value: Option<T>, stamp: &Stamp) {
        if value.is_some() {
            self.offer(value, stamp);
        }
    }

    pub(super) fn is_after(&self, stamp: &Stamp) -> bool {
        self.stamp().is_some_and(|latest| stamp.is_before(latest))
    }

    pub(super) fn value(&self) -> Option<&T> {
        self.0.as_ref()?.value.as_ref()
    }

    pub(super) fn stamp(&self) -> Option<&Stamp> {
        self.0.as_ref().map(|latest| &latest.stamp)
    }
}

impl<T: Clone> Latest<T> {
    /// Takes the value of the other, unless it is older.
    pub(super) fn merge(&mut self, other: &Self) {
        if let Some(latest) = &other.0 {
            self.offer(latest.value.clone(), &latest.stamp);
        }
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Something unreadable in a stored view counts as unknown.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Latest<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::deserialize(deserializer).map(|stored| Self(stored.readable()))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored<T> {
    Readable(T),
    Unreadable(IgnoredAny),
}

impl<T> Stored<T> {
    fn readable(self) -> Option<T> {
        match self {
            Self::Readable(value) => Some(value),
            Self::Unreadable(IgnoredAny) => None,
        }
    }
}

/// Reads the entries of a map that are readable.
pub(super) fn readable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let stored = Stored::<BTreeMap<String, Stored<T>>>::deserialize(deserializer)?;
    let entries = stored.readable().into_iter().flatten();
    Ok(entries.filter_map(|(name, value)| Some((name, value.readable()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(second: i64, event: Option<&str>) -> Stamp {
        let at = DateTime::from_timestamp(second, 0).expect("in range");
        Stamp { at, timestamp: None, event: event.map(str::to_owned) }
    }

    #[test]
    fn later_stamps_win_and_a_reading_beats_the_events_of_its_moment() {
        let mut latest = Latest::default();
        for (value, stamp, expected) in [
            (1, stamp(5, Some("a")), 1),
            (2, stamp(5, Some("b")), 2),
            (3, stamp(5, Some("a")), 2),
            (4, stamp(5, None), 4),
            (5, stamp(5, None), 5),
            (6, stamp(5, Some("c")), 5),
            (7, stamp(4, None), 5),
        ] {
            latest.offer(Some(value), &stamp);
            assert_eq!(latest.value(), Some(&expected), "{stamp:?}");
        }
        latest.offer_known(None, &stamp(6, None));
        assert_eq!(latest.value(), Some(&5));
        latest.offer(None, &stamp(6, None));
        assert_eq!((latest.value(), latest.stamp()), (None, Some(&stamp(6, None))));
    }

    #[test]
    fn the_later_of_two_values_is_merged_into_the_other() {
        let (mut one, mut other) = (Latest::default(), Latest::default());
        other.offer(Some(1), &stamp(5, Some("a")));
        one.merge(&other);
        assert_eq!(one.value(), Some(&1));
        other.merge(&Latest::default());
        other.offer(None, &stamp(6, None));
        one.merge(&other);
        assert_eq!((one.value(), &one), (None, &other));
    }

    #[test]
    fn a_cleared_value_is_stored_and_an_unreadable_one_is_not_taken_for_it() {
        let mut cleared = Latest::<u8>::default();
        cleared.offer(None, &stamp(5, Some("a")));
        let stored = serde_json::to_string(&cleared).expect("writes");
        assert_eq!(serde_json::from_str::<Latest<u8>>(&stored).expect("reads"), cleared);
        let odd = stored.replace("null", "\"?\"");
        assert_eq!(serde_json::from_str::<Latest<u8>>(&odd).expect("reads"), Latest::default());
    }
}
