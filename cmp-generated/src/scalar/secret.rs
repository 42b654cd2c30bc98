use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::lenient::{self, Lenient};

/// A value that must never be printed: a PAN, a CVC, a network token number, a cryptogram.
///
/// The type has no `Display` and no `Deref`. `Debug` prints `Secret(..)`. Its memory is overwritten when it is dropped.
/// Only [`expose`](Self::expose), [`into_inner`](Self::into_inner) and serialisation into a request give access to the
/// value.
///
/// It decodes from a JSON string or a non-negative integer, because the service sends network tokens in both forms.
#[derive(Clone)]
pub struct Secret {
    value: Zeroizing<String>,
    was_a_number: bool,
}

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: Zeroizing::new(value.into()), was_a_number: false }
    }

    /// Returns `true` if the service sent a number. It may have lost leading zeros.
    pub const fn was_a_number(&self) -> bool {
        self.was_a_number
    }

    /// Returns the value. The caller is responsible for where the value goes.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Returns the value. Its memory is still overwritten when it is dropped.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.value)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::required(deserializer, "a string or digits")
    }
}

impl Lenient for Secret {
    fn text(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }

    fn integer(number: u64) -> Option<Self> {
        Some(Self { was_a_number: true, ..Self::new(number.to_string()) })
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_numbers_decode_and_nothing_is_printed() {
        for json in ["\"5580043943638177\"", "5580043943638177"] {
            let secret: Secret = serde_json::from_str(json).expect("decodes");
            assert_eq!(secret.expose(), "5580043943638177");
            assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
        }
        assert_eq!(serde_json::to_string(&Secret::new("123")).expect("encodes"), "\"123\"");
        assert_eq!(Secret::new("123").into_inner().as_str(), "123");
    }
}
