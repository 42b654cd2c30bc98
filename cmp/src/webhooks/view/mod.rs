//! Views: what a service keeps of a card, brought up to date by events.

mod register;
mod subject;
mod token;

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use cmp_generated::scalar::Last4;
use serde::{Deserialize, Serialize};
pub use token::TokenView;

use self::register::{Register, Stamp, StoredText};
pub(crate) use self::subject::Subject;
use super::{CardUpdateDetails, Details, Event, NetworkTokenDetails, event::card_event};
use crate::{
    Card, CardEvent, CardUpdate,
    network_tokens::NetworkToken,
    scrub::is_pan,
    v1::PanAlias,
    value::{CardId, Expiry, NetworkTokenId, NetworkTokenState, Text},
};

/// The place of what events told without a token's id.
const NAMELESS: &str = "";

/// What is known of a card, without its number and those of its network tokens: to store and to show. What is stored has
/// the card's id in it, or in V1 the alias, which `Debug` leaves out.
///
/// Events that name their card may come in any order and more than once. Each value is kept with the time of the event that told it, and
/// only a later event replaces it: the same events give the same view, in whatever order they were applied. A
/// [reading](Self::read) of the card counts like an event, and [two views](Self::merge) of one card like the events of
/// both. To write a view back that another process may have written meanwhile, merge the two first.
///
/// ```
/// use cmp::{NetworkTokenState, webhooks::{Applied, CardView, Event}};
///
/// let event = |id: &str, state: &str, time: &str| Event::parse_unverified(format!(
///     r#"{{"id": "{id}", "event": "cmp_network_token.updated", "timestamp": "{time}",
///          "details": {{"card_id": "CRD1", "network_token_id": "NTK1", "state": "{state}"}}}}"#
/// ).as_bytes());
///
/// let mut card = CardView::new("CRD1".parse()?);
/// assert_eq!(card.apply(&event("e2", "suspended", "2025-01-15T10:05:00Z")?), Applied::Changed);
/// assert_eq!(card.apply(&event("e1", "active", "2025-01-15T10:00:00Z")?), Applied::Unchanged, "it is older");
/// assert_eq!(card.network_token().and_then(|token| token.state()), Some(&NetworkTokenState::Suspended));
///
/// let stored = serde_json::to_string(&card)?;
/// assert_eq!(serde_json::from_str::<CardView>(&stored)?, card);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardView {
    #[serde(flatten)]
    subject: Subject,
    #[serde(default)]
    last4: Register<LastFour>,
    #[serde(default)]
    expiry: Register<Expiry>,
    #[serde(default)]
    account_updater: Register<CardEvent>,
    /// By id; events that name none share the empty one.
    #[serde(default, deserialize_with = "register::readable")]
    network_tokens: BTreeMap<String, TokenView>,
    /// The latest reading that showed all network tokens: what is older and wasn't in it is gone.
    #[serde(default)]
    all_tokens_read: Register<()>,
}

/// What an event did to a [`CardView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The view is another than before.
    Changed,
    /// It told nothing new: it is a repeat, or older than what is known.
    Unchanged,
    /// A reading told nothing new, and something is known from an event that is dated later. Where the card was asked for
    /// after the event came, the clocks disagree: begin anew with [`CardView::of`].
    Outdated,
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
            all_tokens_read: Register::default(),
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
    ///
    /// It counts as of the time at which the card was [asked for](Card::asked_at), by the client's clock, or last changed
    /// by the service's, whichever is later: an event that came before doesn't outdate it, so the two clocks should agree.
    /// A network token that [`get`](crate::Cards::get) doesn't show any more is deleted.
    pub fn read(&mut self, card: &Card) -> Applied {
        if self.card_id() != Some(card.id()) {
            return Applied::NotThisCard;
        }
        let stamp = Stamp::of_reading(as_of(card));
        let outdated = self.is_after(&stamp);
        let applied = self.change(|view| view.take_reading(card, &stamp));
        if applied == Applied::Unchanged && outdated { Applied::Outdated } else { applied }
    }

    fn take_reading(&mut self, card: &Card, stamp: &Stamp) {
        self.last4.offer(card.last4().and_then(LastFour::new), stamp);
        self.expiry.offer(card.expiry(), stamp);
        for token in card.network_tokens() {
            self.network_tokens.entry(place(token).to_owned()).or_default().read(token, stamp);
        }
        if card.lists_network_tokens() {
            self.all_tokens_read.offer(Some(()), stamp);
        }
        for update in card.updates() {
            let at = update.occurred_at().unwrap_or(DateTime::UNIX_EPOCH);
            self.account_updater.offer_known(update.event().cloned(), &Stamp::of_reading(at));
        }
    }

    /// Brings the view up to date from a network token of this card, as [`wait_for`](crate::NetworkTokens::wait_for) and
    /// [`provision`](crate::NetworkTokens::provision) return it. The token does not say whose it is: that is for the
    /// caller to know.
    ///
    /// It counts as of the time at which it was [asked for](NetworkToken::asked_at), or last changed, whichever is later.
    /// What is known of the card and its other network tokens stays as it is.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let card = cmp::NewCard::new(cmp::Pan::new("5100260000019206")?, cmp::Expiry::new(12, 2030)?);
    /// use cmp::webhooks::CardView;
    ///
    /// let stored = cmp.cards().create(card).await?;
    /// let mut view = CardView::of(stored.card());
    /// let token = cmp.network_tokens().wait_for(stored.id()).await?;
    /// view.read_token(&token);
    /// assert!(view.network_token().is_some_and(|token| token.is_usable()));
    /// # });
    /// ```
    pub fn read_token(&mut self, token: &NetworkToken) -> Applied {
        if self.card_id().is_none() {
            return Applied::NotThisCard;
        }
        let at = token.updated_at().map_or(token.asked_at(), |updated| updated.max(token.asked_at()));
        let stamp = Stamp::of_reading(at);
        let outdated = self.network_tokens.get(place(token)).is_some_and(|known| known.is_after(&stamp));
        let applied = self.change(|view| {
            view.network_tokens.entry(place(token).to_owned()).or_default().read(token, &stamp);
        });
        if applied == Applied::Unchanged && outdated { Applied::Outdated } else { applied }
    }

    fn is_after(&self, stamp: &Stamp) -> bool {
        let card = self.last4.is_after(stamp) || self.expiry.is_after(stamp);
        card || self.network_tokens.values().any(|token| token.is_after(stamp))
    }

    /// Takes what another view of the same card knows, such as one that another receiver stored meanwhile: the result is
    /// as if all events and readings of both had gone into one.
    pub fn merge(&mut self, other: &Self) -> Applied {
        if self.subject != other.subject {
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
        if !self.is_meant_by(event) {
            return Applied::NotThisCard;
        }
        let Some(at) = event.happened_at() else { return Applied::Undated };
        let stamp = Stamp::of_event(event, at);
        match event.details() {
            Details::NetworkToken(token) | Details::V1NetworkToken(token) => {
                self.change(|view| view.take_token(token, &stamp))
            }
            Details::CardUpdate(update) | Details::V1CardUpdate(update) => {
                self.change(|view| view.take_update(update, &stamp))
            }
            Details::Other(_) => Applied::NotThisCard,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) -> Applied {
        let before = self.clone();
        change(self);
        if let Some(reading) = self.all_tokens_read.stamp() {
            for (id, token) in &mut self.network_tokens {
                token.settle(reading, id != NAMELESS);
            }
        }
        if self.shown() == before.shown() { Applied::Unchanged } else { Applied::Changed }
    }

    /// All that can be read from the view but its times.
    fn shown(&self) -> impl PartialEq {
        let tokens: Vec<_> = self.network_tokens.iter().map(|(id, token)| (id, token.shown())).collect();
        let current = self.network_token().map(TokenView::shown);
        (self.last4(), self.expiry(), self.account_updater(), current, tokens)
    }

    /// An event that doesn't name its card is known by a network token that an earlier one told.
    fn is_meant_by(&self, event: &Event) -> bool {
        self.subject.is_named_by(event).unwrap_or_else(|| {
            event.network_token_id().is_some_and(|id| self.network_tokens.contains_key(id.as_str()))
        })
    }

    fn take_token(&mut self, token: &NetworkTokenDetails, stamp: &Stamp) {
        let id = token.network_token_id().map_or(NAMELESS, NetworkTokenId::as_str).to_owned();
        self.network_tokens.entry(id).or_default().take(token, stamp);
        self.last4.offer_known(token.card_last4().and_then(LastFour::new), stamp);
        self.expiry.offer_known(token.card_expiry(), stamp);
    }

    fn take_update(&mut self, update: &CardUpdateDetails, stamp: &Stamp) {
        self.account_updater.offer(Some(update.event().clone()), stamp);
        self.expiry.offer_known(update.new_expiry(), stamp);
        self.take_number(update, stamp);
    }

    /// With a new number the old last four digits are wrong, and `card_last4` may be of either number. An update that
    /// tells a new expiry and no number is of the expiry alone.
    fn take_number(&mut self, update: &CardUpdateDetails, stamp: &Stamp) {
        let number = update.new_account_number();
        let new = number.and_then(|number| last4_of(number.expose()));
        let expiry_alone = number.is_none() && update.new_expiry().is_some();
        if *update.event() == CardEvent::Updated && !expiry_alone {
            self.last4.offer(new, stamp);
        } else {
            self.last4.offer_known(new.or_else(|| update.last4().and_then(LastFour::new)), stamp);
        }
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
        self.last4.value().map(LastFour::as_str)
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
        stamps.into_iter().flatten().map(Stamp::at).max()
    }

    /// What the account updater told last.
    #[must_use]
    pub fn account_updater(&self) -> Option<&CardEvent> {
        self.account_updater.value()
    }

    /// The time of the latest event of the account updater.
    #[must_use]
    pub fn account_updater_at(&self) -> Option<DateTime<Utc>> {
        self.account_updater.stamp().map(Stamp::at)
    }

    /// The network token to look at: the usable one that changed last, without one the one that changed last. What an
    /// event told later without naming a token is of the same one, and is all that is known for sure.
    #[must_use]
    pub fn network_token(&self) -> Option<&TokenView> {
        let (nameless, named): (Vec<_>, Vec<_>) =
            self.network_tokens.iter().partition(|(id, _)| id.as_str() == NAMELESS);
        let named = named.into_iter().map(|(_, token)| token);
        let named = named.max_by_key(|token| (token.is_usable(), token.changed_at()));
        let nameless = nameless.into_iter().map(|(_, token)| token).find(|token| token.state().is_some());
        match (named, nameless) {
            (Some(named), Some(nameless)) if named.changed_at() >= nameless.changed_at() => Some(named),
            (named, nameless) => nameless.or(named),
        }
    }

    /// All network tokens by their ids; the id of a token that came without one is empty.
    pub fn network_tokens(&self) -> impl Iterator<Item = (&str, &TokenView)> {
        self.network_tokens.iter().map(|(id, token)| (id.as_str(), token))
    }
}

fn place(token: &NetworkToken) -> &str {
    token.id().map_or(NAMELESS, NetworkTokenId::as_str)
}

impl fmt::Debug for CardView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardView")
            .field("subject", &self.subject)
            .field("last4", &self.last4())
            .field("expiry", &self.expiry())
            .field("changed_at", &self.changed_at())
            .field("account_updater", &self.account_updater())
            .field("account_updater_at", &self.account_updater_at())
            .field("network_tokens", &self.network_tokens)
            .finish()
    }
}

/// Nothing in a card is newer than the moment at which it was asked for, if the clocks agree; if they don't, at least its
/// own dates are right about each other.
fn as_of(card: &Card) -> DateTime<Utc> {
    let tokens = card.network_tokens().iter().filter_map(NetworkToken::updated_at);
    let updates = card.updates().iter().filter_map(CardUpdate::occurred_at);
    let told = card.updated_at().into_iter().chain(tokens).chain(updates);
    told.fold(card.asked_at(), DateTime::max)
}

/// An alias tells nothing of the number's end.
fn last4_of(number: &str) -> Option<LastFour> {
    if is_pan(number) { LastFour::new(&number[number.len() - 4..]) } else { None }
}

/// The last four digits of a number, and not one more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LastFour(Last4);

impl LastFour {
    fn new(text: &str) -> Option<Self> {
        Last4::new(text).map(Self)
    }

    fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl StoredText for LastFour {
    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_text(text: String) -> Option<Self> {
        Self::new(&text)
    }
}

impl StoredText for Text {
    fn to_text(&self) -> String {
        (**self).to_owned()
    }

    fn from_text(text: String) -> Option<Self> {
        Self::new(text)
    }
}

impl StoredText for () {
    fn to_text(&self) -> String {
        String::new()
    }

    fn from_text(text: String) -> Option<Self> {
        text.is_empty().then_some(())
    }
}

impl StoredText for Expiry {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: String) -> Option<Self> {
        text.parse().ok()
    }
}

impl StoredText for NetworkTokenState {
    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_text(text: String) -> Option<Self> {
        Some(text.into())
    }
}

impl StoredText for CardEvent {
    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_text(text: String) -> Option<Self> {
        Some(card_event(&text))
    }
}
