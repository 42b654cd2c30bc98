use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, IntoDeserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::lenient::{self, Lenient};

/// A value from a list that may grow. It is a documented value, or one that this version of the crate does not know.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Open<K> {
    /// A documented value.
    Known(K),
    /// A value that is not documented, as the service sent it.
    Unknown(String),
}

impl<K> Open<K> {
    /// Returns the documented value, or `None` if the value is unknown.
    pub const fn known(&self) -> Option<&K> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown(_) => None,
        }
    }
}

impl<K: fmt::Display> fmt::Display for Open<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => known.fmt(formatter),
            Self::Unknown(text) => formatter.write_str(text),
        }
    }
}

impl<K: Serialize> Serialize for Open<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(known) => known.serialize(serializer),
            Self::Unknown(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de, K: for<'a> Deserialize<'a>> Deserialize<'de> for Open<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::required(deserializer, "a string")
    }
}

impl<K: for<'a> Deserialize<'a>> Lenient for Open<K> {
    fn text(text: &str) -> Option<Self> {
        let known: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        Some(K::deserialize(known).map_or_else(|_| Self::Unknown(text.to_owned()), Self::Known))
    }
}

/// Does not print an unknown value, because any text from outside can contain a PAN.
impl<K: fmt::Debug> fmt::Debug for Open<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => formatter.debug_tuple("Known").field(known).finish(),
            Self::Unknown(_) => formatter.write_str("Unknown(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::KnownTokenType;

    #[test]
    fn unknown_values_are_kept_and_come_back() {
        let known: Open<KnownTokenType> = serde_json::from_str("\"dpan\"").expect("decodes");
        assert_eq!(known, Open::Known(KnownTokenType::Dpan));
        let unknown: Open<KnownTokenType> = serde_json::from_str("\"qpan\"").expect("decodes");
        assert_eq!((unknown.known(), unknown.to_string().as_str()), (None, "qpan"));
        assert_eq!(format!("{unknown:?}"), "Unknown(..)");
        for value in [known, unknown] {
            let json = serde_json::to_string(&value).expect("encodes");
            assert_eq!(serde_json::from_str::<Open<KnownTokenType>>(&json).expect("decodes"), value);
        }
    }
}
