//! Views: what a service keeps of a card, brought up to date by events.

mod register;
mod subject;
mod token;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
pub use token::TokenView;

use self::{
    register::{Register, Stamp, Text},
    subject::Subject,
};
use super::{CardUpdateDetails, Details, Event, NetworkTokenDetails, event::card_event};
use crate::{
    Card, CardEvent,
    network_tokens::TokenState,
    v1::PanAlias,
    value::{CardId, Expiry},
};

/// What is known of a card, with nothing secret in it: to store beside the card's id, and to show.
///
/// Events may come in any order and more than once. Each value is kept with the time of the event that told it, and
/// only a later event replaces it: the same events give the same view, in whatever order they were applied. A reading
/// of the card counts as an event at the time at which the card last changed.
///
/// ```
/// use cmp::{TokenState, webhooks::{Applied, CardView, Event}};
///
/// let event = |id: &str, state: &str, time: &str| Event::parse_unverified(format!(
///     r#"{{"id": "{id}", "event": "cmp_network_token.updated", "timestamp": "{time}",
///          "details": {{"card_id": "CRD1", "network_token_id": "NTK1", "state": "{state}"}}}}"#
/// ).as_bytes());
///
/// let mut card = CardView::new("CRD1".parse()?);
/// assert_eq!(card.apply(&event("e2", "suspended", "2025-01-15T10:05:00Z")?), Applied::Changed);
/// assert_eq!(card.apply(&event("e1", "active", "2025-01-15T10:00:00Z")?), Applied::Unchanged, "it is older");
/// assert_eq!(card.network_token().and_then(|token| token.state()), Some(&TokenState::Suspended));
///
/// let stored = serde_json::to_string(&card)?;
/// assert_eq!(serde_json::from_str::<CardView>(&stored)?, card);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardView {
    #[serde(flatten)]
    subject: Subject,
    #[serde(default)]
    last4: Register<String>,
    #[serde(default)]
    expiry: Register<Expiry>,
    #[serde(default)]
    account_updater: Register<CardEvent>,
    /// By id; events that name none share the empty one.
    #[serde(default)]
    network_tokens: BTreeMap<String, TokenView>,
}

/// What an event did to a [`CardView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The view is another than before.
    Changed,
    /// It told nothing new: it is a repeat, or older than what is known.
    Unchanged,
    /// It is about another card, or about none.
    NotThisCard,
    /// It has no time, so that nobody can say whether it is news. Get the card instead.
    Undated,
}

impl CardView {
    /// A view of which nothing is known yet.
    #[must_use]
    pub fn new(card: CardId) -> Self {
        Self::about(Subject::Card(card))
    }

    /// A view of the card behind an alias, of which nothing is known yet. V1 knows a card by its alias alone.
    #[must_use]
    pub fn of_alias(alias: PanAlias) -> Self {
        Self::about(Subject::Alias(alias))
    }

    fn about(subject: Subject) -> Self {
        Self {
            subject,
            last4: Register::default(),
            expiry: Register::default(),
            account_updater: Register::default(),
            network_tokens: BTreeMap::new(),
        }
    }

    /// A view of a card that was read.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        let mut view = Self::new(card.id().clone());
        view.read(card);
        view
    }

    /// Brings the view up to date from a reading of the card.
    pub fn read(&mut self, card: &Card) -> Applied {
        if self.card_id() != Some(card.id()) {
            return Applied::NotThisCard;
        }
        let stamp = read_at(card.updated_at());
        let mut changed = self.last4.offer(card.last4().map(str::to_owned), &stamp);
        changed |= self.expiry.offer(card.expiry(), &stamp);
        for token in card.network_tokens() {
            let id = token.id().map(ToString::to_string).unwrap_or_default();
            let stamp = read_at(token.updated_at());
            changed |= self.network_tokens.entry(id).or_default().read(token, &stamp);
        }
        for update in card.updates() {
            let stamp = read_at(update.occurred_at());
            changed |= self.account_updater.offer_known(update.event().cloned(), &stamp);
        }
        if changed { Applied::Changed } else { Applied::Unchanged }
    }

    /// Brings the view up to date from an event.
    pub fn apply(&mut self, event: &Event) -> Applied {
        if !self.is_meant_by(event) {
            return Applied::NotThisCard;
        }
        let Some(at) = event.happened_at() else { return Applied::Undated };
        let stamp = Stamp { at, event: event.id().to_owned() };
        let changed = match event.details() {
            Details::NetworkToken(token) | Details::V1NetworkToken(token) => self.take_token(token, &stamp),
            Details::CardUpdate(update) | Details::V1CardUpdate(update) => self.take_update(update, &stamp),
            Details::Other(_) => return Applied::NotThisCard,
        };
        if changed { Applied::Changed } else { Applied::Unchanged }
    }

    /// An event that doesn't name its card is known by a network token that an earlier one told.
    fn is_meant_by(&self, event: &Event) -> bool {
        self.subject.is_named_by(event).unwrap_or_else(|| {
            event.network_token_id().is_some_and(|id| self.network_tokens.contains_key(id.as_str()))
        })
    }

    fn take_token(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) -> bool {
        let id = token.network_token_id().map(ToString::to_string).unwrap_or_default();
        let changed = [
            self.network_tokens.entry(id).or_default().take(token, stamp),
            self.last4.offer_known(token.card_last4().map(str::to_owned), stamp),
            self.expiry.offer_known(token.card_expiry(), stamp),
        ];
        changed.contains(&true)
    }

    fn take_update(&mut self, update: &CardUpdateDetails, stamp: &Stamp) -> bool {
        let changed = [
            self.account_updater.offer(Some(update.event().clone()), stamp),
            self.expiry.offer_known(update.new_expiry(), stamp),
            self.take_number(update, stamp),
        ];
        changed.contains(&true)
    }

    /// With a new number the old last four digits are wrong, and `card_last4` may be of either number.
    fn take_number(&mut self, update: &CardUpdateDetails, stamp: &Stamp) -> bool {
        let new = update.new_account_number().and_then(|number| last4_of(number.expose()));
        if *update.event() == CardEvent::Updated {
            return self.last4.offer(new, stamp);
        }
        self.last4.offer_known(new.or_else(|| update.last4().map(str::to_owned)), stamp)
    }

    /// The card; `None` for a view [of an alias](Self::of_alias).
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        match &self.subject {
            Subject::Card(card) => Some(card),
            Subject::Alias(_) => None,
        }
    }

    /// The alias; `None` for a view of a card.
    #[must_use]
    pub fn alias(&self) -> Option<&PanAlias> {
        match &self.subject {
            Subject::Card(_) => None,
            Subject::Alias(alias) => Some(alias),
        }
    }

    /// The last four digits of the card's number; `None` too after the number changed to one that the event didn't
    /// tell in clear: get the card, and [`read`](Self::read) it.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.value().map(String::as_str)
    }

    /// The card's expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.expiry.value().copied()
    }

    /// The time of the latest event that told the card's number or expiry.
    #[must_use]
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        let stamps = [self.last4.stamp(), self.expiry.stamp()];
        stamps.into_iter().flatten().map(|stamp| stamp.at).max()
    }

    /// What the account updater told last.
    #[must_use]
    pub fn account_updater(&self) -> Option<&CardEvent> {
        self.account_updater.value()
    }

    /// The time of the latest event of the account updater.
    #[must_use]
    pub fn account_updater_at(&self) -> Option<DateTime<Utc>> {
        self.account_updater.stamp().map(|stamp| stamp.at)
    }

    /// The network token to look at: the usable one that changed last, without one the one that changed last.
    #[must_use]
    pub fn network_token(&self) -> Option<&TokenView> {
        self.network_tokens.values().max_by_key(|token| (token.is_usable(), token.changed_at()))
    }

    /// All network tokens by their ids; the id of a token that came without one is empty.
    pub fn network_tokens(&self) -> impl Iterator<Item = (&str, &TokenView)> {
        self.network_tokens.iter().map(|(id, token)| (id.as_str(), token))
    }
}

/// Before every event of the same moment. A card without a time is older than any event.
fn read_at(updated_at: Option<DateTime<Utc>>) -> Stamp {
    Stamp { at: updated_at.unwrap_or(DateTime::UNIX_EPOCH), event: String::new() }
}

/// An alias tells nothing of the number's end.
fn last4_of(number: &str) -> Option<String> {
    const SHORTEST_PAN: usize = 12;
    let is_pan = number.len() >= SHORTEST_PAN && number.bytes().all(|byte| byte.is_ascii_digit());
    is_pan.then(|| number[number.len() - 4..].to_owned())
}

impl Text for String {
    fn to_text(&self) -> String {
        self.clone()
    }

    fn from_text(text: String) -> Option<Self> {
        Some(text)
    }
}

impl Text for Expiry {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: String) -> Option<Self> {
        text.parse().ok()
    }
}

impl Text for TokenState {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: String) -> Option<Self> {
        Some(text.into())
    }
}

impl Text for CardEvent {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: String) -> Option<Self> {
        Some(card_event(&text))
    }
}
