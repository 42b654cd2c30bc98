use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::{self, Lenient};

/// Personal data of a cardholder: a name, an address line, a phone number.
///
/// `Debug` prints `Personal(..)`; there is no `Display` and no `Deref`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal(String);

impl Personal {
    /// Wraps `value`. The facade checks the documented limits of its length.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Personal(..)")
    }
}

impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::required(deserializer, "a string")
    }
}

impl Lenient for Personal {
    fn text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn integer(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_and_written_but_not_printed() {
        let name: Personal = serde_json::from_str("\"Jane Doe\"").expect("decodes");
        assert_eq!(name.as_str(), "Jane Doe");
        assert_eq!(format!("{name:?}"), "Personal(..)");
        assert_eq!(serde_json::to_string(&name).expect("encodes"), "\"Jane Doe\"");
    }
}
