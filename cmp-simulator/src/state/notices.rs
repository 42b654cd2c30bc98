//! Telling the endpoints of webhooks what happened.

use chrono::{DateTime, Utc};

use super::{CardUpdateEvent, State};
use crate::webhooks::Happening;

impl State {
    /// Tells of a network token, as it is now.
    pub(crate) fn tell_of_token(&mut self, id: &str, token_id: &str) {
        self.tell(|state| {
            let card = state.cards.get(id)?;
            let token = card.tokens.iter().find(|token| token.id == token_id)?;
            Some(Happening::token(&state.settings, card, token))
        });
    }

    /// Tells of the network token that came last.
    pub(super) fn tell_of_arrival(&mut self, id: &str) {
        let newest = self.cards.get(id).and_then(|card| card.tokens.last());
        if let Some(token_id) = newest.map(|token| token.id.clone()) {
            self.tell_of_token(id, &token_id);
        }
    }

    /// Tells of what the account updater reported last.
    pub(super) fn tell_of_update(&mut self, id: &str) {
        self.tell(|state| {
            let card = state.cards.get(id)?;
            Some(Happening::update(card, card.updates.last()?))
        });
    }

    /// Tells that the card was enrolled with the account updater, or could not be.
    pub(super) fn tell_of_enrollment(&mut self, id: &str, enrolled: bool) {
        let event = if enrolled { CardUpdateEvent::Enrolled } else { CardUpdateEvent::EnrollmentFailed };
        self.tell(|state| Some(Happening::enrollment(state.cards.get(id)?, event, state.now())));
    }

    /// Tells what is made only if somebody listens.
    pub(crate) fn tell(&mut self, what: impl FnOnce(&Self) -> Option<Happening>) {
        if !self.has_listeners() {
            return;
        }
        if let Some(happening) = what(self) {
            let now = self.now();
            self.outbox.add(&self.settings.webhooks, &happening, now);
        }
    }

    fn has_listeners(&self) -> bool {
        !self.settings.webhooks.endpoints.is_empty()
    }

    /// Lets every token arrive whose time has come. Without listeners nobody can tell when that was, and it is left
    /// until somebody looks.
    pub(crate) fn settle_all(&mut self) {
        if !self.has_listeners() {
            return;
        }
        let pending = self.cards.values().filter(|card| card.pending.is_some());
        let mut pending: Vec<_> = pending.map(|card| (card.sequence, card.id.clone())).collect();
        pending.sort_unstable();
        for (_, id) in pending {
            self.settle(&id);
        }
        for pan_alias in self.v1.pending() {
            self.settle_v1(&pan_alias);
        }
    }

    /// When the next pending token arrives by itself, if somebody listens.
    pub(crate) fn next_arrival(&self) -> Option<DateTime<Utc>> {
        if !self.has_listeners() {
            return None;
        }
        let cards = self.cards.values().filter_map(|card| card.pending.as_ref()?.due);
        cards.chain(self.v1.next_arrival()).min()
    }
}
