//! Every status of every operation, and how to provoke it.
//!
//! A test runs each row of the table. `cmp-simulator --statuses` prints it.
//!
#![doc = include_str!("../STATUSES.md")]

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::operation::Operation;

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

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The operation
    pub operation: Operation,
    /// The status of the response
    pub status: u16,
    /// How to provoke it
    pub how: How,
}

/// Returns the table in the order of operations and statuses.
pub fn table() -> Vec<Row> {
    let mut rows: Vec<_> = Operation::ALL
        .into_iter()
        .flat_map(|operation| {
            hows(operation).into_iter().map(move |(status, how)| Row { operation, status, how })
        })
        .collect();
    rows.sort_by_key(|row| (row.operation, row.status));
    rows
}

fn hows(operation: Operation) -> Vec<(u16, How)> {
    let mut hows = own(operation);
    if operation == Operation::Token {
        return hows;
    }
    hows.extend([(401, How::NoValidAccessToken), (403, How::MissingScope)]);
    if operation.has_request_body() {
        hows.extend([(400, How::BrokenJson), (422, How::InvalidMember)]);
    }
    if operation.has_request_body() && !operation.is_v1() {
        hows.push((415, How::OtherMediaType));
    }
    if operation == Operation::CreateCard {
        hows.extend([
            (500, How::TestCard("5100260000019214")),
            (502, How::TestCard("5100260000009215")),
            (503, How::TestCard("5100260000099216")),
            (504, How::TestCard("5100260000089217")),
        ]);
    } else {
        let nobody = match operation {
            Operation::ProvisionV1NetworkToken => How::DeclinedAlias,
            operation if operation.is_v1() => How::UnknownAlias,
            _ => How::UnknownCard,
        };
        hows.push((404, nobody));
        hows.extend([500, 502, 503, 504].map(|status| (status, How::ScriptedStatus)));
    }
    hows
}

/// Returns the rows that only this operation has.
fn own(operation: Operation) -> Vec<(u16, How)> {
    match operation {
        Operation::CreateCard => vec![(201, How::ValidRequest), (303, How::StoredNumber)],
        Operation::GetCard => vec![(200, How::ValidRequest), (400, How::UnknownInclude)],
        Operation::UpdateCard | Operation::GetV1NetworkToken | Operation::DeleteV1NetworkToken => {
            vec![(200, How::ValidRequest)]
        }
        Operation::ProvisionV1NetworkToken => {
            vec![(200, How::EnrolledAlias), (201, How::ValidRequest), (202, How::AcceptedReading)]
        }
        Operation::SubscribeToCardUpdates => {
            vec![(200, How::Subscribed), (201, How::Unsubscribed), (400, How::WalletNumber)]
        }
        Operation::UnsubscribeFromCardUpdates => vec![(204, How::Subscribed), (429, How::ScriptedStatus)],
        Operation::CheckForCardUpdates => vec![(200, How::ValidRequest), (400, How::WalletNumber)],
        Operation::DeleteCard | Operation::DeleteNetworkToken => vec![(204, How::ValidRequest)],
        // The documents list 400 without a request that gets it.
        Operation::ProvisionNetworkToken => {
            vec![(200, How::ValidRequest), (201, How::NoNetworkToken), (400, How::ScriptedStatus)]
        }
        Operation::RequestCryptogram => vec![(200, How::ValidRequest), (424, How::NoNetworkToken)],
        Operation::Token => {
            vec![(200, How::ValidRequest), (400, How::NoGrantType), (401, How::WrongClientSecret)]
        }
    }
}

const GENERATED: &str = "<!-- Generated by `cmp-simulator --statuses`. -->\n\n";

/// Returns the table in Markdown.
pub fn markdown() -> String {
    let mut text = GENERATED.to_owned() + "| operation | status | how to provoke it |\n|---|---|---|\n";
    for Row { operation, status, how } in table() {
        let _ = writeln!(text, "| `{operation}` | {status} | {how} |");
    }
    text
}
