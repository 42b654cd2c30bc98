//! The simulated account and its changes. No HTTP here.

mod access;
pub(crate) mod card;
mod cryptogram;
mod ids;
mod lifecycle;
pub(crate) mod network_token;
mod rate_limit;
pub(crate) mod saved;
pub(crate) mod v1;
mod v1_lifecycle;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::settings::{Scope, ServiceAccount, Settings};
use crate::state::rate_limit::Bucket;
use crate::webhooks::Queue;

pub(crate) use access::{AccessTokens, Grant};
pub(crate) use card::{Card, CardUpdate, NewCard, Subscription};
pub use card::{CardUpdateEvent, CardView, TokenView};
pub(crate) use cryptogram::Cryptograms;
pub use cryptogram::{CryptogramRefused, CryptogramType, Redemption, TransactionType};
pub(crate) use ids::Ids;
pub use network_token::NetworkTokenState;
pub(crate) use network_token::{NetworkToken, Provisioned};
pub(crate) use v1::{CARD_BIN, CARD_LAST4, Enrollment, Enrollments, NewEnrollment};
pub use v1::{V1Outcome, V1TokenView};

/// The largest lead of the simulator's clock. Later times have years of five digits, and then overflow.
const MOST_AHEAD: TimeDelta = TimeDelta::days(365_000);

/// One simulated account.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) access: AccessTokens,
    pub(crate) v1: Enrollments,
    pub(crate) notifications: Queue,
    /// The lead of the simulator's clock over the machine's
    clock_offset: TimeDelta,
    pub(crate) rate_limit: Bucket,
    cards: HashMap<String, Card>,
    /// The ids of the cards that wait for a network token, by their sequence
    pending: BTreeMap<u64, String>,
    /// The ids of the cards with one number, by their sequence
    ids_by_pan: HashMap<String, BTreeMap<u64, String>>,
    cards_made: u64,
    cryptograms: Cryptograms,
}

impl State {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            notifications: Queue::new(settings.seed, settings.request_log),
            settings,
            access: AccessTokens::default(),
            v1: Enrollments::default(),
            clock_offset: TimeDelta::zero(),
            rate_limit: Bucket::default(),
            cards: HashMap::new(),
            pending: BTreeMap::new(),
            ids_by_pan: HashMap::new(),
            cards_made: 0,
            cryptograms: Cryptograms::default(),
        }
    }

    /// Clears everything but the settings. Ids and numbers go on.
    pub(crate) fn reset(&mut self) {
        let fresh = Self::new(self.settings.clone());
        let Self { ids, mut notifications, .. } = std::mem::replace(self, fresh);
        notifications.clear();
        self.ids = ids;
        self.notifications = notifications;
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_offset
    }

    pub(crate) fn advance_clock(&mut self, by: TimeDelta) {
        self.clock_offset = self.clock_offset.checked_add(&by).unwrap_or(MOST_AHEAD).min(MOST_AHEAD);
    }

    pub(crate) fn mint(&mut self, account: &ServiceAccount, scopes: Vec<Scope>) -> String {
        let now = self.now();
        self.access.mint(account, scopes, now, &mut self.ids)
    }

    pub(crate) fn grant(&self, access_token: &str) -> Option<&Grant> {
        self.access.grant(access_token, self.now())
    }

    /// Returns the newest card with this number.
    pub(crate) fn duplicate_of(&self, pan: &str) -> Option<&str> {
        let same = self.ids_by_pan.get(pan).filter(|_| self.settings.duplicate_detection)?;
        same.last_key_value().map(|(_, id)| id.as_str())
    }

    /// Stores the card, without its network token.
    pub(crate) fn create_card(&mut self, new: NewCard) -> &mut Card {
        let now = self.now();
        let id = self.ids.card();
        self.cards_made += 1;
        let card = Card {
            id: id.clone(),
            sequence: self.cards_made,
            fingerprint: fingerprint(self.settings.seed, &new.pan),
            pan_alias: self.ids.pan_alias(),
            cvc_alias: format!("tok_sandbox_{}", self.ids.base58(20)),
            pan: new.pan,
            cvc: new.cvc,
            expiry: new.expiry,
            kept: new.kept,
            meta: new.meta,
            created_at: now,
            updated_at: now,
            tokens: Vec::new(),
            pending: None,
            subscription: None,
            unsubscribed: false,
            updates: Vec::new(),
        };
        self.remember_pan(&card);
        self.cards.entry(id).or_insert(card)
    }

    /// Returns the card with everything that has arrived by now.
    pub(crate) fn card(&mut self, id: &str) -> Option<&mut Card> {
        self.settle(id);
        self.cards.get_mut(id)
    }

    /// Returns the card as stored, without the tokens that are due.
    pub(crate) fn stored(&self, id: &str) -> Option<&Card> {
        self.cards.get(id)
    }

    pub(crate) fn delete_card(&mut self, id: &str) -> bool {
        let Some(card) = self.cards.remove(id) else { return false };
        self.pending.remove(&card.sequence);
        self.forget_pan(&card.pan, card.sequence);
        true
    }

    fn remember_pan(&mut self, card: &Card) {
        self.ids_by_pan.entry(card.pan.clone()).or_default().insert(card.sequence, card.id.clone());
    }

    /// Keeps the number if another card has it, as without duplicate detection.
    fn forget_pan(&mut self, pan: &str, sequence: u64) {
        let Some(same) = self.ids_by_pan.get_mut(pan) else { return };
        same.remove(&sequence);
        if same.is_empty() {
            self.ids_by_pan.remove(pan);
        }
    }

    /// Changes the number of a card and keeps its id.
    pub(crate) fn renumber(&mut self, id: &str, pan: String) {
        let Some(mut card) = self.cards.remove(id) else { return };
        let old = std::mem::replace(&mut card.pan, pan);
        self.forget_pan(&old, card.sequence);
        self.remember_pan(&card);
        self.cards.insert(id.to_owned(), card);
    }

    pub(crate) fn views(&mut self) -> Vec<CardView> {
        let mut ids: Vec<_> = self.cards.values().map(|card| (card.sequence, card.id.clone())).collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|(_, id)| self.card(&id).map(|card| card.view())).collect()
    }

    pub(crate) fn issue_cryptogram(&mut self, made_for: Redemption) -> String {
        let value = match made_for.cryptogram_type {
            CryptogramType::Tavv => self.ids.tavv(),
            CryptogramType::Dtvv => self.ids.dtvv(),
        };
        self.cryptograms.issue(value.clone(), made_for, self.now());
        value
    }

    pub(crate) fn redeem(&mut self, value: &str) -> Result<Redemption, CryptogramRefused> {
        let (now, cards) = (self.now(), &self.cards);
        self.cryptograms.redeem(value, now, |made_for| {
            cards.get(&made_for.card_id).is_some_and(|card| {
                card.tokens
                    .iter()
                    .any(|token| token.id == made_for.network_token_id && token.state.is_usable())
            })
        })
    }
}

/// Returns the same text for every card with one number, as documented. The number cannot be derived
/// from it.
fn fingerprint(seed: u64, pan: &str) -> String {
    let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(pan).finalize();
    let number = digest.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    Ids::new(number).fingerprint()
}
