//! `/cards/{card_id}/network-tokens`.

use http::StatusCode;

use super::documents::Documents;
use super::{Context, Problem};
use crate::http::Reply;
use crate::state::{Provisioned, State};

/// 200 for a token that was there, 201 for a new one. What the card network refuses is a new token too, in
/// the state `failed`.
pub(crate) fn provision(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    state.settle(context.card_id);
    let status = match state.provision(context.card_id).ok_or_else(Problem::no_such_card)? {
        Provisioned::Existing => StatusCode::OK,
        Provisioned::Created => StatusCode::CREATED,
    };
    let card = state.stored(context.card_id).ok_or_else(Problem::no_such_card)?;
    let token = card.usable_token().or(card.tokens.last()).ok_or_else(no_such_token)?;
    Ok(Reply::json_api(status, &Documents::new(&state.settings, context).network_token(token)))
}

/// Afterwards the card's document shows none of its tokens, as the operation's description says.
pub(crate) fn delete(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    if card.tokens.is_empty() {
        return Err(no_such_token());
    }
    card.tokens.clear();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn no_such_token() -> Problem {
    Problem::not_found("The card has no network token.")
}
