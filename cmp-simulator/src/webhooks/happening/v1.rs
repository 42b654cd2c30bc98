//! What V1 tells. All members of its `details` are strings, and states are in upper case.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Happening, TENANT, exactly, month_and_year, without_zone, year};
use crate::state::{CardUpdateEvent, Expiry, NetworkTokenState};
use crate::v1::{CARD_BIN, CARD_LAST4, Enrollment};

/// What happened to a V1 network token.
#[derive(Clone, Copy)]
pub(crate) enum V1TokenEvent {
    Updated,
    Used,
    Suspended,
    Activated,
    Deleted,
}

impl V1TokenEvent {
    /// The event that a new state comes with; those without one of their own are updates.
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

/// What the account updater told of the card behind an alias. V1 has no card ids; that its account numbers are aliases
/// is inferred.
pub(crate) struct V1Update {
    pub(crate) event: CardUpdateEvent,
    /// The expiry before
    pub(crate) old: Expiry,
    /// The alias of a new number
    pub(crate) new_alias: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

impl Happening {
    /// A V1 network token arrived, changed or was used. One that failed has no number.
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

    /// The account updater told something of the card behind an alias.
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
