use http::{StatusCode, header};
use serde_json::{Value, json};

use super::V1Outcome;
use crate::http::Reply;
use crate::state::Scope;

/// Why a request is refused. No text in it ever repeats what the request said.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    /// The refusal that enrolling ends with, if it does.
    pub(super) fn of(outcome: V1Outcome) -> Option<Self> {
        let unprocessable = |code, detail| Some(Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail));
        match outcome {
            V1Outcome::Active | V1Outcome::Failed => None,
            V1Outcome::Declined => {
                let detail = "The card network declined the card.";
                Some(Self::new(StatusCode::NOT_FOUND, "declined", detail))
            }
            V1Outcome::CardNotAllowed => unprocessable("card-not-allowed", "The card can't be enrolled."),
            V1Outcome::CardBrandNotSupported => {
                unprocessable("card-brand-not-supported", "Cards of this brand can't be enrolled.")
            }
            V1Outcome::Rejected => unprocessable("rejected", "The card network rejected the request."),
        }
    }

    pub(super) fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(super) fn missing(name: &str) -> Self {
        let detail = format!("{name} is missing.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "required-fields-missing", detail)
    }

    pub(super) fn invalid(name: &str) -> Self {
        let detail = format!("{name} has the wrong format.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-format", detail)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The access token is missing, wrong or expired.")
    }

    pub(super) fn forbidden(scope: Scope) -> Self {
        let detail = format!("The access token lacks the scope {}.", scope.name());
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no network token for this alias.")
    }

    pub(super) fn into_reply(self) -> Reply {
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

/// A scripted error answer.
pub(crate) fn error_reply(status: StatusCode, code: &str) -> Reply {
    Reply::json(status, &error_document(code, "The simulator was told to answer so."))
}
