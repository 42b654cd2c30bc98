//! A stored card, its account updater subscription and its updates.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::card_data::{Brand, Expiry};
use crate::masked;
use crate::state::network_token::{NetworkToken, NetworkTokenState};

/// The content of a create request.
pub(crate) struct NewCard {
    pub(crate) pan: String,
    pub(crate) cvc: Option<String>,
    pub(crate) expiry: Expiry,
    /// `cardholder`, `token_type` and `wallet_type`, returned unchanged
    pub(crate) kept: Map<String, Value>,
    pub(crate) meta: Option<Value>,
}

/// A network token that has not arrived yet.
#[derive(Serialize, Deserialize)]
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// No update is reported any more.
    pub(crate) unsubscribed: bool,
    pub(crate) updates: Vec<CardUpdate>,
}

impl Card {
    pub(crate) fn brand(&self) -> Option<Brand> {
        Brand::of(&self.pan)
    }

    /// The number is a wallet's, so that neither network tokens nor account updates come by themselves.
    pub(crate) fn is_of_a_wallet(&self) -> bool {
        matches!(self.kept.get("token_type").and_then(Value::as_str), Some("dpan" | "mpan"))
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscription.as_ref().is_some_and(|subscription| subscription.enrolled)
    }

    pub(crate) fn usable_token(&self) -> Option<&NetworkToken> {
        self.tokens.iter().rev().find(|token| token.state.is_usable())
    }

    /// Returns the token that network events are about: the newest that is not deleted.
    pub(crate) fn current_token(&mut self) -> Option<&mut NetworkToken> {
        self.tokens.iter_mut().rev().find(|token| token.state != NetworkTokenState::Deleted)
    }

    /// Returns the first characters. They are not bytes, because an alias may replace the number.
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

/// A stored card without its card number and CVC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CardView {
    /// The id: `CRD…`
    pub id: String,
    /// The last four digits of the card number
    pub last4: String,
    /// The card network; `None` if it has no network tokens
    pub brand: Option<Brand>,
    /// The expiry month, 1 to 12
    pub exp_month: u32,
    /// The last two digits of the expiry year
    pub exp_year: u32,
    /// Whether a CVC is stored
    pub has_cvc: bool,
    /// The user's metadata from the creation, with card data and credentials masked
    pub meta: Option<Value>,
    /// The network tokens that have arrived, the oldest first
    pub network_tokens: Vec<TokenView>,
}

/// A network token without its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenView {
    /// The id: `NTK…`
    pub id: String,
    /// The state
    pub state: NetworkTokenState,
    /// The last four digits of the token's number
    pub last4: String,
    /// The reason of the state, such as `cmp_network_token.provisioned`
    pub reason_code: String,
}

/// An event that the account updater reports for a card.
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
    /// The card's BIN is not part of the account updater
    #[serde(alias = "non_participating")]
    NonParticipating,
    /// Advice to contact the cardholder
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
    /// Returns the name in a card update's `event`.
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

#[derive(Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) enrolled: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CardUpdate {
    pub(crate) id: String,
    pub(crate) event: CardUpdateEvent,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) changes: Vec<Change>,
}

/// One changed field. A value of `pan` is a card number, and is shown like `pan`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) field: Cow<'static, str>,
    pub(crate) old: String,
    pub(crate) new: String,
}
