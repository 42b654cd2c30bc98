use std::fmt;

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Digits, Last4, Reference},
    types,
};

use super::CardArt;
use crate::{
    error::NoNetworkToken,
    secret::NetworkTokenNumber,
    value::{Expiry, NetworkTokenId, NetworkTokenState, Text, wire},
};

/// A network token: the number that takes the PAN's place in payments.
///
/// Everything may be missing: a token that could not be provisioned has a state and a reason, and little
/// else.
#[derive(Clone)]
pub struct NetworkToken {
    id: Option<NetworkTokenId>,
    number: Option<NetworkTokenNumber>,
    payment_account_reference: Option<Text>,
    last4: Option<String>,
    bin: Option<String>,
    expiry: Option<Expiry>,
    state: NetworkTokenState,
    reason_code: Option<Text>,
    reason_text: Option<Text>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    card_art: Option<CardArt>,
    asked_at: DateTime<Utc>,
}

impl NetworkToken {
    /// Reads it from an answer to what was asked at this time.
    pub(crate) fn from_wire(resource: types::NetworkTokenResource, asked_at: DateTime<Utc>) -> Self {
        let from = resource.attributes.unwrap_or_default();
        Self {
            id: resource.id.and_then(|id| NetworkTokenId::new(id.into_inner()).ok()),
            number: from.network_token.map(|number| NetworkTokenNumber::from_trusted(number.expose())),
            payment_account_reference: from
                .payment_account_reference
                .map(Reference::into_inner)
                .and_then(Text::new),
            last4: from.last4.map(Last4::into_inner),
            bin: from.bin.map(Digits::into_inner),
            expiry: wire::expiry(from.exp_month, from.exp_year),
            state: NetworkTokenState::from_wire(from.state.as_ref()),
            reason_code: Text::of(from.reason_code),
            reason_text: Text::of(from.reason_text),
            created_at: from.created_at.map(wire::time),
            updated_at: from.updated_at.map(wire::time),
            card_art: resource.meta.and_then(|meta| meta.card_art).map(CardArt::from_wire),
            asked_at,
        }
    }

    /// The token's id, `NT…`.
    #[must_use]
    pub fn id(&self) -> Option<&NetworkTokenId> {
        self.id.as_ref()
    }

    /// The number to pay with.
    #[must_use]
    pub fn number(&self) -> Option<&NetworkTokenNumber> {
        self.number.as_ref()
    }

    /// The payment account reference (PAR), which stays the same over all tokens of an account.
    #[must_use]
    pub fn payment_account_reference(&self) -> Option<&str> {
        self.payment_account_reference.as_deref()
    }

    /// The last four digits of the token's number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.as_deref()
    }

    /// The first 6 to 10 digits of the token's number.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        self.bin.as_deref()
    }

    /// The token's own expiry, which is not the card's.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry
    }

    /// The state. A token without one reads as [`NetworkTokenState::Other`] with an empty text.
    #[must_use]
    pub fn state(&self) -> &NetworkTokenState {
        &self.state
    }

    /// Why the token is in this state, such as `cmp_network_token.provisioning_failed`.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.as_deref()
    }

    /// The reason in words.
    #[must_use]
    pub fn reason_text(&self) -> Option<&str> {
        self.reason_text.as_deref()
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }

    /// Colours and pictures of the card, for showing it.
    #[must_use]
    pub fn card_art(&self) -> Option<&CardArt> {
        self.card_art.as_ref()
    }

    /// When it was asked for, by the client's clock.
    #[must_use]
    pub fn asked_at(&self) -> DateTime<Utc> {
        self.asked_at
    }

    /// Whether a payment can be made with it: a usable state, and a number.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state.is_usable() && self.number.is_some()
    }
}

/// Little is shown: any text may hold more than it should, whatever its name.
impl fmt::Debug for NetworkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkToken")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("expiry", &self.expiry)
            .field("state", &self.state)
            .field("reason_code", &self.reason_code)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

/// Of several tokens the usable one that changed last; without one, the reason that the latest gives.
pub(crate) fn usable<'a>(
    tokens: impl Iterator<Item = &'a NetworkToken> + Clone,
) -> Result<&'a NetworkToken, NoNetworkToken> {
    if let Some(token) = tokens.clone().filter(|token| token.is_usable()).max_by_key(|token| token.updated_at)
    {
        return Ok(token);
    }
    let Some(latest) = tokens.max_by_key(|token| token.updated_at) else { return Err(NoNetworkToken::None) };
    let state = latest.state.clone();
    if state.is_usable() {
        return Err(NoNetworkToken::WithoutNumber(state));
    }
    Err(NoNetworkToken::NotUsable { state, reason_code: latest.reason_code().map(str::to_owned) })
}
