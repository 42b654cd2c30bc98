use std::{fmt, str::FromStr};

use crate::error::InvalidInput;

const LONGEST: usize = 128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes an id of letters, digits, `_` and `-`.
            ///
            /// # Errors
            /// [`InvalidInput`] for anything else, because an id becomes part of a path: `..` in one would make
            /// "delete this card" a request for another resource.
            pub fn new(id: impl Into<String>) -> Result<Self, InvalidInput> {
                let id = id.into();
                let fits = (1..=LONGEST).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                if !fits {
                    return Err(InvalidInput::new($field, "must be 1 to 128 letters, digits, `_` or `-`"));
                }
                if looks_like_a_pan(&id) {
                    return Err(InvalidInput::new($field, "looks like a card number, which must not go into a path"));
                }
                Ok(Self(id))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidInput;

            fn from_str(id: &str) -> Result<Self, Self::Err> {
                Self::new(id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(id: String) -> Result<Self, Self::Error> {
                Self::new(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// The id of a stored card, `CRD…`; it never changes, even when the card's number does.
    CardId, "card id";

    /// The id of a network token, `NT…`.
    NetworkTokenId, "network token id";
}

fn looks_like_a_pan(id: &str) -> bool {
    (12..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_in_a_path_is_an_id() {
        for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2e", "ä", "a b", "a\r\nb", "4111111111111111"] {
            assert!(CardId::new(bad).is_err(), "{bad:?}");
        }
        assert!(CardId::new("x".repeat(129)).is_err());
        for good in ["CRDecqZp3xRgXU3TFmtcDdzQs", "card_123", "tntipby064g", "a-b"] {
            assert_eq!(CardId::new(good).map(String::from).as_deref(), Ok(good));
        }
    }
}
