use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::V1Outcome;
use super::request::NewEnrolment;
use crate::state::{Expiry, Ids, PendingEnrolment, TokenState};

/// All aliases that V1 knows, and how enrolling them ends.
#[derive(Default)]
pub(crate) struct Enrolments {
    enrolled: HashMap<String, Enrolment>,
    outcomes: HashMap<String, V1Outcome>,
}

/// An alias and its network token.
pub(crate) struct Enrolment {
    pub(crate) pan_alias: String,
    pub(crate) last4: String,
    pub(crate) expiry: Expiry,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// `None` until the token arrives
    pub(crate) state: Option<TokenState>,
    arrival: PendingEnrolment,
}

impl Enrolment {
    /// Failed and deleted tokens stay so: the card can be enrolled anew.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, Some(TokenState::Failed | TokenState::Deleted))
    }

    fn change(&mut self, state: TokenState, now: DateTime<Utc>) {
        self.state = Some(state);
        self.updated_at = now;
    }
}

/// A V1 network token as tests may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct V1TokenView {
    /// `None` until the token arrives
    pub state: Option<TokenState>,
    /// The last four digits of the token's number
    pub last4: String,
    /// The card's expiry: 1 to 12
    pub exp_month: u32,
    /// The card's expiry: the last two digits of the year
    pub exp_year: u32,
}

impl Enrolments {
    pub(crate) fn outcome(&self, pan_alias: &str) -> V1Outcome {
        self.outcomes.get(pan_alias).copied().unwrap_or_default()
    }

    pub(crate) fn set_outcome(&mut self, pan_alias: &str, outcome: V1Outcome) {
        self.outcomes.insert(pan_alias.to_owned(), outcome);
    }

    pub(crate) fn get(&self, pan_alias: &str) -> Option<&Enrolment> {
        self.enrolled.get(pan_alias)
    }

    pub(crate) fn view(&self, pan_alias: &str) -> Option<V1TokenView> {
        self.get(pan_alias).map(|enrolled| V1TokenView {
            state: enrolled.state,
            last4: enrolled.last4.clone(),
            exp_month: enrolled.expiry.month,
            exp_year: enrolled.expiry.year,
        })
    }

    pub(crate) fn enrol(
        &mut self,
        new: NewEnrolment,
        arrival: PendingEnrolment,
        now: DateTime<Utc>,
        ids: &mut Ids,
    ) -> &Enrolment {
        let enrolment = Enrolment {
            pan_alias: new.pan_alias.clone(),
            last4: ids.digits(4),
            expiry: new.expiry,
            created_at: now,
            updated_at: now,
            state: None,
            arrival,
        };
        self.enrolled.entry(new.pan_alias).insert_entry(enrolment).into_mut()
    }

    /// Counts one GET towards the arrival of the token, after the GET has been answered.
    pub(crate) fn count_get(&mut self, pan_alias: &str) {
        if let Some(enrolled) = self.enrolled.get_mut(pan_alias) {
            enrolled.arrival.count_get();
        }
    }

    /// Lets a token arrive whose time has come.
    pub(crate) fn settle(&mut self, pan_alias: &str, now: DateTime<Utc>) {
        if self.get(pan_alias).is_some_and(|enrolled| enrolled.arrival.has_come(now)) {
            self.deliver(pan_alias, now);
        }
    }

    /// Lets a pending token arrive now; `false` if none is pending.
    pub(crate) fn deliver(&mut self, pan_alias: &str, now: DateTime<Utc>) -> bool {
        let state = match self.outcome(pan_alias) {
            V1Outcome::Failed => TokenState::Failed,
            _ => TokenState::Active,
        };
        let pending = self.enrolled.get_mut(pan_alias).filter(|enrolled| enrolled.state.is_none());
        pending.map(|enrolled| enrolled.change(state, now)).is_some()
    }

    /// Gives a token another state; `None` without such a token.
    pub(crate) fn change(
        &mut self,
        pan_alias: &str,
        state: TokenState,
        now: DateTime<Utc>,
    ) -> Option<&Enrolment> {
        let enrolled = self.enrolled.get_mut(pan_alias)?;
        enrolled.change(state, now);
        Some(enrolled)
    }

    pub(crate) fn delete(&mut self, pan_alias: &str, now: DateTime<Utc>) -> Option<&Enrolment> {
        self.change(pan_alias, TokenState::Deleted, now)
    }
}
