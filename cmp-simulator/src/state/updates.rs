//! The account updater: subscriptions and the events that it reports.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the account updater reports for a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CardUpdateEvent {
    /// A new account number
    Updated,
    /// The same account number with a new expiry
    Expired,
    /// The account was closed
    Closed,
    /// The card's BIN takes no part in the account updater
    #[serde(alias = "non_participating")]
    NonParticipating,
    /// Ask the cardholder
    #[serde(alias = "contact_cardholder_advice")]
    ContactCardholderAdvice,
    /// The issuer does not know the account
    Unknown,
    /// Enrolled for updates
    Enrolled,
    /// Enrollment failed
    #[serde(alias = "enrollment_failed")]
    EnrollmentFailed,
    /// The cardholder opted out
    #[serde(alias = "opt_out")]
    OptOut,
}

impl CardUpdateEvent {
    /// The name in a card update's `event`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::NonParticipating => "non-participating",
            Self::ContactCardholderAdvice => "contact-cardholder-advice",
            Self::Unknown => "unknown",
            Self::Enrolled => "enrolled",
            Self::EnrollmentFailed => "enrollment-failed",
            Self::OptOut => "opt-out",
        }
    }
}

pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) enrolled: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

pub(crate) struct CardUpdate {
    pub(crate) id: String,
    pub(crate) event: CardUpdateEvent,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) changes: Vec<Change>,
}

/// One changed field; the values of `pan` are card numbers and follow the rule for `pan`.
pub(crate) struct Change {
    pub(crate) field: &'static str,
    pub(crate) old: String,
    pub(crate) new: String,
}
