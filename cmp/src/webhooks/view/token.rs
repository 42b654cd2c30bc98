use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    LastFour,
    register::{Register, Stamp},
};
use crate::{
    network_tokens::NetworkToken,
    scrub::scrub,
    value::{Expiry, NetworkTokenState, Text},
    webhooks::NetworkTokenDetails,
};

/// What is known of a network token, without its number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenView {
    state: Register<NetworkTokenState>,
    reason_code: Register<Text>,
    last4: Register<LastFour>,
    expiry: Register<Expiry>,
}

impl TokenView {
    pub(super) fn take(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) {
        let state = token.state();
        if state.is_some() {
            // A reason belongs to its state: a new state without one has none.
            self.reason_code.offer(token.reason_code().and_then(Text::new), stamp);
        }
        self.state.offer_known(state, stamp);
        self.last4.offer_known(token.last4().and_then(LastFour::new), stamp);
        self.expiry.offer_known(token.expiry(), stamp);
    }

    pub(super) fn read(&mut self, token: &NetworkToken, stamp: &Stamp) {
        self.state.offer(Some(token.state().clone()), stamp);
        self.reason_code.offer(token.reason_code().and_then(Text::new), stamp);
        self.last4.offer_known(token.last4().and_then(LastFour::new), stamp);
        self.expiry.offer_known(token.expiry(), stamp);
    }

    /// A later reading of all tokens doesn't have it any more. To be deleted is the only documented way to go.
    pub(super) fn settle(&mut self, reading: &Stamp, is_named: bool) {
        if !self.is_after_or_in(reading) {
            // What was told without naming a token, the reading tells of a named one.
            let state = is_named.then_some(NetworkTokenState::Deleted);
            self.state.offer(state, reading);
            self.reason_code.offer(None, reading);
        }
    }

    fn is_after_or_in(&self, reading: &Stamp) -> bool {
        self.state.stamp().is_some_and(|stamp| !stamp.is_before(reading))
    }

    /// Whether something is known that is later than this.
    pub(super) fn is_after(&self, stamp: &Stamp) -> bool {
        self.state.is_after(stamp) || self.last4.is_after(stamp) || self.expiry.is_after(stamp)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.state.merge(&other.state);
        self.reason_code.merge(&other.reason_code);
        self.last4.merge(&other.last4);
        self.expiry.merge(&other.expiry);
    }

    /// All that can be read from the view but its times.
    pub(super) fn shown(&self) -> impl PartialEq {
        (self.state(), self.reason_code(), self.last4(), self.expiry())
    }

    /// The state; `None` if no event told it.
    #[must_use]
    pub fn state(&self) -> Option<&NetworkTokenState> {
        self.state.value()
    }

    /// Whether a payment can be made with it in CMP. V1's reference lets only [`Active`](NetworkTokenState::Active) be used: see
    /// [`v1::NetworkToken::is_usable`](crate::v1::NetworkToken::is_usable).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state().is_some_and(NetworkTokenState::is_usable)
    }

    /// Why it is in this state.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.value().map(|code| &**code)
    }

    /// The last four digits of its number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.value().map(LastFour::as_str)
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
        stamps.into_iter().flatten().map(Stamp::at).max()
    }
}

impl fmt::Debug for TokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenView")
            .field("state", &self.state())
            .field("reason_code", &self.reason_code().map(scrub))
            .field("last4", &self.last4())
            .field("expiry", &self.expiry())
            .field("changed_at", &self.changed_at())
            .finish()
    }
}
