//! The V1 ("CALM") network token API: a vault's aliases in, network tokens out.
//!
//! It shares the socket, the access tokens, the faults and the clock with CMP. Its bodies and errors
//! are its own.
//!
//! In the real service, an alias may have a card behind it. Here every alias has one, the API
//! reference's sample, unless [`World::v1_outcome`](crate::World::v1_outcome) decides the outcome of
//! enrolling it.

use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use crate::api::endpoint::Endpoint;
use crate::api::request::Context;
use crate::card_data::Expiry;
use crate::how::How;
use crate::http::{JSON, Reply, Request};
use crate::operation::Operation;
use crate::settings::{Readings, Scope, V1Enrolled};
use crate::state::{CARD_BIN, CARD_LAST4, Enrollment, NetworkTokenState, NewEnrollment, State, V1Outcome};

// The scopes are inferred from their names.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        operation: Operation::ProvisionV1NetworkToken,
        scope: Some(Scope::NetworkTokensWrite),
        handle: |state, context| Ok(provision(state, context).unwrap_or_else(Problem::into_reply)),
        outcomes: &[(200, How::EnrolledAlias), (201, How::ValidRequest), (202, How::AcceptedReading)],
        valid_body: Some(|| json!({ "pan_alias": "5573495XKjDP28V7312", "exp_month": 7, "exp_year": 24 })),
    },
    Endpoint {
        operation: Operation::GetV1NetworkToken,
        scope: Some(Scope::NetworkTokensRead),
        handle: |state, context| Ok(get(state, context).unwrap_or_else(Problem::into_reply)),
        outcomes: &[(200, How::ValidRequest)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::DeleteV1NetworkToken,
        scope: Some(Scope::NetworkTokensWrite),
        handle: |state, context| Ok(delete(state, context).unwrap_or_else(Problem::into_reply)),
        outcomes: &[(200, How::ValidRequest)],
        valid_body: None,
    },
];

/// Returns V1's own refusal of a request without a token that has the scope.
pub(crate) fn refusal(state: &State, scope: Scope, request: &Request) -> Option<Reply> {
    let problem = match request.access_token().and_then(|token| state.grant(token)) {
        None => Problem::unauthorized(),
        Some(grant) if grant.has(scope) => return None,
        Some(_) => Problem::forbidden(scope),
    };
    Some(problem.into_reply())
}

/// Answers 201 for a new enrollment, which is always pending. 200 for an existing enrollment is
/// inferred.
fn provision(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let new = new_enrollment(context.request)?;
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

fn get(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let pan_alias = context.card_id;
    state.settle_v1(pan_alias);
    let enrolled = state.v1.get(pan_alias).ok_or_else(Problem::not_found)?;
    let reply = Reply::json(StatusCode::OK, &document(enrolled, &state.settings.readings));
    state.v1.count_get(pan_alias);
    Ok(reply)
}

/// Keeps the token visible in the state `DELETED`: "the result of this operation leads to a token
/// status update".
fn delete(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let pan_alias = context.card_id;
    state.change_v1(pan_alias, NetworkTokenState::Deleted);
    let enrolled = state.v1.get(pan_alias).ok_or_else(Problem::not_found)?;
    Ok(Reply::json(StatusCode::OK, &document(enrolled, &state.settings.readings)))
}

fn new_enrollment(request: &Request) -> Result<NewEnrollment, Problem> {
    if !request.is_of(JSON) {
        return Err(Problem::bad_request("The body must be application/json."));
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
    let members = body.as_object().ok_or_else(|| Problem::bad_request("The body is not a JSON object."))?;
    let pan_alias = member(members, "pan_alias")?.as_str().filter(|alias| !alias.is_empty());
    Ok(NewEnrollment {
        pan_alias: pan_alias.ok_or_else(|| Problem::invalid("pan_alias"))?.to_owned(),
        expiry: Expiry {
            month: integer(members, "exp_month", 1, 12)?,
            year: integer(members, "exp_year", 0, 99)?,
        },
    })
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Value, Problem> {
    members.get(name).ok_or_else(|| Problem::missing(name))
}

/// Returns an integer in the sense of JSON Schema, in which `5.0` is one.
fn integer(members: &Map<String, Value>, name: &str, least: u32, most: u32) -> Result<u32, Problem> {
    let value = member(members, name)?.as_f64();
    (least..=most)
        .find(|candidate| value == Some(f64::from(*candidate)))
        .ok_or_else(|| Problem::invalid(name))
}

/// The API reference names no state of a token that has not arrived; this name is inferred.
const PENDING: &str = "PENDING";

/// `V1NetworkToken`, without a number and an expiry until the token arrives
fn document(enrollment: &Enrollment, readings: &Readings) -> Value {
    let mut document = json!({
        "pan_alias": enrollment.pan_alias,
        "state": enrollment.state.map_or(PENDING.to_owned(), |state| state.name().to_uppercase()),
        "created_at": readings.time(enrollment.created_at),
        "updated_at": readings.time(enrollment.updated_at),
        "card": card(enrollment.expiry, readings),
    });
    if enrollment.has_token() {
        document["network_token_last4"] = readings.number(enrollment.last4());
        document["expires_at"] = year_and_month(enrollment.expiry).into();
    }
    document
}

/// The API reference's sample, with the expiry of the request
fn card(expiry: Expiry, readings: &Readings) -> Value {
    json!({
        "last4": readings.number(CARD_LAST4),
        "bin": readings.number(CARD_BIN),
        "expires_at": year_and_month(expiry),
        "holder_info": {
            "name": "Jane Doe",
            "email": "jane.doe@example.com",
            "number": "+1415-123-4567",
            "billing_address": {
                "name": "John Doe",
                "company": "John Doe Company",
                "address1": "555 Unblock Us St",
                "address2": "M13 9PL",
                "city": "New York",
                "region": "CA",
                "country": "US",
                "postal_code": "12301",
                "phone": "+14842634673"
            }
        }
    })
}

/// `2027-01`
fn year_and_month(expiry: Expiry) -> String {
    format!("20{:02}-{:02}", expiry.year, expiry.month)
}

/// The reason for refusing a request. Its text never repeats the request.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    /// Returns the refusal for an outcome of enrolling, if the outcome is one.
    fn of(outcome: V1Outcome) -> Option<Self> {
        let unprocessable = |code, detail| Some(Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail));
        match outcome {
            V1Outcome::Active | V1Outcome::Failed => None,
            V1Outcome::Declined => {
                let detail = "The card network declined the card.";
                Some(Self::new(StatusCode::NOT_FOUND, "declined", detail))
            }
            V1Outcome::CardNotAllowed => unprocessable("card-not-allowed", "The card cannot be enrolled."),
            V1Outcome::CardBrandNotSupported => {
                unprocessable("card-brand-not-supported", "Cards of this brand cannot be enrolled.")
            }
            V1Outcome::Rejected => unprocessable("rejected", "The card network rejected the request."),
        }
    }

    fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    fn missing(name: &str) -> Self {
        let detail = format!("{name} is missing.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "required-fields-missing", detail)
    }

    fn invalid(name: &str) -> Self {
        let detail = format!("{name} has the wrong format.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-format", detail)
    }

    fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The access token is missing, wrong or expired.")
    }

    fn forbidden(scope: Scope) -> Self {
        let detail = format!("The access token lacks the scope {}.", scope.name());
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no network token for this alias.")
    }

    fn into_reply(self) -> Reply {
        let reply = Reply::json(self.status, &error_document(self.code, &self.detail));
        match self.status {
            StatusCode::UNAUTHORIZED => reply.with_header(header::WWW_AUTHENTICATE, "Bearer"),
            _ => reply,
        }
    }
}

/// `V1ErrorResponse`
fn error_document(code: &str, detail: &str) -> Value {
    json!({ "errors": [{ "code": code, "detail": detail }] })
}

/// Returns a scripted error response.
pub(crate) fn error_reply(status: StatusCode, code: &str) -> Reply {
    Reply::json(status, &error_document(code, "A fault of the simulator gave this answer."))
}
