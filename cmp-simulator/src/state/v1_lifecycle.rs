//! What happens to V1's network tokens, and the notifications about it.

use crate::card_data::Expiry;
use crate::state::State;
use crate::state::card::CardUpdateEvent;
use crate::state::network_token::NetworkTokenState;
use crate::state::v1::Enrollment;
use crate::webhooks::{Event, V1TokenEvent, V1Update};

impl State {
    /// Lets a token arrive that is due.
    pub(crate) fn settle_v1(&mut self, pan_alias: &str) {
        if self.v1.has_come(pan_alias, self.now()) {
            self.deliver_v1(pan_alias);
        }
    }

    /// Lets a pending token arrive now. Returns `false` if none is pending.
    pub(crate) fn deliver_v1(&mut self, pan_alias: &str) -> bool {
        let arrived = self.v1.deliver(pan_alias, self.now());
        if arrived {
            self.notify_of_v1_token(pan_alias, V1TokenEvent::Updated);
        }
        arrived
    }

    /// Changes the state of a token. Returns `false` without such a token.
    pub(crate) fn change_v1(&mut self, pan_alias: &str, new: NetworkTokenState) -> bool {
        let changed = self.v1.change(pan_alias, new, self.now());
        if changed {
            self.notify_of_v1_token(pan_alias, V1TokenEvent::of(new));
        }
        changed
    }

    /// Notifies that a payment was made with a token. Returns `false` without such a token.
    pub(crate) fn use_v1(&mut self, pan_alias: &str) -> bool {
        let there = self.v1.get(pan_alias).is_some_and(Enrollment::has_token);
        if there {
            self.notify_of_v1_token(pan_alias, V1TokenEvent::Used);
        }
        there
    }

    /// Lets the account updater report an event for the card behind an alias. Returns `false`
    /// without such an alias.
    ///
    /// A new expiry changes the card, and a usable network token becomes `CARD_UPDATED`. A new
    /// number has an alias of its own; the network token stays with the old one (inferred).
    pub(crate) fn report_v1_update(&mut self, pan_alias: &str, event: CardUpdateEvent) -> bool {
        let Some(enrolled) = self.v1.get(pan_alias) else { return false };
        let (old, is_usable) = (enrolled.expiry, enrolled.state.is_some_and(NetworkTokenState::is_usable));
        let renewed = matches!(event, CardUpdateEvent::Updated | CardUpdateEvent::Expired);
        let new = if renewed { Expiry { year: (old.year + 3) % 100, ..old } } else { old };
        self.v1.renew(pan_alias, new);
        let new_alias = (event == CardUpdateEvent::Updated).then(|| self.ids.pan_alias());
        let update = V1Update { event, old, new_alias, at: self.now() };
        self.notify(|state| Some(Event::v1_update(state.v1.get(pan_alias)?, &update)));
        if renewed && is_usable {
            self.change_v1(pan_alias, NetworkTokenState::CardUpdated);
        }
        true
    }

    fn notify_of_v1_token(&mut self, pan_alias: &str, event: V1TokenEvent) {
        self.notify(|state| Some(Event::v1_token(state.v1.get(pan_alias)?, event)));
    }
}
