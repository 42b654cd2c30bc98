use serde::{Deserialize, Deserializer, Serialize};

use super::lenient;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $read:ident, $expecting:literal, $normalise:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps `text` as it would be read from the wire.
            pub fn new(text: impl AsRef<str>) -> Self {
                let normalise: fn(&str) -> String = $normalise;
                Self(normalise(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text.
            pub fn into_inner(self) -> String {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::$read(deserializer, $expecting).map(|text| Self::new(&*text))
            }
        }
    };
}

text!(
    /// Leading digits of a card number, or another short code; a JSON string or a non-negative integer.
    Digits,
    string_or_integer,
    "digits as a string or an integer",
    str::to_owned
);

text!(
    /// The last four digits of a card number; a JSON string or a non-negative integer, whose lost leading zeros are
    /// restored.
    Last4,
    string_or_integer,
    "four digits as a string or an integer",
    |text| format!("{text:0>4}")
);

text!(
    /// The version of JSON:API that an answer follows; a JSON string or number.
    JsonApiVersion,
    string_or_number,
    "a version as a string or a number",
    str::to_owned
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_become_text() {
        assert_eq!(serde_json::from_str::<Digits>("558004").expect("decodes").as_str(), "558004");
        assert_eq!(serde_json::from_str::<Last4>("42").expect("decodes").as_str(), "0042");
        assert_eq!(serde_json::from_str::<JsonApiVersion>("1.1").expect("decodes").as_str(), "1.1");
        assert_eq!(serde_json::from_str::<JsonApiVersion>("\"1.1\"").expect("decodes").as_str(), "1.1");
        assert_eq!(serde_json::from_str::<JsonApiVersion>("1").expect("decodes").as_str(), "1");
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
