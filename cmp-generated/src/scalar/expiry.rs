use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient::{self, Lenient};

macro_rules! expiry {
    ($(#[$meta:meta])* $name:ident, $number:ty, $range:expr, $expecting:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name($number);

        impl $name {
            #[doc = concat!("Wraps ", $expecting, "; `None` outside of it.")]
            pub fn new(value: $number) -> Option<Self> {
                $range.contains(&value).then_some(Self(value))
            }

            /// Returns the number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::required(deserializer, $expecting)
            }
        }

        impl Lenient for $name {
                    fn text(text: &str) -> Option<Self> {
                let text = text.trim();
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                if digits { text.parse().ok().and_then(Self::new) } else { None }
            }

            fn integer(number: u64) -> Option<Self> {
                number.try_into().ok().and_then(Self::new)
            }
        }
    };
}

expiry!(
    /// The month in which a card or token expires. A JSON integer; answers may also have a string of digits.
    ExpMonth,
    u8,
    1..=12,
    "a month from 1 to 12"
);

expiry!(
    /// The year in which a card or token expires. The documents have two digits (26 is 2026), but the service sometimes
    /// sends four. A JSON integer; answers may also have a string of digits.
    ExpYear,
    u16,
    0..=9999,
    "a year of two or four digits"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_digits_decode_within_their_range() {
        assert_eq!(serde_json::from_str::<ExpMonth>("5").expect("decodes").get(), 5);
        assert_eq!(serde_json::from_str::<ExpMonth>("\"05\"").expect("decodes").get(), 5);
        assert_eq!(serde_json::from_str::<ExpYear>("\"2025\"").expect("decodes").get(), 2025);
        assert_eq!(serde_json::from_str::<ExpYear>("0").expect("decodes").get(), 0);
        assert_eq!(serde_json::to_string(&ExpMonth::new(7)).expect("encodes"), "7");
        for json in ["0", "13", "-1", "\"May\"", "1.5", "\"+5\"", "\"\"", "true", "[5]", "1e30"] {
            assert!(serde_json::from_str::<ExpMonth>(json).is_err(), "{json}");
        }
        assert_eq!(ExpYear::new(10_000), None);
    }
}
