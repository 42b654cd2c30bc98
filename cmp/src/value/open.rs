use cmp_generated::scalar::Text;

use super::read::stored_as_text;

/// An enum of the API that keeps values which this version does not know.
///
/// With `from $known`, the generated enum of the documented values is matched exhaustively. A value that is added to the
/// documents or removed from them then breaks the build here, by name.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident from $known:path { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $crate::value::open::open_enum! {
            $(#[$doc])* $name { $($(#[$variant_doc])* $variant = $text,)* }
        }

        impl $name {
            fn from_known(known: $known) -> Self {
                use $known as Known;
                match known {
                    $(Known::$variant => Self::$variant,)*
                }
            }

            pub(crate) fn from_wire(value: cmp_generated::scalar::Open<$known>) -> Self {
                match value {
                    cmp_generated::scalar::Open::Known(known) => Self::from_known(known),
                    cmp_generated::scalar::Open::Unknown(value) => {
                        let Ok(value) = value.parse();
                        value
                    }
                }
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this version does not know, as the service wrote it.
            Other(String),
        }

        impl $name {
            /// Returns the value as the service writes it. `Display` masks secrets in an unknown one.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(value) => value,
                }
            }
        }

        /// Reads any text, in either case, with `-` or `_`. An unknown value is kept.
        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $(if $crate::value::open::is_same_word(text, $text) {
                    return Ok(Self::$variant);
                })*
                Ok(Self::Other(text.to_owned()))
            }
        }

        /// Masks secrets in an unknown value.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(stringify!($variant)),)*
                    Self::Other(value) => f.debug_tuple("Other").field(&$crate::scrub::scrub(value)).finish(),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Other(value) => f.write_str(&$crate::scrub::scrub(value)),
                    known => f.write_str(known.as_str()),
                }
            }
        }
    };
}

/// Documents and code spell one word in either case, and with `-` or `_`.
pub(crate) fn is_same_word(one: &str, other: &str) -> bool {
    let letter = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.bytes().map(letter).eq(other.bytes().map(letter))
}

pub(crate) use open_enum;

open_enum! {
    /// The state of a network token. The service writes it in lower case, older documents in upper case; both are read.
    NetworkTokenState {
        /// The network token can be used.
        Active = "active",
        /// The network token could not be provisioned: see the reason code.
        Failed = "failed",
        /// The network token can be used, and its card has changed.
        CardUpdated = "card_updated",
        /// The network token can't be used for now.
        Suspended = "suspended",
        /// The network token can be used again.
        Activated = "activated",
        /// The network token was deleted.
        Deleted = "deleted",
    }
}

impl NetworkTokenState {
    pub(crate) fn from_wire(state: Option<&Text>) -> Self {
        let Ok(state) = state.map_or("", Text::as_str).parse();
        state
    }

    /// Returns `true` if a payment can be made: `active`, `activated` and `card_updated` (source: VGS's documentation of
    /// network token states).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Active | Self::Activated | Self::CardUpdated)
    }

    /// Returns `true` if the network token does not become usable by waiting.
    #[must_use]
    pub fn is_final_failure(&self) -> bool {
        matches!(self, Self::Failed | Self::Deleted)
    }
}

stored_as_text!(NetworkTokenState, "token state", as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_and_new_states_are_kept() {
        let read = |state: &str| state.parse::<NetworkTokenState>().unwrap();
        assert_eq!(read("CARD_UPDATED"), NetworkTokenState::CardUpdated);
        assert_eq!(read("card-updated"), NetworkTokenState::CardUpdated);
        assert_eq!(read("Frozen"), NetworkTokenState::Other("Frozen".to_owned()));
        assert!(!read("Frozen").is_usable());
    }
}
