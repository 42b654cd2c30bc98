//! A stored card, and what the account updater reported for it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::card_data::{Brand, Expiry};
use crate::masked;
use crate::state::network_token::{NetworkToken, NetworkTokenState};

/// Everything that a create request can say.
pub(crate) struct NewCard {
    pub(crate) pan: String,
    pub(crate) cvc: Option<String>,
    pub(crate) expiry: Expiry,
    /// `cardholder`, `token_type` and `wallet_type`, given back as they came
    pub(crate) kept: Map<String, Value>,
    pub(crate) meta: Option<Value>,
}

/// A network token that the card network has not yet answered for.
pub(crate) struct PendingEnrollment {
    pub(crate) gets_left: u32,
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) held: bool,
}

impl PendingEnrollment {
    pub(crate) fn count_get(&mut self) {
        self.gets_left = self.gets_left.saturating_sub(1);
    }

    pub(crate) fn has_come(&self, now: DateTime<Utc>) -> bool {
        !self.held && self.gets_left == 0 && self.due.is_none_or(|due| due <= now)
    }
}

pub(crate) struct Card {
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) pan: String,
    pub(crate) cvc: Option<String>,
    pub(crate) expiry: Expiry,
    pub(crate) kept: Map<String, Value>,
    pub(crate) meta: Option<Value>,
    pub(crate) pan_alias: String,
    pub(crate) cvc_alias: String,
    pub(crate) fingerprint: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) tokens: Vec<NetworkToken>,
    pub(crate) pending: Option<PendingEnrollment>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) updates: Vec<CardUpdate>,
}

impl Card {
    pub(crate) fn brand(&self) -> Option<Brand> {
        Brand::of(&self.pan)
    }

    pub(crate) fn usable_token(&self) -> Option<&NetworkToken> {
        self.tokens.iter().rev().find(|token| token.state.is_usable())
    }

    /// The token that events of the network are about: the newest that has not been deleted.
    pub(crate) fn current_token(&mut self) -> Option<&mut NetworkToken> {
        self.tokens.iter_mut().rev().find(|token| token.state != NetworkTokenState::Deleted)
    }

    /// Characters and not bytes, because an alias may stand in the place of the number.
    pub(crate) fn leading(&self, count: usize) -> String {
        self.pan.chars().take(count).collect()
    }

    pub(crate) fn last4(&self) -> String {
        let length = self.pan.chars().count();
        self.pan.chars().skip(length.saturating_sub(4)).collect()
    }

    pub(crate) fn view(&self) -> CardView {
        let tokens = self.tokens.iter().map(|token| TokenView {
            id: token.id.clone(),
            state: token.state,
            last4: token.last4().to_owned(),
            reason_code: token.state.reason_code().to_owned(),
        });
        CardView {
            id: self.id.clone(),
            last4: self.last4(),
            brand: self.brand(),
            exp_month: self.expiry.month,
            exp_year: self.expiry.year,
            has_cvc: self.cvc.is_some(),
            meta: self.meta.as_ref().map(masked::json),
            network_tokens: tokens.collect(),
        }
    }
}

/// A stored card as tests may see it: no card number and no CVC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CardView {
    /// `CRD…`
    pub id: String,
    /// The last four digits of the card number
    pub last4: String,
    /// `None` where the number belongs to no network with network tokens
    pub brand: Option<Brand>,
    /// 1 to 12
    pub exp_month: u32,
    /// The last two digits of the year
    pub exp_year: u32,
    /// Whether a CVC is stored
    pub has_cvc: bool,
    /// The user's metadata, as it was given on creation, with card data and credentials masked
    pub meta: Option<Value>,
    /// All network tokens that have arrived, the oldest first
    pub network_tokens: Vec<TokenView>,
}

/// A network token as tests may see it: no number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenView {
    /// `NT…`
    pub id: String,
    /// The state
    pub state: NetworkTokenState,
    /// The last four digits of the token's number
    pub last4: String,
    /// `cmp_network_token.…`
    pub reason_code: String,
}

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
