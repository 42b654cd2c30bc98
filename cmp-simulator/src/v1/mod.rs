//! The V1 ("CALM") network token API: a vault's aliases in, network tokens out. It shares the socket, the access tokens,
//! the faults and the clock with CMP, and has bodies and errors of its own.
//!
//! The real service finds a card behind an alias. Here every alias has one, the card of the API reference's sample,
//! unless [`World::v1_outcome`](crate::World::v1_outcome) says how enrolling it ends.

mod document;
mod enrollment;
mod lifecycle;
mod outcome;
mod problem;
mod request;

use http::StatusCode;

use document::document;
pub use enrollment::V1TokenView;
pub(crate) use enrollment::{CARD_BIN, CARD_LAST4, Enrollment, Enrollments};
pub use outcome::V1Outcome;
use problem::Problem;
pub(crate) use problem::error_reply;
use request::NewEnrollment;

use crate::http::{Reply, Request, bearer};
use crate::operation::Operation;
use crate::readings::V1Enrolled;
use crate::state::{NetworkTokenState, State};

/// Answers one request for a V1 operation; `pan_alias` is empty for one without it in its path.
pub(crate) fn answer(state: &mut State, operation: Operation, pan_alias: &str, request: &Request) -> Reply {
    let reply = allowed(state, operation, request).and_then(|()| match operation {
        Operation::ProvisionV1NetworkToken => provision(state, request),
        Operation::GetV1NetworkToken => get(state, pan_alias),
        _ => delete(state, pan_alias),
    });
    reply.unwrap_or_else(Problem::into_reply)
}

fn allowed(state: &State, operation: Operation, request: &Request) -> Result<(), Problem> {
    let token = bearer::access_token(request).ok_or_else(Problem::unauthorized)?;
    let grant = state.grant(token).ok_or_else(Problem::unauthorized)?;
    match operation.scope() {
        Some(scope) if !grant.has(scope) => Err(Problem::forbidden(scope)),
        _ => Ok(()),
    }
}

/// 201 for a new enrollment, which is always pending; 200, inferred, for a card that is enrolled already.
fn provision(state: &mut State, request: &Request) -> Result<Reply, Problem> {
    let new = NewEnrollment::read(request)?;
    if let Some(problem) = Problem::of(state.v1.outcome(&new.pan_alias)) {
        return Err(problem);
    }
    state.settle_v1(&new.pan_alias);
    if let Some(enrolled) = state.v1.get(&new.pan_alias).filter(|enrolled| !enrolled.is_over()) {
        return Ok(Reply::json(StatusCode::OK, &document(enrolled, &state.settings.readings)));
    }
    let arrival = state.token_arrival();
    let now = state.now();
    let enrolled = state.v1.enroll(new, arrival, now, &mut state.ids);
    let status = match state.settings.readings.v1_enrolled {
        V1Enrolled::Created => StatusCode::CREATED,
        V1Enrolled::Accepted => StatusCode::ACCEPTED,
    };
    Ok(Reply::json(status, &document(enrolled, &state.settings.readings)))
}

fn get(state: &mut State, pan_alias: &str) -> Result<Reply, Problem> {
    state.settle_v1(pan_alias);
    let enrolled = state.v1.get(pan_alias).ok_or_else(Problem::not_found)?;
    let reply = Reply::json(StatusCode::OK, &document(enrolled, &state.settings.readings));
    state.v1.count_get(pan_alias);
    Ok(reply)
}

/// The token stays visible in the state `DELETED`: "the result of this operation leads to a token status update".
fn delete(state: &mut State, pan_alias: &str) -> Result<Reply, Problem> {
    state.change_v1(pan_alias, NetworkTokenState::Deleted);
    let enrolled = state.v1.get(pan_alias).ok_or_else(Problem::not_found)?;
    Ok(Reply::json(StatusCode::OK, &document(enrolled, &state.settings.readings)))
}
