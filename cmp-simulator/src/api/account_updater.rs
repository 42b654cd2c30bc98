//! `/cards/{card_id}/card-update-subscriptions` and `/cards/{card_id}/check`.

use http::StatusCode;

use crate::api::documents::Documents;
use crate::api::endpoint::Endpoint;
use crate::api::problem::Problem;
use crate::api::request::Context;
use crate::card_data::Brand;
use crate::how::How;
use crate::http::Reply;
use crate::operation::Operation;
use crate::settings::Scope;
use crate::state::State;

// The documents name the scope of the first two; that of a check is inferred.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        operation: Operation::SubscribeToCardUpdates,
        scope: Some(Scope::CardsWrite),
        handle: subscribe,
        outcomes: &[(200, How::Subscribed), (201, How::Unsubscribed), (400, How::WalletNumber)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::UnsubscribeFromCardUpdates,
        scope: Some(Scope::CardsWrite),
        handle: unsubscribe,
        outcomes: &[(204, How::Subscribed), (429, How::ScriptedStatus)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::CheckForCardUpdates,
        scope: Some(Scope::CardsWrite),
        handle: check,
        outcomes: &[(200, How::ValidRequest), (400, How::WalletNumber)],
        valid_body: None,
    },
];

/// Answers 201 for a new subscription and 200 for one that was there before.
fn subscribe(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    if card.is_of_a_wallet() {
        return Err(Problem::bad_request("A wallet's number gets no account updates."));
    }
    let status = if card.is_subscribed() { StatusCode::OK } else { StatusCode::CREATED };
    if status == StatusCode::CREATED {
        state.subscribe(context.card_id);
    }
    let card = state.stored(context.card_id).ok_or_else(Problem::no_such_card)?;
    let subscription = card.subscription.as_ref().ok_or_else(no_subscription)?;
    let documents = Documents::new(&state.settings, context);
    Ok(Reply::json_api(status, &documents.one(&documents.subscription_resource(card, subscription))))
}

fn unsubscribe(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    card.subscription.take().ok_or_else(no_subscription)?;
    card.unsubscribed = true;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn no_subscription() -> Problem {
    Problem::not_found("The card is not subscribed to updates.")
}

/// Answers with the latest update. The documents show no answer: see the reading `check`.
fn check(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    let answers_all = matches!(card.brand(), Some(Brand::Visa | Brand::Mastercard));
    if card.is_of_a_wallet() || !answers_all && !card.is_subscribed() {
        return Err(Problem::bad_request("The card network answers for subscribed cards only."));
    }
    state.check_for_update(context.card_id);
    let card = state.stored(context.card_id).ok_or_else(Problem::no_such_card)?;
    let update = card.updates.last().ok_or_else(no_subscription)?;
    let documents = Documents::new(&state.settings, context);
    Ok(Reply::json_api(StatusCode::OK, &documents.check(&documents.update_resource(card, update))))
}
