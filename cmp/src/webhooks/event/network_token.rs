use chrono::{DateTime, Utc};

use super::{
    members::Members,
    name::{NetworkTokenEvent, normalised},
};
use crate::{
    secret::NetworkTokenNumber,
    v1::PanAlias,
    value::{CardId, Expiry, NetworkTokenId, NetworkTokenState, Text},
};

/// What an event tells about a network token, and the card behind it. Each part may be missing.
///
/// The members are those that VGS documents for V1; for CMP they are not published, and read the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkTokenDetails {
    event: NetworkTokenEvent,
    card_id: Option<CardId>,
    network_token_id: Option<NetworkTokenId>,
    number: Option<NetworkTokenNumber>,
    last4: Option<String>,
    expiry: Option<Expiry>,
    payment_account_reference: Option<Text>,
    state: Option<NetworkTokenState>,
    reason_code: Option<Text>,
    reason_text: Option<Text>,
    pan_alias: Option<PanAlias>,
    card_bin: Option<Text>,
    card_last4: Option<String>,
    card_expiry: Option<Expiry>,
    tenant_id: Option<Text>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

impl NetworkTokenDetails {
    pub(super) fn read(event: NetworkTokenEvent, from: &Members) -> Self {
        Self {
            event,
            card_id: from.text("card_id").and_then(|id| CardId::new(id).ok()),
            network_token_id: from.text("network_token_id").and_then(|id| NetworkTokenId::new(id).ok()),
            number: from.secret("network_token", NetworkTokenNumber::from_trusted),
            last4: from.last4("network_token_last4"),
            expiry: from.month_and_year("exp_month", "exp_year"),
            payment_account_reference: from.digits("payment_account_reference").and_then(Text::new),
            state: from.text("state").map(|state| NetworkTokenState::from(state.to_owned())),
            reason_code: from.outside("reason_code"),
            reason_text: from.outside("reason_text"),
            pan_alias: from.text("pan_alias").and_then(|alias| PanAlias::new(alias).ok()),
            card_bin: from.leading_digits("card_bin"),
            card_last4: from.last4("card_last4"),
            card_expiry: from.month_and_year("card_exp_month", "card_exp_year"),
            tenant_id: from.outside("tenant_id"),
            created_at: from.time("created_at"),
            updated_at: from.time("updated_at"),
        }
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &NetworkTokenEvent {
        &self.event
    }

    /// The card that the token stands for; CMP only.
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        self.card_id.as_ref()
    }

    /// The token's id.
    #[must_use]
    pub fn network_token_id(&self) -> Option<&NetworkTokenId> {
        self.network_token_id.as_ref()
    }

    /// The number to pay with.
    #[must_use]
    pub fn number(&self) -> Option<&NetworkTokenNumber> {
        self.number.as_ref()
    }

    /// The last four digits of the token's number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.as_deref()
    }

    /// The token's own expiry, which is not the card's.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry
    }

    /// The payment account reference (PAR).
    #[must_use]
    pub fn payment_account_reference(&self) -> Option<&str> {
        self.payment_account_reference.as_deref()
    }

    /// The token's state: the one that it tells, else the one that the event's name implies, else the reason code.
    #[must_use]
    pub fn state(&self) -> Option<NetworkTokenState> {
        self.state
            .clone()
            .or_else(|| state_by_event(&self.event))
            .or_else(|| state_by_reason(self.reason_code()?))
    }

    /// Why the token is in this state, such as `cmp_network_token.suspended`.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.as_deref()
    }

    /// The reason in words.
    #[must_use]
    pub fn reason_text(&self) -> Option<&str> {
        self.reason_text.as_deref()
    }

    /// The alias that stands for the card's PAN.
    #[must_use]
    pub fn pan_alias(&self) -> Option<&PanAlias> {
        self.pan_alias.as_ref()
    }

    /// The first digits of the card's number.
    #[must_use]
    pub fn card_bin(&self) -> Option<&str> {
        self.card_bin.as_deref()
    }

    /// The last four digits of the card's number.
    #[must_use]
    pub fn card_last4(&self) -> Option<&str> {
        self.card_last4.as_deref()
    }

    /// The card's expiry.
    #[must_use]
    pub fn card_expiry(&self) -> Option<Expiry> {
        self.card_expiry
    }

    /// The vault.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// When the token was made.
    #[must_use]
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// When the token changed.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }
}

fn state_by_event(event: &NetworkTokenEvent) -> Option<NetworkTokenState> {
    match event {
        NetworkTokenEvent::Suspended => Some(NetworkTokenState::Suspended),
        NetworkTokenEvent::Activated => Some(NetworkTokenState::Activated),
        NetworkTokenEvent::Deleted => Some(NetworkTokenState::Deleted),
        _ => None,
    }
}

/// All reason codes that VGS documents for network tokens, in whichever spelling.
fn state_by_reason(code: &str) -> Option<NetworkTokenState> {
    match normalised(code).as_str() {
        "cmp_network_token_provisioned" => Some(NetworkTokenState::Active),
        "cmp_network_token_provisioning_failed" => Some(NetworkTokenState::Failed),
        "cmp_network_token_suspended" => Some(NetworkTokenState::Suspended),
        "cmp_network_token_activated" => Some(NetworkTokenState::Activated),
        "cmp_network_token_deleted" => Some(NetworkTokenState::Deleted),
        "cmp_card_updated" => Some(NetworkTokenState::CardUpdated),
        _ => None,
    }
}
