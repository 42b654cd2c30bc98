//! Network tokens: their states, numbers and expiry.

use chrono::{DateTime, Datelike, Months, Utc};
use serde::{Deserialize, Serialize};

use crate::card_data::{Brand, Expiry, luhn_digit};
use crate::state::Ids;

/// The state of a network token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NetworkTokenState {
    /// `active`
    Active,
    /// `failed`
    Failed,
    /// `card_updated`: usable, with the data of the new card
    CardUpdated,
    /// `suspended`
    Suspended,
    /// `activated`: usable again after a suspension
    Activated,
    /// `deleted` by the network or the issuer
    Deleted,
}

impl NetworkTokenState {
    /// Returns the name on the wire, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failed => "failed",
            Self::CardUpdated => "card_updated",
            Self::Suspended => "suspended",
            Self::Activated => "activated",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the `reason_code` of the state.
    pub const fn reason_code(self) -> &'static str {
        match self {
            Self::Active => "cmp_network_token.provisioned",
            Self::Failed => "cmp_network_token.provisioning_failed",
            Self::CardUpdated => "cmp_card_updated",
            Self::Suspended => "cmp_network_token.suspended",
            Self::Activated => "cmp_network_token.activated",
            Self::Deleted => "cmp_network_token.deleted",
        }
    }

    /// Returns the `reason_text` of the state. The documents have none; these are ours.
    pub(crate) const fn reason_text(self) -> &'static str {
        match self {
            Self::Active => "The network token was provisioned.",
            Self::Failed => "The card network declined to provision a network token.",
            Self::CardUpdated => "The card behind the network token was updated.",
            Self::Suspended => "The issuer suspended the network token.",
            Self::Activated => "The issuer activated the network token.",
            Self::Deleted => "The issuer deleted the network token.",
        }
    }

    /// Returns `true` if a cryptogram can be requested in this state.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Active | Self::Activated | Self::CardUpdated)
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct NetworkToken {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) payment_account_reference: String,
    pub(crate) expiry: Expiry,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) state: NetworkTokenState,
}

impl NetworkToken {
    pub(crate) fn provision(
        brand: Option<Brand>,
        card_expiry: Expiry,
        state: NetworkTokenState,
        now: DateTime<Utc>,
        ids: &mut Ids,
    ) -> Self {
        let expiry = match brand {
            Some(Brand::Mastercard) => three_years_from(now),
            _ => card_expiry,
        };
        Self {
            id: ids.network_token(),
            number: token_number(brand.unwrap_or(Brand::Visa), ids),
            payment_account_reference: ids.payment_account_reference(),
            expiry,
            created_at: now,
            updated_at: now,
            state,
        }
    }

    pub(crate) fn change(&mut self, state: NetworkTokenState, now: DateTime<Utc>) {
        self.state = state;
        self.updated_at = now;
    }

    pub(crate) fn last4(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    pub(crate) fn bin(&self) -> &str {
        &self.number[..6]
    }
}

/// Returns the expiry of a new Mastercard token: about 36 months, independent of the card's expiry.
fn three_years_from(now: DateTime<Utc>) -> Expiry {
    let end = now.checked_add_months(Months::new(36)).unwrap_or(now);
    Expiry { month: end.month(), year: end.year().rem_euclid(100).unsigned_abs() }
}

/// Returns a number that fails the Luhn check, like the documents' samples. It is never a real card
/// number.
pub(crate) fn token_number(brand: Brand, ids: &mut Ids) -> String {
    let bin = brand.token_bin();
    let mut number = format!("{bin}{}", ids.digits(brand.token_length() - bin.len() - 1));
    number.push(char::from(b'0' + (luhn_digit(&number) + 1) % 10));
    number
}

/// The result of a provisioning request.
pub(crate) enum Provisioned {
    /// The card had a usable token.
    Existing,
    /// The card has a new token, usable or failed.
    Created,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_valid_cards() {
        let mut ids = Ids::new(3);
        for brand in [Brand::Visa, Brand::Mastercard, Brand::Amex, Brand::Discover] {
            let number = token_number(brand, &mut ids);
            assert_eq!(number.len(), brand.token_length());
            let (body, check) = number.split_at(number.len() - 1);
            assert_ne!(check, luhn_digit(body).to_string());
        }
    }
}
