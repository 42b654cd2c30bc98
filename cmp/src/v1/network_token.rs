use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{self, Digits, Last4, Personal},
    types,
};
use serde::{Deserialize, Deserializer};

use super::{Holder, PanAlias};
use crate::{
    error::InvalidInput,
    value::{Expiry, NetworkTokenState, Text, read, wire},
};

/// A vaulted card to enroll for a network token (schema `V1Enrollment`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is sent until it is given to `Client::enroll`"]
pub struct NewEnrollment {
    alias: PanAlias,
    expiry: Expiry,
}

impl NewEnrollment {
    /// The card behind `alias`, with the card's expiry.
    pub fn new(alias: PanAlias, expiry: Expiry) -> Self {
        Self { alias, expiry }
    }

    pub(super) fn to_wire(&self) -> Result<types::V1Enrollment, InvalidInput> {
        let (exp_month, exp_year) = wire::expiry_parts(self.expiry)?;
        Ok(types::V1Enrollment { pan_alias: Personal::new(self.alias.as_str()), exp_month, exp_year })
    }
}

/// From an object with `alias` and `expiry`. A refusal does not repeat what was read.
impl<'de> Deserialize<'de> for NewEnrollment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            alias: PanAlias,
            expiry: Expiry,
        }

        let Parts { alias, expiry } = read::members(deserializer, "enrollment")?;
        Ok(Self { alias, expiry })
    }
}

/// A V1 network token. Its number is not in it: V1 puts the token in the PAN's place behind the alias.
///
/// Everything may be missing: one that is not there yet has a state and little else.
#[derive(Debug, Clone)]
pub struct NetworkToken {
    alias: Option<PanAlias>,
    last4: Option<String>,
    expiry: Option<Expiry>,
    state: NetworkTokenState,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    card: Option<Card>,
}

/// The card behind a V1 network token (schema `V1Card`).
#[derive(Debug, Clone)]
pub struct Card {
    last4: Option<String>,
    bin: Option<Text>,
    expiry: Option<Expiry>,
    holder: Option<Holder>,
}

impl NetworkToken {
    /// The alias of the card's PAN.
    ///
    /// `None` also for one that [`PanAlias::new`] refuses, such as one with other characters than letters, digits, `_` and
    /// `-`: it could not be asked for again. The alias that you asked with is good all the same, and
    /// [`Client::raw`](super::Client::raw) gives the answer's as it came.
    #[must_use]
    pub fn alias(&self) -> Option<&PanAlias> {
        self.alias.as_ref()
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

    /// The state. A token without one reads as [`NetworkTokenState::Other`] with an empty text.
    #[must_use]
    pub fn state(&self) -> &NetworkTokenState {
        &self.state
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

    /// The card behind it.
    #[must_use]
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// Whether a payment can be made with it. V1 knows one such state, `ACTIVE` (source: the API reference); its
    /// webhooks also report [`Activated`](NetworkTokenState::Activated) and [`CardUpdated`](NetworkTokenState::CardUpdated).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state == NetworkTokenState::Active
    }
}

impl Card {
    /// The last four digits of the card's number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.as_deref()
    }

    /// The first 6 digits or more of the card's number.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        self.bin.as_deref()
    }

    /// The card's expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry
    }

    /// Who holds it.
    #[must_use]
    pub fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }
}

impl NetworkToken {
    pub(super) fn from_wire(wire: types::V1NetworkToken) -> Self {
        Self {
            alias: wire.pan_alias.and_then(|alias| PanAlias::new(alias.into_inner()).ok()),
            last4: wire.network_token_last4.map(Last4::into_inner),
            expiry: wire.expires_at.as_ref().map(scalar::Text::as_str).and_then(year_and_month),
            state: NetworkTokenState::from_wire(wire.state),
            created_at: wire.created_at.map(wire::time),
            updated_at: wire.updated_at.map(wire::time),
            card: wire.card.map(Card::from_wire),
        }
    }
}

impl Card {
    fn from_wire(wire: types::V1Card) -> Self {
        Self {
            last4: wire.last4.map(Last4::into_inner),
            bin: wire.bin.map(Digits::into_inner).and_then(Text::new),
            expiry: wire.expires_at.as_ref().map(scalar::Text::as_str).and_then(year_and_month),
            holder: wire.holder_info.map(Holder::from_wire),
        }
    }
}

/// `2027-01`.
fn year_and_month(text: &str) -> Option<Expiry> {
    let (year, month) = text.split_once('-')?;
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    Expiry::new(month.parse().ok()?, year.parse().ok()?).ok()
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
