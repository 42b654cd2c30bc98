//! Reads free-form JSON of limited size and depth.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{LONGEST_TEXT, NUMBER, Name, Notes, number_text, skip_list};

/// The maximum number of values in one object, at any depth. An empty object has three characters, but takes up to a
/// hundred times as much memory.
const MOST_VALUES: usize = 10_000;
const DEEPEST: usize = 100;

/// The number of values that may still be read, and the current depth.
pub(crate) struct Json {
    values: usize,
    depth: usize,
}

impl Json {
    pub(crate) const fn new() -> Self {
        Self { values: MOST_VALUES, depth: 0 }
    }

    /// Reads members to the end of the object. A member that exceeds the limits is absent.
    pub(crate) fn members<'de, A: MapAccess<'de>>(
        &mut self,
        members: &mut Map<String, Value>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match map.next_value_seed(&mut *self)? {
                Some(value) => drop(members.insert(name.into_owned(), value)),
                None => notes.unreadable(),
            }
        }
        Ok(())
    }

    /// Reads an object to its end. Returns `None` if it exceeds the limits.
    pub(crate) fn object<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<Option<Value>, A::Error> {
        let mut members = Some(Map::new());
        let mut number = None;
        while let Some(Name(name)) = map.next_key()? {
            if name == NUMBER {
                number = number_text(map)?.and_then(|number| number.parse::<Number>().ok());
                continue;
            }
            match (&mut members, map.next_value_seed(&mut *self)?) {
                (Some(members), Some(value)) => drop(members.insert(name.into_owned(), value)),
                _ => members = None,
            }
        }
        Ok(number.map(Value::Number).or(members.map(Value::Object)))
    }

    /// Reads a list to its end. Returns `None` if it exceeds the limits.
    pub(crate) fn list<'de, A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<Option<Value>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element_seed(&mut *self)? {
            match entry {
                Some(value) => entries.push(value),
                None => return skip_list(seq).map(|()| None),
            }
        }
        Ok(Some(Value::Array(entries)))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Json {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.values == 0 || self.depth == DEEPEST {
            return IgnoredAny::deserialize(deserializer).map(|_| None);
        }
        self.values -= 1;
        self.depth += 1;
        let read = deserializer.deserialize_any(&mut *self);
        self.depth -= 1;
        read
    }
}

impl<'de> Visitor<'de> for &mut Json {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((text.len() <= LONGEST_TEXT).then(|| Value::String(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.into()))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(truth.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        self.object(&mut map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        self.list(&mut seq)
    }
}
