//! A value with the time of the event that told it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use crate::webhooks::Event;

/// When something was known to be so: from an event, or from a reading of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    at: DateTime<Utc>,
    /// When an event was told of, which may be later than it happened.
    #[serde(default)]
    told_at: Option<DateTime<Utc>>,
    /// The event's id; `None` for a reading.
    event: Option<String>,
}

impl Stamp {
    pub(super) fn of_event(event: &Event, at: DateTime<Utc>) -> Self {
        Self { at, told_at: event.timestamp(), event: Some(event.id().to_owned()) }
    }

    pub(super) fn of_reading(at: DateTime<Utc>) -> Self {
        Self { at, told_at: None, event: None }
    }

    pub(super) fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Of two at the same moment one must win, whatever order they come in: a reading shows what all events did, of
    /// events the one that was told last wins, and where that is the same too, their ids decide.
    fn rank(&self) -> impl Ord {
        (self.at, self.event.is_none(), self.told_at, self.event.clone())
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.rank() < other.rank()
    }
}

/// What the latest event told, which may be that the value is not known any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Register<T>(Option<Latest<T>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Latest<T> {
    value: Option<T>,
    stamp: Stamp,
}

impl<T> Register<T> {
    /// Takes a value unless a later one is known.
    pub(super) fn offer(&mut self, value: Option<T>, stamp: &Stamp) {
        if !self.is_after(stamp) {
            self.0 = Some(Latest { value, stamp: stamp.clone() });
        }
    }

    /// Whether what is known is later than this.
    pub(super) fn is_after(&self, stamp: &Stamp) -> bool {
        self.stamp().is_some_and(|latest| stamp.is_before(latest))
    }

    /// Takes a value, if there is one, unless a later one is known.
    pub(super) fn offer_known(&mut self, value: Option<T>, stamp: &Stamp) {
        if value.is_some() {
            self.offer(value, stamp);
        }
    }

    pub(super) fn value(&self) -> Option<&T> {
        self.0.as_ref()?.value.as_ref()
    }

    pub(super) fn stamp(&self) -> Option<&Stamp> {
        self.0.as_ref().map(|latest| &latest.stamp)
    }
}

impl<T: Clone> Register<T> {
    /// Takes what another register knows, unless it is older.
    pub(super) fn merge(&mut self, other: &Self) {
        if let Some(latest) = &other.0 {
            self.offer(latest.value.clone(), &latest.stamp);
        }
    }
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A value that is kept as text.
pub(super) trait StoredText: Sized {
    fn to_text(&self) -> String;
    fn from_text(text: String) -> Option<Self>;
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default, deserialize_with = "or_default")]
    value: Option<String>,
    #[serde(flatten)]
    stamp: Stamp,
}

/// What is stored, if it can be read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored<T> {
    Readable(T),
    Unreadable(IgnoredAny),
}

/// Reads what is stored; what can't be read is not known.
pub(super) fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Readable(value) => value,
        Stored::Unreadable(IgnoredAny) => T::default(),
    })
}

/// The same for each entry of a map.
pub(super) fn readable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let stored: BTreeMap<String, Stored<T>> = or_default(deserializer)?;
    let readable = stored.into_iter().filter_map(|(name, value)| match value {
        Stored::Readable(value) => Some((name, value)),
        Stored::Unreadable(IgnoredAny) => None,
    });
    Ok(readable.collect())
}

impl<T: StoredText> Serialize for Register<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = self.0.as_ref().map(|latest| Written {
            value: latest.value.as_ref().map(StoredText::to_text),
            stamp: latest.stamp.clone(),
        });
        written.serialize(serializer)
    }
}

impl<'de, T: StoredText> Deserialize<'de> for Register<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(Written { value, stamp }) = or_default(deserializer)? else { return Ok(Self(None)) };
        let was_known = value.is_some();
        let value = value.and_then(T::from_text);
        // That it can't be read doesn't say that it was cleared.
        let is_readable = value.is_some() || !was_known;
        Ok(Self(is_readable.then_some(Latest { value, stamp })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(second: i64, event: Option<&str>) -> Stamp {
        let at = DateTime::from_timestamp(second, 0).expect("in range");
        Stamp { at, told_at: None, event: event.map(str::to_owned) }
    }

    #[test]
    fn later_stamps_win_and_a_reading_beats_the_events_of_its_moment() {
        let mut register = Register::default();
        for (value, stamp, expected) in [
            (1, stamp(5, Some("a")), 1),
            (2, stamp(5, Some("b")), 2),
            (3, stamp(5, Some("a")), 2),
            (4, stamp(5, None), 4),
            (5, stamp(5, None), 5),
            (6, stamp(5, Some("c")), 5),
            (7, stamp(4, None), 5),
        ] {
            register.offer(Some(value), &stamp);
            assert_eq!(register.value(), Some(&expected), "{stamp:?}");
        }
        register.offer_known(None, &stamp(6, None));
        assert_eq!(register.value(), Some(&5));
        register.offer(None, &stamp(6, None));
        assert_eq!((register.value(), register.stamp()), (None, Some(&stamp(6, None))));
    }

    #[test]
    fn the_later_of_two_registers_is_merged_into_the_other() {
        let (mut one, mut other) = (Register::default(), Register::default());
        other.offer(Some(1), &stamp(5, Some("a")));
        one.merge(&other);
        assert_eq!(one.value(), Some(&1));
        other.merge(&Register::default());
        other.offer(None, &stamp(6, None));
        one.merge(&other);
        assert_eq!((one.value(), &one), (None, &other));
    }
}
