use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::lenient;

/// A value that must never be printed: a PAN, a CVC, a network token number, a cryptogram.
///
/// It has no `Display` and no `Deref`; `Debug` prints `Secret(..)`; its memory is overwritten when it is dropped. The
/// ways out are [`expose`](Self::expose), [`into_inner`](Self::into_inner) and, because this is the wire's side of the
/// library, serialisation into a request.
///
/// Decodes from a JSON string or a non-negative integer (the service sends network tokens as both).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value, still overwritten when dropped.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::string_or_integer(deserializer, "a string or digits").map(Self)
    }
}

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
