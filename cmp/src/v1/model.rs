use std::fmt;

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Personal, Timestamp},
    types,
};

use crate::{
    error::{NoNetworkToken, Result},
    value::{Expiry, NetworkTokenState, PanAlias, Text},
    wait::not_yet,
};

/// A V1 network token. It has no number: V1 puts the network token in the PAN's place behind the alias.
///
/// Each part but the state may be missing, for example while the enrollment goes on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NetworkToken {
    /// The alias of the card's PAN.
    ///
    /// `None` also for an alias that [`PanAlias::new`] refuses. [`Client::raw`](super::Client::raw) returns it as it came.
    pub alias: Option<PanAlias>,
    /// The last four digits of the network token's number.
    pub last4: Option<Text>,
    /// The network token's own expiry, which is not the card's.
    pub expiry: Option<Expiry>,
    /// The state; [`NetworkTokenState::Other`] with an empty text if the service sent none.
    pub state: NetworkTokenState,
    /// When the network token was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When the network token last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The card behind the network token.
    pub card: Option<Card>,
}

impl NetworkToken {
    pub(super) fn from_wire(wire: types::V1NetworkToken) -> Self {
        Self {
            alias: wire.pan_alias.and_then(|alias| PanAlias::new(alias.into_inner()).ok()),
            last4: wire.network_token_last4.map(|last4| last4.into_inner().into()),
            expiry: wire.expires_at.as_ref().and_then(|text| year_and_month(text.as_str())),
            state: NetworkTokenState::from_wire(wire.state.as_ref()),
            created_at: wire.created_at.map(Timestamp::get),
            updated_at: wire.updated_at.map(Timestamp::get),
            card: wire.card.map(Card::from_wire),
        }
    }

    /// Returns `true` if a payment can be made with the network token.
    ///
    /// V1 has one such state, `ACTIVE` (source: the API reference). Its webhooks also report
    /// [`Activated`](NetworkTokenState::Activated) and [`CardUpdated`](NetworkTokenState::CardUpdated).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state == NetworkTokenState::Active
    }
}

/// The card behind a V1 network token (schema `V1Card`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Card {
    /// The last four digits of the card's number.
    pub last4: Option<Text>,
    /// The first 6 digits or more of the card's number.
    pub bin: Option<Text>,
    /// The card's expiry.
    pub expiry: Option<Expiry>,
    /// The cardholder.
    pub holder: Option<Holder>,
}

impl Card {
    fn from_wire(wire: types::V1Card) -> Self {
        Self {
            last4: wire.last4.map(|last4| last4.into_inner().into()),
            bin: wire.bin.and_then(|bin| Text::new(bin.into_inner())),
            expiry: wire.expires_at.as_ref().and_then(|text| year_and_month(text.as_str())),
            holder: wire.holder_info.map(Holder::from_wire),
        }
    }
}

/// Reads `2027-01`.
fn year_and_month(text: &str) -> Option<Expiry> {
    let (year, month) = text.split_once('-')?;
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    Expiry::new(month.parse().ok()?, year.parse().ok()?).ok()
}

/// A cardholder (schema `V1HolderInfo`). This is personal data, so `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Holder {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number, which the API calls `number`.
    pub phone: Option<String>,
    /// The billing address.
    pub billing_address: Option<BillingAddress>,
}

/// A cardholder's billing address (schema `V1BillingAddress`). This is personal data, so `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct BillingAddress {
    /// The name.
    pub name: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The first line.
    pub line1: Option<String>,
    /// The second line.
    pub line2: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The region or state.
    pub region: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
}

impl Holder {
    fn from_wire(wire: types::V1HolderInfo) -> Self {
        Self {
            name: wire.name.map(Personal::into_inner),
            email: wire.email.map(Personal::into_inner),
            phone: wire.number.map(Personal::into_inner),
            billing_address: wire.billing_address.map(|address| BillingAddress {
                name: address.name.map(Personal::into_inner),
                company: address.company.map(Personal::into_inner),
                line1: address.address1.map(Personal::into_inner),
                line2: address.address2.map(Personal::into_inner),
                city: address.city.map(Personal::into_inner),
                region: address.region.map(Personal::into_inner),
                country: address.country.map(Personal::into_inner),
                postal_code: address.postal_code.map(Personal::into_inner),
                phone: address.phone.map(Personal::into_inner),
            }),
        }
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").finish_non_exhaustive()
    }
}

impl fmt::Debug for BillingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BillingAddress").finish_non_exhaustive()
    }
}

/// The final state of an enrollment.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an enrollment can fail"]
pub enum FinalState {
    /// The network token can be used.
    Active(NetworkToken),
    /// The network token can't be used: it failed, or was deleted or suspended since. See its state.
    NotActive(NetworkToken),
}

impl FinalState {
    /// Returns the active network token.
    ///
    /// # Errors
    /// [`NoNetworkToken::NotUsable`] with the network token's state. V1 gives no reason code.
    pub fn active(self) -> Result<NetworkToken, NoNetworkToken> {
        match self {
            Self::Active(token) => Ok(token),
            Self::NotActive(token) => {
                Err(NoNetworkToken::NotUsable { state: token.state, reason_code: None })
            }
        }
    }

    /// Returns the network token, whatever its state.
    #[must_use]
    pub fn token(&self) -> &NetworkToken {
        match self {
            Self::Active(token) | Self::NotActive(token) => token,
        }
    }

    /// Every documented state is final: the documents have none for an enrollment that goes on.
    pub(super) fn of(token: NetworkToken) -> Result<Self> {
        match token.state {
            NetworkTokenState::Active => Ok(Self::Active(token)),
            NetworkTokenState::Other(_) => {
                Err(not_yet("the enrollment did not reach its final state in time"))
            }
            _ => Ok(Self::NotActive(token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_year_and_month() {
        assert_eq!(year_and_month("2027-01"), Expiry::new(1, 2027).ok());
        for bad in ["", "2027", "01-2027", "2027-1", "2027-13", "27-01", "+027-01", "2027-01-31"] {
            assert_eq!(year_and_month(bad), None, "{bad:?}");
        }
    }
}
