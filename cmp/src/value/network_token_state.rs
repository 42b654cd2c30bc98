use cmp_generated::scalar::Text;

use super::{open::open_enum, read::stored_as_text};

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
