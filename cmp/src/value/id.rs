use std::{fmt, str::FromStr};

use super::{InvalidInput, read::stored_as_text};
use crate::scrub::looks_like_a_pan;

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
            /// "delete this card" a request for another resource. Also for one that a PAN may be in: twelve digits or more
            /// in a row, or in groups as card numbers are written.
            pub fn new(id: impl Into<String>) -> Result<Self, InvalidInput> {
                let id = id.into();
                if !has_the_form_of_an_id(&id) {
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

        impl TryFrom<&str> for $name {
            type Error = InvalidInput;

            fn try_from(id: &str) -> Result<Self, Self::Error> {
                Self::new(id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(id: String) -> Result<Self, Self::Error> {
                Self::new(id)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        stored_as_text!($name, $field, as_str);

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

/// The alias of a PAN, in the format that the vault is set to. V1 knows a card and its network token by it.
///
/// An alias is not card data. Some vaults' aliases are digits only and look like a PAN (`9914040119524512000`), so
/// `Debug` does not show it and there is no `Display`.
///
/// ```
/// let alias = cmp::v1::PanAlias::new("9914040119524512000")?;
/// assert_eq!(alias.as_str(), "9914040119524512000");
/// assert_eq!(format!("{alias:?}"), "PanAlias(..)");
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PanAlias(String);

impl PanAlias {
    /// Takes an alias of letters, digits, `_` and `-`.
    ///
    /// V1 sends an alias as part of a URL, so never pass a PAN. An alias can have the form of a PAN, so this can't be checked.
    ///
    /// # Errors
    /// [`InvalidInput`] for any other character, or if the alias is empty or longer than 128.
    pub fn new(alias: impl Into<String>) -> Result<Self, InvalidInput> {
        let alias = alias.into();
        if has_the_form_of_an_id(&alias) {
            Ok(Self(alias))
        } else {
            Err(InvalidInput::new("pan alias", "must be 1 to 128 letters, digits, `_` or `-`"))
        }
    }

    /// Returns the alias as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PanAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanAlias(..)")
    }
}

impl FromStr for PanAlias {
    type Err = InvalidInput;

    fn from_str(alias: &str) -> Result<Self, Self::Err> {
        Self::new(alias)
    }
}

stored_as_text!(PanAlias, "pan alias", as_str);

/// Returns `true` if a text from outside can be shown where an id is expected.
#[cfg_attr(not(feature = "webhooks"), expect(dead_code, reason = "all other ids are of the types above"))]
pub(crate) fn is_showable(id: &str) -> bool {
    has_the_form_of_an_id(id) && !looks_like_a_pan(id)
}

fn has_the_form_of_an_id(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
