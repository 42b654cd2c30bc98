use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An object whose members the documents do not list, such as a card's `meta`.
///
/// It may hold anybody's data, so `Debug` prints no more than the number of its members.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FreeForm(Map<String, Value>);

impl FreeForm {
    /// Wraps `members`.
    pub const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The members.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The members.
    pub fn into_inner(self) -> Map<String, Value> {
        self.0
    }
}

impl fmt::Debug for FreeForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FreeForm({} members)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for FreeForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a value, because serde's error for anything but an object repeats it.
        match Value::deserialize(deserializer)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(de::Error::custom("invalid value, expected an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_and_not_printed() {
        let meta: FreeForm = serde_json::from_str(r#"{"order": "4111111111111111"}"#).expect("decodes");
        assert_eq!(meta.members()["order"], "4111111111111111");
        assert_eq!(format!("{meta:?}"), "FreeForm(1 members)");
        assert_eq!(serde_json::to_string(&meta).expect("encodes"), r#"{"order":"4111111111111111"}"#);
    }
}
