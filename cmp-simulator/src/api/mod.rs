//! The API: takes a request and the account, returns a reply. No sockets here.

mod account_updater;
mod amount;
mod cards;
mod documents;
mod endpoint;
mod network_tokens;
mod oauth;
mod problem;
mod request;
mod v1;

use std::borrow::Cow;

use http::{Method, StatusCode, header};

use crate::api::endpoint::Endpoint;
use crate::api::request::Context;
use crate::http::{Reply, Request, path_segments};
use crate::operation::Operation;
use crate::settings::Scope;
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

/// The endpoints of CMP.
const CMP: [&[Endpoint]; 3] = [cards::ENDPOINTS, network_tokens::ENDPOINTS, account_updater::ENDPOINTS];

/// Returns what the simulator does for an operation. `None` for one that the contract has and the simulator lacks.
pub(crate) fn endpoint(operation: Operation) -> Option<&'static Endpoint> {
    let all = CMP.into_iter().chain([v1::ENDPOINTS, oauth::ENDPOINTS]);
    all.flatten().find(|endpoint| endpoint.operation == operation)
}

impl Operation {
    /// Returns the operations of the CMP API.
    pub fn cmp() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|operation| *operation != Self::Token && !operation.is_v1())
    }

    /// Returns the operations of the V1 network token API.
    pub fn v1() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|operation| operation.is_v1())
    }

    /// Returns `true` for an operation of the V1 network token API.
    pub fn is_v1(self) -> bool {
        v1::ENDPOINTS.iter().any(|endpoint| endpoint.operation == self)
    }

    /// Returns the scope that the access token must have; `None` for the token endpoint.
    ///
    /// `cards:read-pci` decides whether `pan` and `cvc` come back (guide, step 1); no operation demands it.
    pub fn scope(self) -> Option<Scope> {
        endpoint(self)?.scope
    }
}

fn dispatch(state: &mut State, operation: Operation, context: &mut Context<'_>) -> Result<Reply, Problem> {
    if operation != Operation::Token
        && let Some(refusal) = rate_limited(state, operation, context.trace_id)
    {
        return Ok(refusal);
    }
    let endpoint =
        endpoint(operation).ok_or_else(|| Problem::not_found("The simulator lacks this operation."))?;
    match endpoint.scope {
        Some(scope) if operation.is_v1() => {
            if let Some(refusal) = v1::refusal(state, scope, context.request) {
                return Ok(refusal);
            }
        }
        Some(scope) => {
            let token = context.request.access_token().ok_or_else(Problem::unauthorized)?;
            let grant = state.grant(token).cloned().ok_or_else(Problem::unauthorized)?;
            if !grant.has(scope) {
                return Err(Problem::missing_scope(scope, state.settings.readings.missing_scope));
            }
            context.grant = Some(grant);
        }
        None => {}
    }
    (endpoint.handle)(state, context)
}

/// Returns a 429 if the account has sent too many requests.
fn rate_limited(state: &mut State, operation: Operation, trace_id: &str) -> Option<Reply> {
    let limit = state.settings.rate_limit.clone()?;
    let seconds = state.rate_limit.take(&limit, state.now()).err()?;
    let status = StatusCode::TOO_MANY_REQUESTS;
    let reply = if operation.is_v1() {
        v1_error_reply(status, code_of(status))
    } else {
        error_reply(status, &state.ids.fingerprint(), trace_id)
    };
    Some(if limit.retry_after { reply.with_header(header::RETRY_AFTER, &seconds.to_string()) } else { reply })
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
            (Method::PUT, "/cards/CRD1", "allow DELETE, GET, PATCH, HEAD, OPTIONS"),
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
