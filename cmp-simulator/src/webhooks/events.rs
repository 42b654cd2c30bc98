//! The content of notifications.
//!
//! VGS documents the envelope and the members of `details`. The `details` of CMP's network tokens
//! are not published. Here they are those of V1 with the card's id and the reason.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::card_data::Expiry;
use crate::settings::{Settings, StateCase};
use crate::state::card::{Card, CardUpdate, CardUpdateEvent};
use crate::state::network_token::{NetworkToken, NetworkTokenState};
use crate::state::v1::{CARD_BIN, CARD_LAST4, Enrollment};

const TENANT: &str = "tntsimulator";

/// An event without its envelope.
pub(crate) struct Event {
    pub(crate) name: String,
    summary: String,
    details: Value,
}

impl Event {
    /// A network token arrived or changed.
    pub(crate) fn token(settings: &Settings, card: &Card, token: &NetworkToken) -> Self {
        let state = match settings.readings.states {
            StateCase::Lower => token.state.name().to_owned(),
            StateCase::Upper => token.state.name().to_uppercase(),
        };
        let details = json!({
            "card_id": card.id,
            "card_bin": card.leading(6),
            "card_last4": card.last4(),
            "card_exp_month": card.expiry.month.to_string(),
            "card_exp_year": year(card.expiry),
            "network_token_id": token.id,
            "network_token": token.number,
            "network_token_last4": token.last4(),
            "exp_month": token.expiry.month.to_string(),
            "exp_year": year(token.expiry),
            "pan_alias": card.pan_alias,
            "payment_account_reference": token.payment_account_reference,
            "state": state,
            "reason_code": token.state.reason_code(),
            "reason_text": token.state.reason_text(),
            "tenant_id": TENANT,
            "created_at": without_zone(token.created_at),
            "updated_at": without_zone(token.updated_at),
        });
        Self {
            name: "cmp_network_token.updated".to_owned(),
            summary: token.state.reason_text().to_owned(),
            details,
        }
    }

    /// The account updater reported an update.
    pub(crate) fn update(card: &Card, update: &CardUpdate) -> Self {
        let mut event = Self::enrollment(card, update.event, update.occurred_at);
        for change in &update.changes {
            let (old, new) = match &*change.field {
                "pan" => ("old_account_number", "new_account_number"),
                _ => ("old_expiration_date", "new_expiration_date"),
            };
            let (before, after) = match &*change.field {
                "pan" => (change.old.clone(), change.new.clone()),
                _ => (with_month(card.expiry, &change.old), with_month(card.expiry, &change.new)),
            };
            event.details[old] = before.into();
            event.details[new] = after.into();
        }
        event
    }

    /// The card was enrolled with the account updater, or could not be.
    pub(crate) fn enrollment(card: &Card, event: CardUpdateEvent, at: DateTime<Utc>) -> Self {
        let name = format!("cmp_au_card.{}", event.name().replace('-', "_"));
        let details = json!({
            "card_id": card.id,
            "card_last4": card.last4(),
            "card_first8": card.leading(8),
            "card_bin": card.leading(6),
            "card_fingerprint": card.fingerprint,
            "fingerprint_matches": "true",
            "occurred_at": exactly(at),
            "reason_code": name,
            "reason_text": "Reported by the card network.",
        });
        Self { name, summary: "The account updater reported a card.".to_owned(), details }
    }

    /// Returns the whole message.
    pub(crate) fn body(&self, id: &str, at: DateTime<Utc>) -> Value {
        json!({
            "id": id,
            "event": self.name,
            "description": "An event of a card or a network token.",
            "summary": self.summary,
            "timestamp": rfc3339(at),
            "scope": "VAULT",
            "grouping": "EVERY_SINGLE",
            "occurrence": 1,
            "fingerprint": id,
            "integration_id": "int-simulator",
            "org_id": "org-simulator",
            "tenant": TENANT,
            "producer": { "application_name": "cmp-simulator", "application_protocol": "https" },
            "details": self.details,
        })
    }
}

fn year(expiry: Expiry) -> String {
    (2000 + expiry.year).to_string()
}

/// `MMYY`
fn month_and_year(expiry: Expiry) -> String {
    format!("{:02}{:02}", expiry.month, expiry.year)
}

/// `MMYY` with another year
fn with_month(expiry: Expiry, year: &str) -> String {
    format!("{:02}{year:0>2}", expiry.month)
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats a time as exactly as the times of network tokens, which may have changed at the same
/// moment.
fn exactly(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn without_zone(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// An event of a V1 network token. All members of its `details` are strings, and states are in upper
/// case.
#[derive(Clone, Copy)]
pub(crate) enum V1TokenEvent {
    Updated,
    Used,
    Suspended,
    Activated,
    Deleted,
}

impl V1TokenEvent {
    /// Returns the event for a new state. A state without its own event is an update.
    pub(crate) fn of(state: NetworkTokenState) -> Self {
        match state {
            NetworkTokenState::Suspended => Self::Suspended,
            NetworkTokenState::Activated => Self::Activated,
            NetworkTokenState::Deleted => Self::Deleted,
            NetworkTokenState::Active | NetworkTokenState::Failed | NetworkTokenState::CardUpdated => {
                Self::Updated
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Updated => "network_token.updated",
            Self::Used => "network_token.used",
            Self::Suspended => "network_token.suspended",
            Self::Activated => "network_token.activated",
            Self::Deleted => "network_token.deleted",
        }
    }
}

/// A report of the account updater about the card behind an alias.
///
/// V1 has no card ids. That its account numbers are aliases is inferred.
pub(crate) struct V1Update {
    pub(crate) event: CardUpdateEvent,
    /// The previous expiry
    pub(crate) old: Expiry,
    /// The alias of a new number
    pub(crate) new_alias: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

impl Event {
    /// A V1 network token arrived, changed or was used. A failed token has no number.
    pub(crate) fn v1_token(enrollment: &Enrollment, event: V1TokenEvent) -> Self {
        let mut details = json!({
            "card_bin": CARD_BIN,
            "card_last4": CARD_LAST4,
            "card_exp_month": enrollment.expiry.month.to_string(),
            "card_exp_year": year(enrollment.expiry),
            "pan_alias": enrollment.pan_alias,
            "state": enrollment.state.map_or_else(String::new, |state| state.name().to_uppercase()),
            "tenant_id": TENANT,
            "created_at": without_zone(enrollment.created_at),
            "updated_at": without_zone(enrollment.updated_at),
        });
        if enrollment.has_token() {
            details["network_token_id"] = enrollment.token_id.as_str().into();
            details["network_token"] = enrollment.number.as_str().into();
            details["network_token_last4"] = enrollment.last4().into();
            details["exp_month"] = enrollment.expiry.month.to_string().into();
            details["exp_year"] = year(enrollment.expiry).into();
            details["payment_account_reference"] = enrollment.payment_account_reference.as_str().into();
        }
        Self {
            name: event.name().to_owned(),
            summary: "A network token changed or was used.".to_owned(),
            details,
        }
    }

    /// The account updater reported an update of the card behind an alias.
    pub(crate) fn v1_update(enrollment: &Enrollment, update: &V1Update) -> Self {
        let name = format!("au_card.{}", update.event.name().replace('-', "_"));
        let mut details = json!({
            "card_last4": CARD_LAST4,
            "card_bin": CARD_BIN,
            "old_account_number": enrollment.pan_alias,
            "occurred_at": exactly(update.at),
            "reason_code": name,
            "reason_text": "Reported by the card network.",
        });
        if let Some(new_alias) = &update.new_alias {
            details["new_account_number"] = new_alias.as_str().into();
        }
        if enrollment.expiry != update.old {
            details["old_expiration_date"] = month_and_year(update.old).into();
            details["new_expiration_date"] = month_and_year(enrollment.expiry).into();
        }
        Self { name, summary: "The account updater reported a card.".to_owned(), details }
    }
}
