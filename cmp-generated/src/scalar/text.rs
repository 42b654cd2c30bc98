use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient::{self, Lenient, are_digits};

/// The maximum number of digits of a BIN. A longer text could be a PAN.
const MOST_DIGITS: usize = 10;
const LAST_FOUR: usize = 4;

/// Defines a type for a string from outside. Its `Debug` does not print the string, which can contain a PAN.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $expecting:literal) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text.
            pub fn into_inner(self) -> String {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::required(deserializer, $expecting)
            }
        }
    };
}

text!(
    /// A string from outside: a JSON string or a non-negative integer.
    Text,
    "a string"
);

text!(
    /// Leading digits of a card number, or another short code: up to ten digits, as a JSON string or integer.
    Digits,
    "up to ten digits as a string or an integer"
);

text!(
    /// The last four digits of a card number: a JSON string of four digits, or an integer, whose lost leading zeros are
    /// restored. A shorter string is refused, because the missing digits are unknown.
    Last4,
    "four digits as a string or an integer"
);

text!(
    /// A payment account reference: a JSON string, or an integer of any length. Every digit is kept.
    Reference,
    "a string or an integer"
);

text!(
    /// The version of JSON:API that an answer follows: a JSON string or number.
    JsonApiVersion,
    "a version as a string or a number"
);

impl Text {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Last4 {
    /// Reads exactly four digits.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = text.len() == LAST_FOUR && are_digits(text);
        fits.then(|| Self(text.to_owned()))
    }

    /// Reads a number that may have lost its leading zeros.
    pub fn of_number(number: u64) -> Option<Self> {
        (number < 10_000).then(|| Self(format!("{number:04}")))
    }
}

impl Lenient for Text {
    fn text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn integer(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }
}

impl Lenient for Digits {
    fn text(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=MOST_DIGITS).contains(&text.len()) && are_digits(text);
        fits.then(|| Self(text.to_owned()))
    }

    fn integer(number: u64) -> Option<Self> {
        Self::text(&number.to_string())
    }
}

impl Lenient for Last4 {
    fn text(text: &str) -> Option<Self> {
        Self::new(text)
    }

    fn integer(number: u64) -> Option<Self> {
        Self::of_number(number)
    }
}

impl Lenient for Reference {
    const IS_EXACT: bool = true;

    fn text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn integer(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }

    fn float(_: f64) -> Option<Self> {
        None
    }
}

impl Lenient for JsonApiVersion {
    fn text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn integer(number: u64) -> Option<Self> {
        Some(Self(number.to_string()))
    }

    fn float(number: f64) -> Option<Self> {
        (number >= 0.0).then(|| Self(number.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn numbers_become_text() {
        assert_eq!(read::<Digits>("558004").expect("decodes").as_str(), "558004");
        assert_eq!(read::<Digits>("558004.0").expect("decodes").as_str(), "558004");
        assert_eq!(read::<Last4>("42").expect("decodes").as_str(), "0042");
        assert_eq!(read::<JsonApiVersion>("1.1").expect("decodes").as_str(), "1.1");
        assert_eq!(read::<JsonApiVersion>("\"1.1\"").expect("decodes").as_str(), "1.1");
        assert_eq!(read::<JsonApiVersion>("1").expect("decodes").as_str(), "1");
        assert_eq!(read::<Text>("42").expect("decodes").as_str(), "42");
    }

    #[test]
    fn last4_is_four_digits_or_nothing() {
        for json in [
            "\"\"",
            "\"12\"",
            "\"12345\"",
            "\"4111111111111111\"",
            "4111111111111111",
            "10000",
            "\"12a4\"",
            "-1",
            "1.5",
            "true",
            "[]",
            "{}",
            "\"\u{ff11}\u{ff12}\u{ff13}\u{ff14}\"",
            "\"****1234\"",
        ] {
            assert_eq!(read::<Last4>(json), None, "{json}");
        }
    }

    #[test]
    fn leading_digits_are_too_few_for_a_pan() {
        for json in ["\"\"", "\"41111111111\"", "4111111111111111", "\"4111 11\"", "\"411111xx\""] {
            assert_eq!(read::<Digits>(json), None, "{json}");
        }
    }

    #[test]
    fn a_reference_keeps_every_digit() {
        for json in ["501234567890123456789012345678", "0", "\"V0010013020358954378123456789\""] {
            let digits = json.trim_matches('"');
            assert_eq!(read::<Reference>(json).expect("decodes").as_str(), digits);
        }
        for json in ["1e400", "-5", "1.5", "true", "[]", "{\"a\": 1}", "null"] {
            assert_eq!(read::<Reference>(json), None, "{json}");
        }
    }

    #[test]
    fn no_text_is_printed() {
        let shown = format!("{:?} {:#?}", Text::new("4111111111111111"), read::<Digits>("411111"));
        assert!(!shown.contains("411111"), "{shown}");
    }

    proptest! {
        #[test]
        fn last4_is_the_same_as_string_and_as_number(number in 0u32..10_000) {
            let digits = format!("{number:04}");
            let from_number: Last4 = serde_json::from_str(&number.to_string()).expect("decodes");
            let from_string: Last4 = serde_json::from_str(&format!("\"{digits}\"")).expect("decodes");
            prop_assert_eq!(from_number.as_str(), digits.as_str());
            prop_assert_eq!(from_string, from_number);
        }
    }
}
