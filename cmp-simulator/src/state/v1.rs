//! The aliases that V1 has enrolled, and their network tokens.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::card_data::{Brand, Expiry};
use crate::state::Ids;
use crate::state::card::PendingEnrollment;
use crate::state::network_token::{NetworkTokenState, token_number};

/// The card behind every alias is the API reference's sample.
const CARD_BRAND: Brand = Brand::Visa;
pub(crate) const CARD_BIN: &str = "489537";
pub(crate) const CARD_LAST4: &str = "0010";

/// All aliases that V1 knows, and the outcomes of enrolling them.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Enrollments {
    enrolled: HashMap<String, Enrollment>,
    made: u64,
    outcomes: HashMap<String, V1Outcome>,
}

/// An alias and its network token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Enrollment {
    pub(crate) pan_alias: String,
    pub(crate) token_id: String,
    pub(crate) number: String,
    pub(crate) payment_account_reference: String,
    pub(crate) expiry: Expiry,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// `None` until the token arrives
    pub(crate) state: Option<NetworkTokenState>,
    sequence: u64,
    arrival: PendingEnrollment,
}

impl Enrollment {
    /// Returns `true` for a failed or deleted token. The card can then be enrolled again.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, Some(NetworkTokenState::Failed | NetworkTokenState::Deleted))
    }

    /// Returns `true` if the token has a number. It has none before it arrives, and none if
    /// enrolling failed.
    pub(crate) fn has_token(&self) -> bool {
        !matches!(self.state, None | Some(NetworkTokenState::Failed))
    }

    pub(crate) fn last4(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    fn change(&mut self, state: NetworkTokenState, now: DateTime<Utc>) {
        self.state = Some(state);
        self.updated_at = now;
    }
}

/// A V1 network token without its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct V1TokenView {
    /// The state; `None` until the token arrives
    pub state: Option<NetworkTokenState>,
    /// The last four digits of the token's number
    pub last4: String,
    /// The month of the card's expiry, 1 to 12
    pub exp_month: u32,
    /// The last two digits of the year of the card's expiry
    pub exp_year: u32,
}

impl Enrollments {
    pub(crate) fn outcome(&self, pan_alias: &str) -> V1Outcome {
        self.outcomes.get(pan_alias).copied().unwrap_or_default()
    }

    pub(crate) fn set_outcome(&mut self, pan_alias: &str, outcome: V1Outcome) {
        self.outcomes.insert(pan_alias.to_owned(), outcome);
    }

    pub(crate) fn get(&self, pan_alias: &str) -> Option<&Enrollment> {
        self.enrolled.get(pan_alias)
    }

    pub(crate) fn view(&self, pan_alias: &str) -> Option<V1TokenView> {
        self.get(pan_alias).map(|enrolled| V1TokenView {
            state: enrolled.state,
            last4: enrolled.last4().to_owned(),
            exp_month: enrolled.expiry.month,
            exp_year: enrolled.expiry.year,
        })
    }

    pub(crate) fn enroll(
        &mut self,
        new: NewEnrollment,
        arrival: PendingEnrollment,
        now: DateTime<Utc>,
        ids: &mut Ids,
    ) -> &Enrollment {
        self.made += 1;
        let enrollment = Enrollment {
            pan_alias: new.pan_alias.clone(),
            token_id: ids.network_token(),
            number: token_number(CARD_BRAND, ids),
            payment_account_reference: ids.payment_account_reference(),
            expiry: new.expiry,
            created_at: now,
            updated_at: now,
            state: None,
            sequence: self.made,
            arrival,
        };
        self.enrolled.entry(new.pan_alias).insert_entry(enrollment).into_mut()
    }

    /// Counts one answered GET towards the arrival of the token.
    pub(crate) fn count_get(&mut self, pan_alias: &str) {
        if let Some(enrolled) = self.enrolled.get_mut(pan_alias) {
            enrolled.arrival.count_get();
        }
    }

    /// Returns `true` if a pending token is due.
    pub(crate) fn has_come(&self, pan_alias: &str, now: DateTime<Utc>) -> bool {
        let enrolled = self.get(pan_alias);
        enrolled.is_some_and(|enrolled| enrolled.state.is_none() && enrolled.arrival.has_come(now))
    }

    /// Lets a pending token arrive. Returns `false` if none is pending.
    pub(crate) fn deliver(&mut self, pan_alias: &str, now: DateTime<Utc>) -> bool {
        let state = match self.outcome(pan_alias) {
            V1Outcome::Failed => NetworkTokenState::Failed,
            _ => NetworkTokenState::Active,
        };
        let pending = self.enrolled.get_mut(pan_alias).filter(|enrolled| enrolled.state.is_none());
        pending.map(|enrolled| enrolled.change(state, now)).is_some()
    }

    /// Changes the state of a token. Returns `false` without such a token.
    pub(crate) fn change(&mut self, pan_alias: &str, state: NetworkTokenState, now: DateTime<Utc>) -> bool {
        self.enrolled.get_mut(pan_alias).map(|enrolled| enrolled.change(state, now)).is_some()
    }

    /// Changes the expiry of the card behind a token.
    pub(crate) fn renew(&mut self, pan_alias: &str, expiry: Expiry) {
        if let Some(enrolled) = self.enrolled.get_mut(pan_alias) {
            enrolled.expiry = expiry;
        }
    }

    /// Returns the aliases of all pending tokens, the oldest first.
    pub(crate) fn pending(&self) -> Vec<String> {
        let mut pending: Vec<_> =
            self.enrolled.values().filter(|enrolled| enrolled.state.is_none()).collect();
        pending.sort_unstable_by_key(|enrolled| enrolled.sequence);
        pending.into_iter().map(|enrolled| enrolled.pan_alias.clone()).collect()
    }

    /// Returns when the next pending token arrives by itself.
    pub(crate) fn next_arrival(&self) -> Option<DateTime<Utc>> {
        let pending = self.enrolled.values().filter(|enrolled| enrolled.state.is_none());
        pending.filter_map(|enrolled| enrolled.arrival.due).min()
    }
}

/// The content of an enrollment request, `V1Enrollment`.
pub(crate) struct NewEnrollment {
    pub(crate) pan_alias: String,
    pub(crate) expiry: Expiry,
}

/// The outcome of enrolling an alias with V1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum V1Outcome {
    /// The token is pending first, and `ACTIVE` when it arrives
    #[default]
    Active,
    /// The token is pending first, and `FAILED` when it arrives
    Failed,
    /// 404 `declined`
    Declined,
    /// 422 `card-not-allowed`
    CardNotAllowed,
    /// 422 `card-brand-not-supported`
    CardBrandNotSupported,
    /// 422 `rejected`
    Rejected,
}
