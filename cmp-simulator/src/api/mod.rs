//! The API itself: a request and the state in, a reply out. No sockets here.

mod amount;
mod cards;
mod checks;
mod cryptogram;
mod documents;
pub(crate) mod form;
mod network_tokens;
mod oauth;
mod problem;
mod route;

use http::header;
use http::{Method, StatusCode};
use serde_json::Value;

pub(crate) use problem::{Problem, code_of, error_reply, forbidden_reply, html_page};
pub(crate) use route::{Route, route};

use crate::http::{Reply, Request, bearer, media_type};
use crate::operation::Operation;
use crate::state::{Grant, State};
use crate::v1;

/// What every operation gets.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    /// The parameter of the path, for V1 the alias; empty for operations without one
    pub(crate) card_id: &'a str,
    pub(crate) base_url: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) fingerprint: String,
    pub(crate) grant: Option<Grant>,
}

/// Answers one request.
pub(crate) fn answer(state: &mut State, request: &Request, base_url: &str, trace_id: &str) -> Reply {
    let reply = match route(&request.method, &request.path) {
        Route::Operation { operation, id: card_id } => {
            let fingerprint = state.ids.fingerprint();
            let mut context =
                Context { request, card_id: &card_id, base_url, trace_id, fingerprint, grant: None };
            dispatch(state, operation, &mut context)
        }
        Route::OtherMethod { allow } if request.method == Method::OPTIONS => {
            Ok(Reply::empty(StatusCode::NO_CONTENT).with_header(header::ALLOW, &allow))
        }
        Route::OtherMethod { allow } => Err(Problem::method_not_allowed(allow)),
        Route::Unknown => Err(Problem::not_found("There is nothing at this path.")),
    };
    reply.unwrap_or_else(|problem| problem.into_reply(state, trace_id))
}

fn dispatch(state: &mut State, operation: Operation, context: &mut Context<'_>) -> Result<Reply, Problem> {
    let handle: fn(&mut State, &Context<'_>) -> Result<Reply, Problem> = match operation {
        Operation::CreateCard => cards::create,
        Operation::GetCard => cards::get,
        Operation::UpdateCard => cards::update,
        Operation::DeleteCard => cards::delete,
        Operation::ProvisionNetworkToken => network_tokens::provision,
        Operation::DeleteNetworkToken => network_tokens::delete,
        Operation::RequestCryptogram => cryptogram::request,
        Operation::ProvisionV1NetworkToken
        | Operation::GetV1NetworkToken
        | Operation::DeleteV1NetworkToken => {
            return Ok(v1::answer(state, operation, context.card_id, context.request));
        }
        Operation::Token => return Ok(oauth::token(state, context.request)),
    };
    if let Some(scope) = operation.scope() {
        let token = bearer::access_token(context.request).ok_or_else(Problem::unauthorized)?;
        let grant = state.grant(token).cloned().ok_or_else(Problem::unauthorized)?;
        if !grant.has(scope) {
            return Err(Problem::missing_scope(scope, state.settings.readings.missing_scope));
        }
        context.grant = Some(grant);
    }
    handle(state, context)
}

/// The JSON object in the body; `None` for no body at all.
fn json_body(request: &Request) -> Result<Option<Value>, Problem> {
    if request.body.is_empty() {
        return Ok(None);
    }
    if !media_type::is_json_api(request) {
        return Err(Problem::unsupported_media_type());
    }
    let document: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
    if document.is_object() {
        Ok(Some(document))
    } else {
        Err(Problem::bad_request("The body is not a JSON object."))
    }
}
