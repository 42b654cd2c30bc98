//! The ways to provoke a status.

use std::fmt;

use serde::Serialize;

/// How to provoke a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum How {
    /// A valid request, for a card with an active network token if the operation has a card
    ValidRequest,
    /// A card number that is already stored, with duplicate detection
    StoredNumber,
    /// A card without a network token, as with manual enrollment
    NoNetworkToken,
    /// A card that is subscribed to updates
    Subscribed,
    /// A card whose subscription to updates was ended
    Unsubscribed,
    /// A card with a wallet's number
    WalletNumber,
    /// A body that is not JSON
    BrokenJson,
    /// An unknown name in `include`
    UnknownInclude,
    /// No access token, or one that is unknown, expired or revoked
    NoValidAccessToken,
    /// An access token without the operation's scope
    MissingScope,
    /// The id of an unknown card
    UnknownCard,
    /// V1: an alias that is already enrolled
    EnrolledAlias,
    /// V1: the reading that answers an enrollment with 202 instead of 201
    AcceptedReading,
    /// V1: an alias whose enrollment is declined
    DeclinedAlias,
    /// V1: an alias that was never enrolled
    UnknownAlias,
    /// A body that is not `application/vnd.api+json`
    OtherMediaType,
    /// A member that breaks the request schema
    InvalidMember,
    /// A documented test card
    TestCard(&'static str),
    /// A scripted response: `Fault::status(…)`
    ScriptedStatus,
    /// A token request without `grant_type`
    NoGrantType,
    /// A token request with a wrong client secret
    WrongClientSecret,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValidRequest => f.write_str("a valid request"),
            Self::StoredNumber => f.write_str("a stored card number, with duplicate detection on"),
            Self::NoNetworkToken => {
                f.write_str("a card without a network token: `Enrollment::Manual`, or after its deletion")
            }
            Self::Subscribed => f.write_str("a card that is subscribed to updates"),
            Self::Unsubscribed => f.write_str("a card whose subscription was ended"),
            Self::WalletNumber => f.write_str("a card whose `token_type` is `dpan` or `mpan`"),
            Self::BrokenJson => f.write_str("a body that is not JSON"),
            Self::UnknownInclude => f.write_str("`?include=` with an unknown name"),
            Self::NoValidAccessToken => f.write_str(
                "no access token, or `world().revoke_access_tokens()`, or `world().advance_clock(…)`",
            ),
            Self::MissingScope => f.write_str("`ServiceAccount::scopes(…)` without the operation's scope"),
            Self::UnknownCard => f.write_str("the id of an unknown card"),
            Self::EnrolledAlias => f.write_str("an alias that is already enrolled"),
            Self::AcceptedReading => f.write_str("`Readings::v1_enrolled` set to `V1Enrolled::Accepted`"),
            Self::DeclinedAlias => f.write_str("`world().v1_outcome(…, V1Outcome::Declined)`"),
            Self::UnknownAlias => f.write_str("an alias that was never enrolled"),
            Self::OtherMediaType => f.write_str("a body that is not `application/vnd.api+json`"),
            Self::InvalidMember => f.write_str("a member that breaks the request schema"),
            Self::TestCard(pan) => write!(f, "the test card {pan}"),
            Self::ScriptedStatus => f.write_str("`faults().add(Fault::status(…).on(…))`"),
            Self::NoGrantType => f.write_str("a form without `grant_type`"),
            Self::WrongClientSecret => f.write_str("a wrong client secret"),
        }
    }
}
