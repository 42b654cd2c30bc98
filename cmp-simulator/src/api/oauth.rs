//! The OAuth token endpoint: client credentials only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde_json::json;

use crate::api::endpoint::Endpoint;
use crate::how::How;
use crate::http::{FORM, Reply, Request, decode_form, form_pairs};
use crate::operation::Operation;
use crate::settings::{Scope, ServiceAccount};
use crate::state::State;

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    operation: Operation::Token,
    scope: None,
    handle: |state, context| Ok(token(state, context.request)),
    outcomes: &[(200, How::ValidRequest), (400, How::NoGrantType), (401, How::WrongClientSecret)],
    valid_body: None,
}];

/// Issues an access token. Errors have the form of RFC 6749, 5.2.
fn token(state: &mut State, request: &Request) -> Reply {
    if !request.is_of(FORM) {
        return refused(StatusCode::BAD_REQUEST, "invalid_request", "The request must be a form.");
    }
    let form = form_pairs(&request.body);
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant_type");
        }
        None => {
            return refused(StatusCode::BAD_REQUEST, "invalid_request", "Missing form parameter: grant_type");
        }
    }
    let basic = basic_credentials(request);
    let (client_id, client_secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (field("client_id"), field("client_secret")),
    };
    let account = state
        .settings
        .accounts
        .iter()
        .find(|account| {
            Some(account.client_id()) == client_id && Some(account.client_secret()) == client_secret
        })
        .cloned();
    let Some(account) = account else {
        return refused(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Invalid client or Invalid client credentials",
        );
    };
    let Some(scopes) = scopes(&account, field("scope")) else {
        return refused(StatusCode::BAD_REQUEST, "invalid_scope", "Invalid scopes");
    };
    let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let body = json!({
        "scope": names.join(" "),
        "access_token": state.mint(&account, scopes),
        "token_type": "Bearer",
        "expires_in": account.lifetime_seconds(),
        "refresh_expires_in": 0,
        "not-before-policy": 0,
    });
    Reply::json(StatusCode::OK, &body).with_header(header::CACHE_CONTROL, "no-store")
}

/// Returns the wanted scopes, or all of the account's without `scope`. Returns `None` for a scope
/// that it lacks.
fn scopes(account: &ServiceAccount, wanted: Option<&str>) -> Option<Vec<Scope>> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return Some(account.granted().to_vec());
    };
    wanted
        .split(' ')
        .map(|name| Scope::from_name(name).filter(|scope| account.granted().contains(scope)))
        .collect()
}

/// Reads both halves as form-encoded (RFC 6749, 2.3.1).
fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header(&header::AUTHORIZATION)?.split_once(' ')?;
    let joined = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
    let colon = joined.iter().position(|byte| *byte == b':')?;
    Some((decode_form(&joined[..colon]), decode_form(&joined[colon + 1..])))
}

fn refused(status: StatusCode, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": description }))
        .with_header(header::CACHE_CONTROL, "no-store")
}
