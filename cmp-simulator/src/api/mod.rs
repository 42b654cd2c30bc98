//! The API: takes a request and the account, returns a reply. No sockets here.

mod account_updater;
mod amount;
mod cards;
mod documents;
mod network_tokens;
mod oauth;
mod problem;
mod request;
mod v1;

use std::borrow::Cow;

use http::{Method, StatusCode, header};

use crate::api::request::Context;
use crate::http::{Reply, Request, path_segments};
use crate::operation::Operation;
use crate::state::State;

pub(crate) use problem::{Problem, code_of, error_reply, forbidden_reply, html_page};
pub(crate) use v1::error_reply as v1_error_reply;

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
        Operation::RequestCryptogram => network_tokens::cryptogram,
        Operation::SubscribeToCardUpdates => account_updater::subscribe,
        Operation::UnsubscribeFromCardUpdates => account_updater::unsubscribe,
        Operation::CheckForCardUpdates => account_updater::check,
        Operation::ProvisionV1NetworkToken
        | Operation::GetV1NetworkToken
        | Operation::DeleteV1NetworkToken => {
            return Ok(v1::answer(state, operation, context.card_id, context.request));
        }
        Operation::Token => return Ok(oauth::token(state, context.request)),
    };
    if let Some(scope) = operation.scope() {
        let token = context.request.access_token().ok_or_else(Problem::unauthorized)?;
        let grant = state.grant(token).cloned().ok_or_else(Problem::unauthorized)?;
        if !grant.has(scope) {
            return Err(Problem::missing_scope(scope, state.settings.readings.missing_scope));
        }
        context.grant = Some(grant);
    }
    handle(state, context)
}

/// Where a request goes.
pub(crate) enum Route<'a> {
    Operation {
        operation: Operation,
        /// The card's id or the alias in the path; empty without one
        id: Cow<'a, str>,
    },
    /// The path has other methods.
    OtherMethod {
        allow: String,
    },
    Unknown,
}

pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    // RFC 9110, 9.3.2: HEAD is GET without the body, which the HTTP library leaves out.
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let Some(segments) = path_segments(path) else { return Route::Unknown };
    let here: Vec<_> = Operation::ALL
        .into_iter()
        .filter_map(|operation| Some((operation, matches(operation.path_template(), &segments)?)))
        .collect();
    if let Some((operation, id)) = here.iter().find(|(operation, _)| operation.method() == *wanted) {
        return Route::Operation { operation: *operation, id: id.clone() };
    }
    if here.is_empty() {
        return Route::Unknown;
    }
    let mut allow: Vec<_> = here.iter().map(|(operation, _)| operation.method().to_string()).collect();
    if allow.iter().any(|method| method == "GET") {
        allow.push("HEAD".to_owned());
    }
    allow.push("OPTIONS".to_owned());
    Route::OtherMethod { allow: allow.join(", ") }
}

/// Returns the text at the template's parameter, or an empty one. Returns `None` for another path.
fn matches<'a>(template: &str, segments: &[Cow<'a, str>]) -> Option<Cow<'a, str>> {
    let wanted: Vec<_> = template.trim_start_matches('/').split('/').collect();
    if wanted.len() != segments.len() {
        return None;
    }
    let mut id = Cow::from("");
    for (wanted, segment) in wanted.iter().zip(segments) {
        match wanted.starts_with('{') {
            true if !segment.is_empty() => id = segment.clone(),
            false if wanted == segment => {}
            _ => return None,
        }
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let cases = [
            (Method::POST, "/cards", "create_card"),
            (Method::GET, "/cards/CRD1", "get_card CRD1"),
            (Method::HEAD, "/cards/CRD1", "get_card CRD1"),
            (Method::POST, "/cards/CRD1/cryptogram", "request_cryptogram CRD1"),
            (Method::DELETE, "/cards/CRD1/card-update-subscriptions", "unsubscribe_from_card_updates CRD1"),
            (Method::POST, "/network-tokens", "provision_v1_network_token"),
            (Method::DELETE, "/network-tokens/1X2", "delete_v1_network_token 1X2"),
            (Method::GET, "/cards/%43RD1", "get_card CRD1"),
            (Method::POST, "/c%61rds/CRD%31/crypto%67ram", "request_cryptogram CRD1"),
            (Method::GET, "/network%2Dtokens/1%58", "get_v1_network_token 1X"),
            (Method::GET, "/cards/a%2Fb", "get_card a/b"),
            (Method::GET, "/cards/%2e%2e", "get_card .."),
            (Method::GET, "/cards%2FCRD1", "unknown"),
            (Method::GET, "/cards/%zz", "unknown"),
            (Method::GET, "/cards/CRD1/", "unknown"),
            (Method::PUT, "/cards/CRD1", "allow GET, PATCH, DELETE, HEAD, OPTIONS"),
            (Method::GET, "/cards", "allow POST, OPTIONS"),
            (Method::GET, "/cards/", "unknown"),
            (Method::GET, "/cards/a/b/network-tokens", "unknown"),
            (Method::GET, "/", "unknown"),
        ];
        for (method, path, expected) in cases {
            let got = match route(&method, path) {
                Route::Operation { operation, id } => format!("{operation} {id}").trim().to_owned(),
                Route::OtherMethod { allow } => format!("allow {allow}"),
                Route::Unknown => "unknown".to_owned(),
            };
            assert_eq!(got, expected, "{method} {path}");
        }
    }
}
