//! Strings that also come as numbers, decoded without ever repeating a value in an error.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use zeroize::Zeroizing;

/// Reads a JSON string, or a non-negative integer as its decimal digits.
///
/// `expecting` completes "invalid value, expected …" in the error.
pub(super) fn string_or_integer<'de, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<Zeroizing<String>, D::Error> {
    deserializer.deserialize_any(Text { expecting, fractions: false })
}

/// Reads a JSON string, or any number in its shortest form.
pub(super) fn string_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<Zeroizing<String>, D::Error> {
    deserializer.deserialize_any(Text { expecting, fractions: true })
}

struct Text {
    expecting: &'static str,
    fractions: bool,
}

impl Text {
    // serde's own defaults for what a visitor does not take repeat the value.
    fn refuse<T, E: Error>(&self) -> Result<T, E> {
        Err(E::custom(format_args!("invalid value, expected {}", self.expecting)))
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Zeroizing<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        u64::try_from(number).or_else(|_| self.refuse()).and_then(|number| self.visit_u64(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        if self.fractions && number >= 0.0 { Ok(Zeroizing::new(number.to_string())) } else { self.refuse() }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        self.refuse()
    }

    // With serde_json's feature `arbitrary_precision`, which any crate of a build may turn on, a number is a map.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Ok(number) = Number::deserialize(MapAccessDeserializer::new(map)) else { return self.refuse() };
        match (number.as_u64(), number.as_f64()) {
            (Some(number), _) => self.visit_u64(number),
            (None, Some(number)) => self.visit_f64(number),
            (None, None) => self.refuse(),
        }
    }
}
