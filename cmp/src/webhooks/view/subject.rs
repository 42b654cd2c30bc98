use serde::{Deserialize, Serialize};

use crate::{
    v1::PanAlias,
    value::CardId,
    webhooks::{CardUpdateDetails, Details, Event},
};

/// What a view or a wait is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Subject {
    #[serde(rename = "card_id")]
    Card(CardId),
    #[serde(rename = "pan_alias")]
    Alias(PanAlias),
}

impl Subject {
    /// Whether an event names this card or another one; `None` if it names none.
    pub(super) fn is_named_by(&self, event: &Event) -> Option<bool> {
        match self {
            Self::Card(card) => event.card_id().map(|named| named == card),
            Self::Alias(alias) => match event.details() {
                Details::NetworkToken(token) | Details::V1NetworkToken(token) => {
                    token.pan_alias().map(|named| named == alias)
                }
                Details::CardUpdate(update) | Details::V1CardUpdate(update) => is_named_in(update, alias),
                Details::Other(_) => None,
            },
        }
    }

    /// Whether an event is about a network token of this card, as far as the event says.
    pub(crate) fn may_have_token_in(&self, event: &Event) -> bool {
        let of_a_token = matches!(event.details(), Details::NetworkToken(_) | Details::V1NetworkToken(_));
        of_a_token && self.is_named_by(event) != Some(false)
    }
}

/// The account updater names a card by its number, in whose place V1 has the alias (inferred).
fn is_named_in(update: &CardUpdateDetails, alias: &PanAlias) -> Option<bool> {
    let numbers = [update.old_account_number(), update.new_account_number()];
    let mut names = numbers.into_iter().flatten().map(|number| number.expose() == alias.as_str()).peekable();
    names.peek().is_some().then(|| names.any(|named| named))
}
