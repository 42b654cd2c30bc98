//! Reading a card with its network tokens, whatever the service makes of `include`.
//!
//! The documents have the parameter `include`, and neither say whether `included` comes without it nor which names it
//! takes. So a client finds out by its own answers, and keeps to what worked (see [`Lookups`]):
//!
//! 1. It asks without `include`. A network token in the answer proves that network tokens come unasked.
//! 2. Otherwise it asks for all that is documented by name, and where that is refused for network tokens alone. A network
//!    token in the answer proves that they come if they are asked for.
//! 3. If all names are refused, it asks without `include` from then on.
//!
//! A refusal is a 400 or its like, and it counts because the same request without `include` has just been answered: that
//! request comes first, or, where names had worked before, right after the refusal. Any other failure of a second look leaves
//! open what it would have shown. Where the network token matters it fails the read; otherwise the card of the first look is
//! returned, with a list that is not complete.
//!
//! Until something is proven, a read that finds no network token costs a second request. Reads for which the network token
//! matters always make it; others make it for the first sixteen times, for the sake of clients whose cards have
//! no network tokens at all.
//!
//! A lesson holds until an answer contradicts it: names that had worked are refused, or the card's `relationships` name a
//! network token that the answer does not show, or may name one and can't be read, or what is included can't be read. The
//! other way of asking is then tried, and learnt if it shows the token.

use super::model::Card;
use crate::{
    call::{Call, Learnt, Lookups},
    error::{Error, ErrorKind, Result},
    operation::Operation,
    value::{CardId, open::open_enum},
};

const ALL: [Include; 3] = [Include::NetworkTokens, Include::CardUpdates, Include::CardUpdateSubscriptions];
const NETWORK_TOKENS: [Include; 1] = [Include::NetworkTokens];

/// Returns the names to ask by, if names are what works.
fn names(learnt: Learnt) -> Option<&'static [Include]> {
    match learnt {
        Learnt::AllByName => Some(&ALL),
        Learnt::TokensByName => Some(&NETWORK_TOKENS),
        Learnt::Nothing | Learnt::Unasked | Learnt::Refused => None,
    }
}

open_enum! {
    /// A resource to include with a card.
    ///
    /// The documents say only that `include` is a comma-delimited list. These are the documented types of `included`.
    Include {
        /// The card's network tokens.
        NetworkTokens = "network_tokens",
        /// The updates that the account updater reported.
        CardUpdates = "card_updates",
        /// The subscription to such updates.
        CardUpdateSubscriptions = "card_update_subscriptions",
    }
}

/// What a read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The card, with what comes along.
    Card,
    /// The card's network tokens. An empty list means that the service showed none when it was asked for them.
    NetworkTokens,
}

/// Sends one request, with these names or without `include`.
///
/// The card is in a box, because the future of each caller would have places for several cards.
pub(super) async fn get(call: &mut Call<'_>, id: &CardId, include: &[Include]) -> Result<Box<Card>> {
    let names = comma_delimited(include);
    let (path, names) = (id.as_str(), names.as_deref());
    let send = |client: cmp_generated::Client| async move { client.get_card(path, names).await };
    call.send(Operation::GetCard, send, |head, answer| Card::of(id, answer, head.asked_at)).await
}

fn comma_delimited(include: &[Include]) -> Option<String> {
    (!include.is_empty()).then(|| include.iter().map(Include::as_str).collect::<Vec<_>>().join(","))
}

/// Reads a card for its network tokens, in a way that shows them whether or not they are included unasked.
pub(crate) async fn read_for_tokens(call: &mut Call<'_>, id: &CardId) -> Result<Card> {
    read(call, id, Purpose::NetworkTokens).await.map(|card| *card)
}

pub(super) async fn read(call: &mut Call<'_>, id: &CardId, purpose: Purpose) -> Result<Box<Card>> {
    let lookups = &call.core().lookups;
    Reading { lookups, call, id, purpose, learnt: lookups.learnt() }.finish().await
}

/// The requests of one read.
struct Reading<'r, 'c> {
    lookups: &'c Lookups,
    call: &'r mut Call<'c>,
    id: &'r CardId,
    purpose: Purpose,
    learnt: Learnt,
}

impl Reading<'_, '_> {
    async fn finish(mut self) -> Result<Box<Card>> {
        if let Some(names) = names(self.learnt) {
            match self.by_name(names).await? {
                Some(card) if self.is_enough(&card) => return Ok(card.listing_what_it_names()),
                Some(card) => {
                    let unasked = self.unasked().await?;
                    return Ok(if is_whole(&unasked) { self.came_unasked(unasked) } else { card });
                }
                None => {
                    let unasked = self.unasked().await?;
                    self.lookups.learn(self.learnt, Learnt::Nothing);
                    self.learnt = Learnt::Nothing;
                    return self.go_on_from(unasked).await;
                }
            }
        }
        let unasked = self.unasked().await?;
        self.go_on_from(unasked).await
    }

    async fn go_on_from(mut self, unasked: Box<Card>) -> Result<Box<Card>> {
        if is_whole(&unasked) {
            return Ok(self.came_unasked(unasked));
        }
        match self.learnt {
            Learnt::Refused => Ok(unasked),
            Learnt::Unasked if self.is_enough(&unasked) => Ok(unasked.listing_what_it_names()),
            Learnt::Nothing if !self.looks_twice() => Ok(unasked),
            _ => self.second_look(unasked).await,
        }
    }

    /// Whether an answer to a proven way of asking can stay the only one.
    fn is_enough(&self, card: &Card) -> bool {
        !card.may_hide_tokens() || !self.looks_twice()
    }

    fn looks_twice(&self) -> bool {
        self.purpose == Purpose::NetworkTokens || self.lookups.looks_twice()
    }

    /// Asks by name for what did not come unasked.
    async fn second_look(&mut self, unasked: Box<Card>) -> Result<Box<Card>> {
        for (names, lesson) in [(&ALL[..], Learnt::AllByName), (&NETWORK_TOKENS[..], Learnt::TokensByName)] {
            let by_name = match self.by_name(names).await {
                Ok(Some(card)) => card,
                Ok(None) => continue,
                Err(_) if self.purpose == Purpose::Card => return Ok(unasked),
                Err(error) => return Err(error),
            };
            if is_whole(&by_name) {
                self.lookups.learn(self.learnt, lesson);
                return Ok(by_name.listing_what_it_names());
            }
            // Asked by name and answered with a list, even an empty one (JSON:API 1.1, "Inclusion of Related Resources").
            let listed = by_name.has_included() && !by_name.may_hide_tokens();
            let card = if by_name.included_count() > unasked.included_count() { by_name } else { unasked };
            return Ok(if listed { card.listing_what_it_names() } else { card });
        }
        if self.learnt == Learnt::Nothing {
            self.lookups.learn(Learnt::Nothing, Learnt::Refused);
        }
        Ok(unasked)
    }

    fn came_unasked(&self, card: Box<Card>) -> Box<Card> {
        self.lookups.learn_unasked();
        card.listing_what_it_names()
    }

    async fn unasked(&mut self) -> Result<Box<Card>> {
        get(self.call, self.id, &[]).await
    }

    /// `None` if the service refuses the names.
    async fn by_name(&mut self, names: &[Include]) -> Result<Option<Box<Card>>> {
        match get(self.call, self.id, names).await {
            Err(error) if is_refusal(&error) => Ok(None),
            answer => answer.map(Some),
        }
    }
}

/// Whether the service refuses the form of the request.
fn is_refusal(error: &Error) -> bool {
    (error.is_invalid_request() && error.status().is_some())
        || (error.kind() == ErrorKind::Service && matches!(error.status(), Some(405 | 414 | 501)))
}

/// Network tokens came, and none that the card names is missing.
fn is_whole(card: &Card) -> bool {
    !card.network_tokens.is_empty() && !card.may_hide_tokens()
}
