//! A value with the time of the event that told it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de};

/// When an event happened. Of two at the same moment one must win, whatever order they come in: the ids decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) at: DateTime<Utc>,
    pub(super) event: String,
}

/// What the latest event told, which may be that the value is not known any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Register<T>(Option<Latest<T>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Latest<T> {
    value: Option<T>,
    stamp: Stamp,
}

impl<T: PartialEq> Register<T> {
    /// Takes a value unless a later one is known; `true` if the value is another than before.
    pub(super) fn offer(&mut self, value: Option<T>, stamp: &Stamp) -> bool {
        if self.0.as_ref().is_some_and(|latest| latest.stamp > *stamp) {
            return false;
        }
        let changes = self.value() != value.as_ref();
        self.0 = Some(Latest { value, stamp: stamp.clone() });
        changes
    }

    /// Takes a value, if there is one, unless a later one is known.
    pub(super) fn offer_known(&mut self, value: Option<T>, stamp: &Stamp) -> bool {
        value.is_some() && self.offer(value, stamp)
    }
}

impl<T> Register<T> {
    pub(super) fn value(&self) -> Option<&T> {
        self.0.as_ref()?.value.as_ref()
    }

    pub(super) fn stamp(&self) -> Option<&Stamp> {
        self.0.as_ref().map(|latest| &latest.stamp)
    }
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A value that is kept as text.
pub(super) trait Text: Sized {
    fn to_text(&self) -> String;
    fn from_text(text: String) -> Option<Self>;
}

#[derive(Serialize, Deserialize)]
struct Written {
    value: Option<String>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl<T: Text> Serialize for Register<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = self.0.as_ref().map(|latest| Written {
            value: latest.value.as_ref().map(Text::to_text),
            stamp: latest.stamp.clone(),
        });
        written.serialize(serializer)
    }
}

impl<'de, T: Text> Deserialize<'de> for Register<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(Written { value, stamp }) = Option::deserialize(deserializer)? else {
            return Ok(Self(None));
        };
        let known = value.is_some();
        let value = value.and_then(T::from_text);
        if known && value.is_none() {
            return Err(de::Error::custom("a stored value can't be read"));
        }
        Ok(Self(Some(Latest { value, stamp })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(second: i64, event: &str) -> Stamp {
        let at = DateTime::from_timestamp(second, 0).expect("in range");
        Stamp { at, event: event.to_owned() }
    }

    #[test]
    fn later_stamps_win_and_readings_at_one_moment_replace_each_other() {
        let mut register = Register::default();
        assert!(register.offer(Some(1), &stamp(5, "")));
        assert!(register.offer(Some(2), &stamp(5, "")), "a card without a time can be read again");
        assert!(register.offer(Some(3), &stamp(5, "b")));
        assert!(!register.offer(Some(4), &stamp(5, "a")));
        assert!(!register.offer(Some(4), &stamp(4, "c")));
        assert!(!register.offer_known(None, &stamp(6, "d")));
        assert_eq!(register.value(), Some(&3));
        assert!(register.offer(None, &stamp(6, "d")));
        assert_eq!((register.value(), register.stamp()), (None, Some(&stamp(6, "d"))));
    }
}
