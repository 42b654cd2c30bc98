use std::{convert::Infallible, fmt, str::FromStr};

use cmp_generated::scalar::Text;

use crate::{scrub::scrub, value::stored::stored_as_text};

/// The state of a network token. The service writes it in lower case, older documents in upper case; both are read.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetworkTokenState {
    /// It can be used.
    Active,
    /// It could not be provisioned: see the reason code.
    Failed,
    /// It can be used, and the card behind it has changed.
    CardUpdated,
    /// It can't be used for now.
    Suspended,
    /// It can be used again.
    Activated,
    /// It is gone.
    Deleted,
    /// A state that this version doesn't know, as the service wrote it.
    Other(String),
}

impl NetworkTokenState {
    pub(crate) fn from_wire(state: Option<Text>) -> Self {
        state.map(Text::into_inner).unwrap_or_default().into()
    }

    /// Whether a payment can be made with it: `active`, `activated` and `card_updated` (source: VGS's documentation
    /// of network token states).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Active | Self::Activated | Self::CardUpdated)
    }

    /// Whether it will not become usable by waiting.
    #[must_use]
    pub fn is_final_failure(&self) -> bool {
        matches!(self, Self::Failed | Self::Deleted)
    }

    /// The state as the service writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Failed => "failed",
            Self::CardUpdated => "card_updated",
            Self::Suspended => "suspended",
            Self::Activated => "activated",
            Self::Deleted => "deleted",
            Self::Other(state) => state,
        }
    }
}

impl From<String> for NetworkTokenState {
    fn from(state: String) -> Self {
        match state.to_ascii_lowercase().replace('-', "_").as_str() {
            "active" => Self::Active,
            "failed" => Self::Failed,
            "card_updated" => Self::CardUpdated,
            "suspended" => Self::Suspended,
            "activated" => Self::Activated,
            "deleted" => Self::Deleted,
            _ => Self::Other(state),
        }
    }
}

/// Scrubs what this version doesn't know, because that can be anything.
impl fmt::Debug for NetworkTokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("Active"),
            Self::Failed => f.write_str("Failed"),
            Self::CardUpdated => f.write_str("CardUpdated"),
            Self::Suspended => f.write_str("Suspended"),
            Self::Activated => f.write_str("Activated"),
            Self::Deleted => f.write_str("Deleted"),
            Self::Other(state) => f.debug_tuple("Other").field(&scrub(state)).finish(),
        }
    }
}

impl fmt::Display for NetworkTokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(state) => f.write_str(&scrub(state)),
            known => f.write_str(known.as_str()),
        }
    }
}

/// Reads any text: a state that this version doesn't know is kept.
impl FromStr for NetworkTokenState {
    type Err = Infallible;

    fn from_str(state: &str) -> Result<Self, Self::Err> {
        Ok(state.to_owned().into())
    }
}

stored_as_text!(NetworkTokenState, "token state", as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_and_new_states_are_kept() {
        assert_eq!(NetworkTokenState::from("CARD_UPDATED".to_owned()), NetworkTokenState::CardUpdated);
        assert_eq!(
            NetworkTokenState::from("Frozen".to_owned()),
            NetworkTokenState::Other("Frozen".to_owned())
        );
        assert!(!NetworkTokenState::from("Frozen".to_owned()).is_usable());
    }
}
