//! What happens to a card, and the notifications about it.
//!
//! Network tokens arrive and change, and the account updater reports updates.

use chrono::{DateTime, TimeDelta, Utc};

use crate::card_data::{Brand, luhn_digit};
use crate::settings::TokenArrival;
use crate::state::State;
use crate::state::card::{Card, CardUpdate, CardUpdateEvent, Change, PendingEnrollment, Subscription};
use crate::state::network_token::{NetworkToken, NetworkTokenState, Provisioned};
use crate::test_cards::{self, Outcome};
use crate::webhooks::Event;

impl State {
    /// Begins the enrollment of a new card if its card network is set to it.
    pub(crate) fn enroll_on_create(&mut self, id: &str) {
        let Some(card) = self.cards.get(id) else { return };
        if card.is_of_a_wallet() || !card.brand().is_some_and(|brand| self.settings.enrolls_on_create(brand))
        {
            return;
        }
        let pending = self.token_arrival();
        if let Some(card) = self.cards.get_mut(id) {
            card.pending = Some(pending);
            self.pending.insert(card.sequence, card.id.clone());
        }
    }

    /// Returns when a token arrives that is enrolled now.
    pub(crate) fn token_arrival(&self) -> PendingEnrollment {
        let (gets_left, due, held) = match self.settings.token_arrival {
            TokenArrival::Immediate => (0, None, false),
            TokenArrival::AfterGets(gets) => (gets, None, false),
            TokenArrival::AfterSeconds(seconds) => {
                (0, Some(self.now() + TimeDelta::seconds(i64::from(seconds))), false)
            }
            TokenArrival::Held => (0, None, true),
        };
        PendingEnrollment { gets_left, due, held }
    }

    /// Counts one answered GET of the card towards the arrival of its token.
    pub(crate) fn count_get(&mut self, id: &str) {
        if let Some(pending) = self.cards.get_mut(id).and_then(|card| card.pending.as_mut()) {
            pending.count_get();
        }
    }

    /// Lets a token arrive that is due.
    pub(crate) fn settle(&mut self, id: &str) {
        let now = self.now();
        let pending = self.cards.get(id).and_then(|card| card.pending.as_ref());
        if pending.is_some_and(|pending| pending.has_come(now)) {
            self.deliver(id);
        }
    }

    /// Lets a pending token arrive now. Returns `false` if none is pending.
    pub(crate) fn deliver(&mut self, id: &str) -> bool {
        if !self.waits_no_longer(id) {
            return false;
        }
        self.provision_new(id);
        self.notify_of_arrival(id);
        true
    }

    /// Provisions a network token on request. Returns `None` without such a card.
    pub(crate) fn provision(&mut self, id: &str) -> Option<Provisioned> {
        let card = self.cards.get(id)?;
        if card.usable_token().is_some() {
            return Some(Provisioned::Existing);
        }
        self.waits_no_longer(id);
        self.provision_new(id);
        Some(Provisioned::Created)
    }

    /// Returns `true` if the card waited for a network token until now.
    fn waits_no_longer(&mut self, id: &str) -> bool {
        let Some(card) = self.cards.get_mut(id) else { return false };
        self.pending.remove(&card.sequence);
        card.pending.take().is_some()
    }

    fn provision_new(&mut self, id: &str) {
        let now = self.now();
        let Some(card) = self.cards.get_mut(id) else { return };
        let brand = card.brand();
        let state = token_outcome(brand, &card.pan);
        card.tokens.push(NetworkToken::provision(brand, card.expiry, state, now, &mut self.ids));
    }

    /// Enrolls the card with the account updater, as its test card or the account's setting says.
    pub(crate) fn enroll_for_updates(&mut self, id: &str) {
        let Some(card) = self.cards.get(id) else { return };
        let outcome = test_cards::outcome(&card.pan);
        let is_of_test_card =
            matches!(outcome, Some(Outcome::Token { updates: Some(_), .. } | Outcome::Update(_)));
        if !card.is_of_a_wallet() && (is_of_test_card || self.settings.account_updater) {
            self.subscribe(id);
        }
    }

    /// Makes a subscription for the card. It fails if the card's test card says so.
    pub(crate) fn subscribe(&mut self, id: &str) {
        let now = self.now();
        let subscription_id = self.ids.subscription();
        let Some(card) = self.cards.get_mut(id) else { return };
        let (enrolled, event) = match test_cards::outcome(&card.pan) {
            Some(Outcome::Token { updates: Some(enrolled), .. }) => (enrolled, None),
            Some(Outcome::Update(event)) => (true, Some(event)),
            _ => (true, None),
        };
        card.subscription =
            Some(Subscription { id: subscription_id, enrolled, created_at: now, updated_at: now });
        card.unsubscribed = false;
        match event {
            Some(event) => self.report_update(id, event),
            None => self.notify_of_enrollment(id, enrolled),
        }
    }

    /// Asks the card network for an update. Without a new one, the latest is the answer; without any, `enrolled`.
    pub(crate) fn check_for_update(&mut self, id: &str) {
        let Some(card) = self.cards.get(id) else { return };
        let found = match test_cards::outcome(&card.pan) {
            Some(Outcome::Check(event) | Outcome::Update(event)) => event,
            _ => CardUpdateEvent::Enrolled,
        };
        if card.updates.is_empty() {
            self.report_update(id, found);
        }
    }

    /// Lets the account updater report an event for the card.
    ///
    /// A new number or expiry changes the card, and a usable network token becomes `card_updated`.
    pub(crate) fn report_update(&mut self, id: &str, event: CardUpdateEvent) {
        let now = self.now();
        let Some(card) = self.cards.get(id) else { return };
        let changes = changes(card, event);
        let new_pan = changes.iter().find(|change| change.field == "pan").map(|change| change.new.clone());
        if let Some(pan) = new_pan {
            self.renumber(id, pan);
        }
        let update = CardUpdate { id: self.ids.card_update(), event, occurred_at: now, changes };
        let changed_token = self.cards.get_mut(id).and_then(|card| apply(card, update, now));
        self.notify_of_update(id);
        if let Some(token_id) = changed_token {
            self.notify_of_token(id, &token_id);
        }
    }
}

fn token_outcome(brand: Option<Brand>, pan: &str) -> NetworkTokenState {
    match test_cards::outcome(pan) {
        Some(Outcome::Token { state, .. }) => state,
        _ if brand.is_none() => NetworkTokenState::Failed,
        _ => NetworkTokenState::Active,
    }
}

fn changes(card: &Card, event: CardUpdateEvent) -> Vec<Change> {
    let year = Change {
        field: "exp_year".into(),
        old: card.expiry.year.to_string(),
        new: ((card.expiry.year + 3) % 100).to_string(),
    };
    match event {
        CardUpdateEvent::Updated => {
            vec![Change { field: "pan".into(), old: card.pan.clone(), new: renewed(&card.pan) }, year]
        }
        CardUpdateEvent::Expired => vec![year],
        _ => Vec::new(),
    }
}

/// Returns a new number with the same BIN. It fails the Luhn check, so it is never a real card
/// number.
fn renewed(pan: &str) -> String {
    if Brand::of(pan).is_none() {
        return pan.to_owned();
    }
    let body = pan.len() - 1;
    let serial = pan[6..body].parse::<u64>().unwrap_or_default() + 1;
    let places = body - 6;
    let serial = serial % 10u64.pow(u32::try_from(places).unwrap_or_default());
    let renewed = format!("{}{serial:0places$}", &pan[..6]);
    let check = (luhn_digit(&renewed) + 1) % 10;
    format!("{renewed}{check}")
}

/// Applies an update. Returns the id of the network token that changed with the card.
fn apply(card: &mut Card, update: CardUpdate, now: DateTime<Utc>) -> Option<String> {
    let changed_token = if update.changes.is_empty() { None } else { renew(card, now) };
    if let Some(subscription) = &mut card.subscription {
        subscription.updated_at = now;
    }
    card.updates.push(update);
    changed_token
}

fn renew(card: &mut Card, now: DateTime<Utc>) -> Option<String> {
    card.expiry.year = (card.expiry.year + 3) % 100;
    card.updated_at = now;
    let expiry = card.expiry;
    let token = card.current_token().filter(|token| token.state.is_usable())?;
    token.expiry = expiry;
    token.change(NetworkTokenState::CardUpdated, now);
    Some(token.id.clone())
}

impl State {
    /// Notifies of a network token in its current state.
    pub(crate) fn notify_of_token(&mut self, id: &str, token_id: &str) {
        self.notify(|state| {
            let card = state.cards.get(id)?;
            let token = card.tokens.iter().find(|token| token.id == token_id)?;
            Some(Event::token(&state.settings, card, token))
        });
    }

    /// Notifies of the newest network token.
    pub(super) fn notify_of_arrival(&mut self, id: &str) {
        let newest = self.cards.get(id).and_then(|card| card.tokens.last());
        if let Some(token_id) = newest.map(|token| token.id.clone()) {
            self.notify_of_token(id, &token_id);
        }
    }

    /// Notifies of the latest report of the account updater.
    pub(super) fn notify_of_update(&mut self, id: &str) {
        self.notify(|state| {
            let card = state.cards.get(id)?;
            Some(Event::update(card, card.updates.last()?))
        });
    }

    /// Notifies that the card was enrolled with the account updater, or could not be.
    pub(super) fn notify_of_enrollment(&mut self, id: &str, enrolled: bool) {
        let event = if enrolled { CardUpdateEvent::Enrolled } else { CardUpdateEvent::EnrollmentFailed };
        self.notify(|state| Some(Event::enrollment(state.cards.get(id)?, event, state.now())));
    }

    /// Queues an event for the endpoints. Builds it only if there are any.
    pub(crate) fn notify(&mut self, what: impl FnOnce(&Self) -> Option<Event>) {
        if !self.has_endpoints() {
            return;
        }
        if let Some(event) = what(self) {
            let now = self.now();
            self.notifications.add(&self.settings.webhooks, &event, now);
        }
    }

    fn has_endpoints(&self) -> bool {
        !self.settings.webhooks.endpoints.is_empty()
    }

    /// Lets every token arrive that is due. Without endpoints nobody sees when, so a token then
    /// arrives when its card is read.
    pub(crate) fn settle_all(&mut self) {
        if !self.has_endpoints() {
            return;
        }
        for id in self.pending.values().cloned().collect::<Vec<_>>() {
            self.settle(&id);
        }
        for pan_alias in self.v1.pending() {
            self.settle_v1(&pan_alias);
        }
    }

    /// Returns when the next pending token arrives by itself, if there are endpoints.
    pub(crate) fn next_arrival(&self) -> Option<DateTime<Utc>> {
        if !self.has_endpoints() {
            return None;
        }
        let pending = self.pending.values().filter_map(|id| self.cards.get(id)?.pending.as_ref());
        let cards = pending.filter_map(|pending| pending.due);
        cards.chain(self.v1.next_arrival()).min()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use crate::card_data::Expiry;
    use crate::settings::Settings;
    use crate::state::NewCard;

    use super::*;

    #[test]
    fn a_card_that_no_longer_waits_is_not_kept_as_one_that_does() {
        let ends: [fn(&mut State, &str); 4] = [
            |state, id| assert!(state.card(id).is_some()),
            |state, id| assert!(state.deliver(id)),
            |state, id| assert!(state.provision(id).is_some()),
            |state, id| assert!(state.delete_card(id)),
        ];
        for end in ends {
            let mut state = State::new(Settings::default());
            let new = NewCard {
                pan: "4111111111111111".to_owned(),
                cvc: None,
                expiry: Expiry { month: 12, year: 35 },
                kept: Map::new(),
                meta: None,
            };
            let id = state.create_card(new).id.clone();
            state.enroll_on_create(&id);
            assert_eq!(state.pending.len(), 1);
            end(&mut state, &id);
            assert!(state.pending.is_empty());
        }
    }
}
