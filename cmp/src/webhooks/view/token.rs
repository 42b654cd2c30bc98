use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::register::{Register, Stamp};
use crate::{
    network_tokens::{NetworkToken, TokenState},
    value::Expiry,
    webhooks::NetworkTokenDetails,
};

/// What is known of a network token, without its number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenView {
    state: Register<TokenState>,
    reason_code: Register<String>,
    last4: Register<String>,
    expiry: Register<Expiry>,
}

impl TokenView {
    pub(super) fn take(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) -> bool {
        let state = token.state();
        let reason = token.reason_code().map(str::to_owned);
        // A reason belongs to its state: a new state without one has none.
        let changed = [
            state.is_some() && self.reason_code.offer(reason, stamp),
            self.state.offer_known(state, stamp),
            self.last4.offer_known(token.last4().map(str::to_owned), stamp),
            self.expiry.offer_known(token.expiry(), stamp),
        ];
        changed.contains(&true)
    }

    pub(super) fn read(&mut self, token: &NetworkToken, stamp: &Stamp) -> bool {
        let changed = [
            self.state.offer(Some(token.state().clone()), stamp),
            self.reason_code.offer(token.reason_code().map(str::to_owned), stamp),
            self.last4.offer_known(token.last4().map(str::to_owned), stamp),
            self.expiry.offer_known(token.expiry(), stamp),
        ];
        changed.contains(&true)
    }

    /// The state; `None` if no event told it.
    #[must_use]
    pub fn state(&self) -> Option<&TokenState> {
        self.state.value()
    }

    /// Whether a payment can be made with it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state().is_some_and(TokenState::is_usable)
    }

    /// Why it is in this state.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.value().map(String::as_str)
    }

    /// The last four digits of its number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.value().map(String::as_str)
    }

    /// Its own expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry.value().copied()
    }

    /// The time of the latest event that told something of it.
    #[must_use]
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        let stamps = [self.state.stamp(), self.last4.stamp(), self.expiry.stamp()];
        stamps.into_iter().flatten().map(|stamp| stamp.at).max()
    }
}
