//! Parts of an [`Error`]: what the service said, why a call was not repeated, and why a card has no network
//! token.

mod document;
pub(crate) mod model;

use std::fmt;

pub use self::document::{ErrorCode, ErrorDetail};
pub(crate) use self::{
    document::Document,
    model::{Delivery, Error, ErrorKind, Result, is_transient_status},
};
pub(crate) use crate::value::InvalidInput;

use crate::{
    scrub::scrub,
    value::{NetworkTokenState, Text},
};

/// Why a call was not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Trying again would not help.
    NotTransient,
    /// The request may have taken effect, and repeating it may do harm.
    MayHaveTakenEffect,
    /// The policy's attempts are used up.
    AttemptsExhausted,
    /// The client's retry budget is used up: too many calls are failing.
    BudgetExhausted,
    /// The service asked for a longer wait than the policy allows.
    RetryAfterTooLong,
    /// The deadline has passed, or would pass during the wait.
    DeadlineTooClose,
}

/// As the end of a sentence.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTransient => "trying again would not help",
            Self::MayHaveTakenEffect => "the request may have taken effect, and repeating it may do harm",
            Self::AttemptsExhausted => "the policy's attempts are used up",
            Self::BudgetExhausted => "the client's retry budget is used up",
            Self::RetryAfterTooLong => "the service asked for a longer wait than the policy allows",
            Self::DeadlineTooClose => "the deadline has passed, or would pass during the wait",
        })
    }
}

/// Why a card has no network token to pay with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoNetworkToken {
    /// The card has no network token: none was provisioned, it is not ready yet, or it was deleted.
    #[error("the card has no network token")]
    None,
    /// The answer shows no network token that can be used, and the card may have one all the same:
    /// [`Card::lists_network_tokens`](crate::Card::lists_network_tokens) is `false`.
    #[error("the answer does not list all network tokens of the card")]
    NotListed,
    /// The card has a number of a wallet (`dpan` or `mpan`), for which the service makes no network token.
    #[error("the card has a number of a wallet, and gets no network token")]
    WalletCard,
    /// The card has a network token whose state allows no payment.
    #[error("the card's network token is {}{}", scrub(.state.as_str()), in_brackets(.reason_code.as_deref()))]
    NotUsable {
        /// Its state.
        state: NetworkTokenState,
        /// Why it is in that state, if the service says.
        reason_code: Option<Text>,
    },
    /// The network token is in a usable state, but the answer does not contain its number.
    #[error("the card's network token is {}, but came without its number", scrub(.0.as_str()))]
    WithoutNumber(NetworkTokenState),
}

impl NoNetworkToken {
    /// Returns `true` if waiting can't help: the network refused the token, the token was deleted, or the card has a number of
    /// a wallet.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::WalletCard => true,
            Self::NotUsable { state, .. } => state.is_final_failure(),
            _ => false,
        }
    }

    /// What to do about it, in a sentence for a person.
    #[must_use]
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::None => {
                "provision a network token; where the account makes them on creation, wait until it arrives"
            }
            Self::NotListed => {
                "read the card by `cards().get`; if its network tokens are not listed there either, provision one: an active \
                 network token is kept and returned"
            }
            Self::WalletCard => "pay with the number of the wallet",
            Self::NotUsable { state: NetworkTokenState::Failed, .. } => {
                "the card network refused a token, and the reason code, if there is one, says why: pay with the PAN"
            }
            Self::NotUsable { state: NetworkTokenState::Deleted, .. } => {
                "provision a new network token, or enroll the card again"
            }
            Self::NotUsable { state: NetworkTokenState::Suspended, .. } => {
                "wait until the issuer activates the token again, or pay in another way"
            }
            Self::NotUsable { .. } => "wait until the token is active",
            Self::WithoutNumber(_) => "read the card again; if the number is still missing, ask VGS support",
        }
    }
}

fn in_brackets(reason_code: Option<&str>) -> String {
    reason_code.map(|code| format!(" ({})", scrub(code))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_usable(state: NetworkTokenState) -> NoNetworkToken {
        NoNetworkToken::NotUsable { state, reason_code: None }
    }

    #[test]
    fn what_no_wait_can_help_is_final_and_each_case_has_its_own_advice() {
        let cases = [
            (NoNetworkToken::None, false, "provision a network token"),
            (NoNetworkToken::NotListed, false, "read the card by"),
            (NoNetworkToken::WalletCard, true, "the number of the wallet"),
            (not_usable(NetworkTokenState::Failed), true, "pay with the PAN"),
            (not_usable(NetworkTokenState::Deleted), true, "provision a new network token"),
            (not_usable(NetworkTokenState::Suspended), false, "until the issuer activates"),
            (not_usable("pending".parse().unwrap()), false, "until the token is active"),
            (NoNetworkToken::WithoutNumber(NetworkTokenState::Active), false, "read the card again"),
        ];
        for (case, is_final, advice) in cases {
            assert_eq!(case.is_final(), is_final, "{case}");
            assert!(case.next_step().contains(advice), "{case}");
        }
    }

    #[test]
    fn the_reason_stands_behind_the_state() {
        let reason_code = Some(Text::from("declined"));
        let failed = NoNetworkToken::NotUsable { state: NetworkTokenState::Failed, reason_code };
        assert_eq!(failed.to_string(), "the card's network token is failed (declined)");
        let active = not_usable(NetworkTokenState::Suspended).to_string();
        assert_eq!(active, "the card's network token is suspended");
        assert_eq!(StopReason::BudgetExhausted.to_string(), "the client's retry budget is used up");
    }
}
