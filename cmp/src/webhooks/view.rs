//! Views: what a service stores about a card, kept up to date by events.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use cmp_generated::scalar::Last4;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    latest::{self, Latest, Stamp},
    model::{CardUpdateDetails, Details, Event, NetworkTokenDetails},
};
use crate::{
    cards::{Card, CardEvent},
    network_tokens::NetworkToken,
    scrub::{is_pan, looks_like_a_pan},
    value::{CardId, Expiry, NetworkTokenId, NetworkTokenState, PanAlias, Text, read::members},
};

/// The key of the network token in events without a token id.
const WITHOUT_ID: &str = "";

/// The card of a view or a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CardKey {
    #[serde(rename = "card_id")]
    Id(CardId),
    #[serde(rename = "pan_alias")]
    Alias(PanAlias),
}

impl CardKey {
    /// Returns whether the event is about this card; `None` if the event does not say.
    fn is_in(&self, event: &Event) -> Option<bool> {
        match self {
            Self::Id(card) => event.card_id().map(|id| id == card),
            Self::Alias(alias) => match &event.details {
                Details::NetworkToken(token) => token.pan_alias.as_ref().map(|other| other == alias),
                // The account updater has the card's number, in whose place V1 has the alias (inferred).
                Details::CardUpdate(update) => {
                    let numbers = [&update.old_account_number, &update.new_account_number];
                    let is_alias = numbers.into_iter().flatten().map(|pan| pan.expose() == alias.as_str());
                    is_alias.reduce(|old, new| old || new)
                }
                Details::Other(_) => None,
            },
        }
    }

    /// Returns `true` if the event is about a network token, and not known to be about another card.
    pub(crate) fn may_have_token_in(&self, event: &Event) -> bool {
        matches!(event.details, Details::NetworkToken(_)) && self.is_in(event) != Some(false)
    }
}

/// A view of a card and its network tokens without their numbers, to store and to show.
///
/// The stored form contains the card's id, or for V1 the alias, which `Debug` hides.
///
/// Each value is stored with the time of the event that set it, and only a later event replaces it. So the same events
/// give the same view, in any order and with any repeats, if each names its card. A [reading](Self::read) of the card
/// counts like an event, and [merging two views](Self::merge) like the events of both. To write a view back that another
/// process may have written in between, merge the two first.
///
/// ```
/// use cmp::webhooks::{Applied, CardView, Event};
///
/// let event = |id: &str, state: &str, time: &str| {
///     let body = format!(
///         r#"{{"id": "{id}", "event": "cmp_network_token.updated",
///             "timestamp": "{time}", "details": {{"card_id": "CRD1",
///             "network_token_id": "NTK1", "state": "{state}"}}}}"#
///     );
///     Event::parse_unverified(body.as_bytes())
/// };
/// let suspended = event("e2", "suspended", "2025-01-15T10:05:00Z")?;
/// let older = event("e1", "active", "2025-01-15T10:00:00Z")?;
///
/// let mut card = CardView::new("CRD1".parse()?);
/// assert_eq!(card.apply(&suspended), Applied::Changed);
/// assert_eq!(card.apply(&older), Applied::Unchanged);
/// assert!(!card.network_token().unwrap().is_usable());
///
/// let stored = serde_json::to_string(&card)?;
/// assert_eq!(serde_json::from_str::<CardView>(&stored)?, card);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CardView {
    #[serde(flatten)]
    key: CardKey,
    last4: Latest<Last4>,
    expiry: Latest<Expiry>,
    account_updater: Latest<CardEvent>,
    /// By id. Events without a token id share [`WITHOUT_ID`].
    network_tokens: BTreeMap<String, TokenView>,
    /// The latest reading of all network tokens. An older one that was not in it is deleted.
    all_tokens_read: Latest<bool>,
}

/// The error repeats nothing of what is stored.
impl<'de> Deserialize<'de> for CardView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(flatten)]
            key: CardKey,
            #[serde(default)]
            last4: Latest<Last4>,
            #[serde(default)]
            expiry: Latest<Expiry>,
            #[serde(default)]
            account_updater: Latest<CardEvent>,
            #[serde(default, deserialize_with = "latest::readable")]
            network_tokens: BTreeMap<String, TokenView>,
            #[serde(default)]
            all_tokens_read: Latest<bool>,
        }
        let Stored { key, last4, expiry, account_updater, network_tokens, all_tokens_read } =
            members(deserializer, "card view")?;
        Ok(Self { key, last4, expiry, account_updater, network_tokens, all_tokens_read })
    }
}

/// The effect of an event or a reading on a [`CardView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The view changed.
    Changed,
    /// The view did not change: the event is a repeat, or older than the view's values.
    Unchanged,
    /// A reading changed nothing, and a value in the view comes from an event with a later time. If the card was
    /// requested after that event came, the clocks disagree: start again with [`CardView::of`].
    Outdated,
    /// The event is about another card, or about no card.
    NotThisCard,
    /// The event has no time, so it can't be compared with others. Get the card instead.
    Undated,
}

impl CardView {
    /// Creates an empty view of a card.
    #[must_use]
    pub fn new(card: CardId) -> Self {
        Self::of_key(CardKey::Id(card))
    }

    /// Creates an empty view of the card behind an alias. V1 knows a card by its alias only.
    #[must_use]
    pub fn of_alias(alias: PanAlias) -> Self {
        Self::of_key(CardKey::Alias(alias))
    }

    fn of_key(key: CardKey) -> Self {
        Self {
            key,
            last4: Latest::default(),
            expiry: Latest::default(),
            account_updater: Latest::default(),
            network_tokens: BTreeMap::new(),
            all_tokens_read: Latest::default(),
        }
    }

    /// Creates a view of a card that was read.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        let mut view = Self::new(card.id.clone());
        view.read(card);
        view
    }

    /// Brings the view up to date from a reading of the card.
    ///
    /// The reading's time is the later of [`Card::asked_at`] by the client's clock and the card's last change by the
    /// service's. The two clocks should agree, so that an event from before does not outdate the reading. A network token
    /// that [`get`](crate::cards::Cards::get) does not show any more is deleted.
    pub fn read(&mut self, card: &Card) -> Applied {
        if self.card_id() != Some(&card.id) {
            return Applied::NotThisCard;
        }
        let stamp = Stamp::of_reading(as_of(card));
        let is_outdated = self.last4.is_after(&stamp)
            || self.expiry.is_after(&stamp)
            || self.network_tokens.values().any(|token| token.is_after(&stamp));
        self.change_by_reading(is_outdated, |view| {
            view.last4.offer(card.last4.as_deref().and_then(Last4::new), &stamp);
            view.expiry.offer(card.expiry, &stamp);
            for token in &card.network_tokens {
                view.token_mut(token.id.as_ref()).read(token, &stamp);
            }
            if card.lists_network_tokens {
                view.all_tokens_read.offer(Some(true), &stamp);
            }
            for update in &card.updates {
                let at = update.occurred_at.unwrap_or(DateTime::UNIX_EPOCH);
                let event = storable(update.event.clone(), CardEvent::as_str);
                view.account_updater.offer_known(event, &Stamp::of_reading(at));
            }
        })
    }

    /// Brings the view up to date from a network token, as
    /// [`wait_for`](crate::network_tokens::NetworkTokens::wait_for) and
    /// [`provision`](crate::network_tokens::NetworkTokens::provision) return it. The token does not name its card: make
    /// sure that it belongs to this one.
    ///
    /// The reading's time is the later of [`NetworkToken::asked_at`] and the token's last change. The view's values of the
    /// card and of other network tokens stay.
    pub fn read_token(&mut self, token: &NetworkToken) -> Applied {
        if self.card_id().is_none() {
            return Applied::NotThisCard;
        }
        let stamp = Stamp::of_reading(token.updated_at.into_iter().fold(token.asked_at, DateTime::max));
        let known = self.network_tokens.get(token.id.as_ref().map_or(WITHOUT_ID, NetworkTokenId::as_str));
        let is_outdated = known.is_some_and(|known| known.is_after(&stamp));
        self.change_by_reading(is_outdated, |view| view.token_mut(token.id.as_ref()).read(token, &stamp))
    }

    /// Merges another view of the same card into this one, such as one that another receiver stored in between. The
    /// result is as if all events and readings of both had gone into one.
    pub fn merge(&mut self, other: &Self) -> Applied {
        if self.key != other.key {
            return Applied::NotThisCard;
        }
        self.change(|view| {
            view.last4.merge(&other.last4);
            view.expiry.merge(&other.expiry);
            view.account_updater.merge(&other.account_updater);
            view.all_tokens_read.merge(&other.all_tokens_read);
            for (id, token) in &other.network_tokens {
                view.network_tokens.entry(id.clone()).or_default().merge(token);
            }
        })
    }

    /// Brings the view up to date from an event.
    pub fn apply(&mut self, event: &Event) -> Applied {
        if !self.is_in(event) {
            return Applied::NotThisCard;
        }
        let Some(at) = event.happened_at() else { return Applied::Undated };
        let stamp = Stamp::of_event(event, at);
        match &event.details {
            Details::NetworkToken(token) => self.change(|view| view.apply_token(token, &stamp)),
            Details::CardUpdate(update) => self.change(|view| view.apply_update(update, &stamp)),
            Details::Other(_) => Applied::NotThisCard,
        }
    }

    /// An event that does not name its card is found by a network token of an earlier event.
    fn is_in(&self, event: &Event) -> bool {
        self.key.is_in(event).unwrap_or_else(|| {
            event.network_token_id().is_some_and(|id| self.network_tokens.contains_key(id.as_str()))
        })
    }

    fn apply_token(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) {
        self.token_mut(token.network_token_id.as_ref()).apply(token, stamp);
        self.last4.offer_known(token.card_last4.as_deref().and_then(Last4::new), stamp);
        self.expiry.offer_known(token.card_expiry, stamp);
    }

    fn apply_update(&mut self, update: &CardUpdateDetails, stamp: &Stamp) {
        self.account_updater.offer_known(storable(Some(update.event.clone()), CardEvent::as_str), stamp);
        self.expiry.offer_known(update.new_expiry, stamp);
        let number = update.new_account_number.as_ref();
        let new = number.and_then(|number| last4_of(number.expose()));
        // An update with a new expiry and no number changes the expiry only.
        let is_expiry_only = number.is_none() && update.new_expiry.is_some();
        if update.event == CardEvent::Updated && !is_expiry_only {
            // The old digits are wrong, and `last4` of the update may be of either number.
            self.last4.offer(new, stamp);
        } else {
            self.last4.offer_known(new.or_else(|| update.last4.as_deref().and_then(Last4::new)), stamp);
        }
    }

    fn token_mut(&mut self, id: Option<&NetworkTokenId>) -> &mut TokenView {
        self.network_tokens.entry(id.map_or(WITHOUT_ID, NetworkTokenId::as_str).to_owned()).or_default()
    }

    fn change_by_reading(&mut self, is_outdated: bool, change: impl FnOnce(&mut Self)) -> Applied {
        match self.change(change) {
            Applied::Unchanged if is_outdated => Applied::Outdated,
            applied => applied,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) -> Applied {
        let before = self.clone();
        change(self);
        if let Some(reading) = self.all_tokens_read.stamp() {
            for (id, token) in &mut self.network_tokens {
                token.delete_before(reading, id != WITHOUT_ID);
            }
        }
        if self.values() == before.values() { Applied::Unchanged } else { Applied::Changed }
    }

    /// Everything that a caller can see except the times.
    fn values(&self) -> impl PartialEq {
        let tokens: Vec<_> = self.network_tokens.iter().map(|(id, token)| (id, token.values())).collect();
        let current = self.network_token().map(TokenView::values);
        (self.last4(), self.expiry(), self.account_updater(), current, tokens)
    }

    /// Returns the card's id; `None` for a view [of an alias](Self::of_alias).
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        match &self.key {
            CardKey::Id(card) => Some(card),
            CardKey::Alias(_) => None,
        }
    }

    /// Returns the alias; `None` for a view of a card.
    #[must_use]
    pub fn alias(&self) -> Option<&PanAlias> {
        match &self.key {
            CardKey::Id(_) => None,
            CardKey::Alias(alias) => Some(alias),
        }
    }

    /// Returns the last four digits of the card's number.
    ///
    /// `None` also if the number changed, and the event did not have the new one in clear. Get the card then, and
    /// [`read`](Self::read) it.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.value().map(Last4::as_str)
    }

    /// Returns the card's expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry.value().copied()
    }

    /// Returns the time of the latest event with the card's number or expiry.
    #[must_use]
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        [self.last4.stamp(), self.expiry.stamp()].into_iter().flatten().map(|stamp| stamp.at).max()
    }

    /// Returns the latest event of the account updater.
    #[must_use]
    pub fn account_updater(&self) -> Option<&CardEvent> {
        self.account_updater.value()
    }

    /// Returns the time of the latest event of the account updater.
    #[must_use]
    pub fn account_updater_at(&self) -> Option<DateTime<Utc>> {
        self.account_updater.stamp().map(|stamp| stamp.at)
    }

    /// Returns the usable network token that changed last; without a usable one, the one that changed last.
    ///
    /// If a later event has no token id, the view returned has only that event's values.
    #[must_use]
    pub fn network_token(&self) -> Option<&TokenView> {
        let with_id = self.network_tokens.iter().filter(|(id, _)| id.as_str() != WITHOUT_ID);
        let with_id =
            with_id.map(|(_, token)| token).max_by_key(|token| (token.is_usable(), token.changed_at()));
        let without_id = self.network_tokens.get(WITHOUT_ID).filter(|token| token.state().is_some());
        match (with_id, without_id) {
            (Some(with_id), Some(without_id)) if with_id.changed_at() >= without_id.changed_at() => {
                Some(with_id)
            }
            (with_id, without_id) => without_id.or(with_id),
        }
    }

    /// Returns all network tokens by their ids. The id of a token that came without one is empty.
    pub fn network_tokens(&self) -> impl Iterator<Item = (&str, &TokenView)> {
        self.network_tokens.iter().map(|(id, token)| (id.as_str(), token))
    }
}

impl fmt::Debug for CardView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardView")
            .field("card", &self.key)
            .field("last4", &self.last4())
            .field("expiry", &self.expiry())
            .field("changed_at", &self.changed_at())
            .field("account_updater", &self.account_updater())
            .field("account_updater_at", &self.account_updater_at())
            .field("network_tokens", &self.network_tokens)
            .finish()
    }
}

/// The card is at least as new as the moment at which it was requested, if the clocks agree, and as its own dates.
fn as_of(card: &Card) -> DateTime<Utc> {
    let tokens = card.network_tokens.iter().filter_map(|token| token.updated_at);
    let updates = card.updates.iter().filter_map(|update| update.occurred_at);
    card.updated_at.into_iter().chain(tokens).chain(updates).fold(card.asked_at, DateTime::max)
}

/// An alias does not have the number's last four digits.
fn last4_of(number: &str) -> Option<Last4> {
    if is_pan(number) { Last4::new(&number[number.len() - 4..]) } else { None }
}

/// A view of a network token without its number.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct TokenView {
    state: Latest<NetworkTokenState>,
    reason_code: Latest<Text>,
    last4: Latest<Last4>,
    expiry: Latest<Expiry>,
}

/// The error repeats nothing of what is stored.
impl<'de> Deserialize<'de> for TokenView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Stored {
            state: Latest<NetworkTokenState>,
            reason_code: Latest<Text>,
            last4: Latest<Last4>,
            expiry: Latest<Expiry>,
        }
        let Stored { state, reason_code, last4, expiry } = members(deserializer, "network token view")?;
        Ok(Self { state, reason_code, last4, expiry })
    }
}

/// Drops a value in which a PAN may be, because views are stored.
fn storable<T>(value: Option<T>, text: fn(&T) -> &str) -> Option<T> {
    value.filter(|value| !looks_like_a_pan(text(value)))
}

impl TokenView {
    fn apply(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) {
        let state = storable(token.state.clone(), NetworkTokenState::as_str);
        if state.is_some() {
            // A reason belongs to its state, so a new state without a reason clears it.
            self.reason_code.offer(storable(token.reason_code.clone(), Text::as_ref), stamp);
        }
        self.state.offer_known(state, stamp);
        self.last4.offer_known(token.last4.as_deref().and_then(Last4::new), stamp);
        self.expiry.offer_known(token.expiry, stamp);
    }

    fn read(&mut self, token: &NetworkToken, stamp: &Stamp) {
        self.state.offer(storable(Some(token.state.clone()), NetworkTokenState::as_str), stamp);
        self.reason_code.offer(storable(token.reason_code.clone(), Text::as_ref), stamp);
        self.last4.offer_known(token.last4.as_deref().and_then(Last4::new), stamp);
        self.expiry.offer_known(token.expiry, stamp);
    }

    /// Takes a token that a later reading of all tokens does not have for deleted: no other way to go is documented.
    /// The reading has a token without an id under its id, so nothing is known of that one.
    ///
    /// An event after the reading that does not say the state makes the state unknown, also if it comes late.
    fn delete_before(&mut self, reading: &Stamp, has_id: bool) {
        let is_seen_later = self.last4.is_after(reading) || self.expiry.is_after(reading);
        let is_older = self.state.stamp().is_none_or(|stamp| stamp.is_before(reading));
        let is_deleted_by_it =
            self.state.stamp() == Some(reading) && self.state() == Some(&NetworkTokenState::Deleted);
        if is_older || is_seen_later && is_deleted_by_it {
            let deleted = has_id && !is_seen_later;
            self.state.offer(deleted.then_some(NetworkTokenState::Deleted), reading);
            self.reason_code.offer(None, reading);
        }
    }

    fn is_after(&self, stamp: &Stamp) -> bool {
        self.state.is_after(stamp) || self.last4.is_after(stamp) || self.expiry.is_after(stamp)
    }

    fn merge(&mut self, other: &Self) {
        self.state.merge(&other.state);
        self.reason_code.merge(&other.reason_code);
        self.last4.merge(&other.last4);
        self.expiry.merge(&other.expiry);
    }

    /// Everything that a caller can see except the times.
    fn values(&self) -> impl PartialEq {
        (self.state(), self.reason_code(), self.last4(), self.expiry())
    }

    /// Returns the state; `None` if no event had it.
    #[must_use]
    pub fn state(&self) -> Option<&NetworkTokenState> {
        self.state.value()
    }

    /// Returns `true` if a payment can be made with the network token in CMP. In V1 only
    /// [`Active`](NetworkTokenState::Active) is usable: see
    /// [`v1::NetworkToken::is_usable`](crate::v1::NetworkToken::is_usable).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state().is_some_and(NetworkTokenState::is_usable)
    }

    /// Returns the reason for the state.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.value().map(|code| &**code)
    }

    /// Returns the last four digits of the network token's number.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.value().map(Last4::as_str)
    }

    /// Returns the network token's own expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry.value().copied()
    }

    /// Returns the time of the latest event about the network token.
    #[must_use]
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        let stamps = [self.state.stamp(), self.last4.stamp(), self.expiry.stamp()];
        stamps.into_iter().flatten().map(|stamp| stamp.at).max()
    }
}

impl fmt::Debug for TokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenView")
            .field("state", &self.state())
            .field("reason_code", &self.reason_code.value())
            .field("last4", &self.last4())
            .field("expiry", &self.expiry())
            .field("changed_at", &self.changed_at())
            .finish()
    }
}
