//! Error responses, each in its documented form.

use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::http::{HTML, JSON_API, Reply};
use crate::settings::{ForbiddenBody, GatewayBody, Scope};
use crate::state::State;

const SCRIPTED: &str = "A fault of the simulator gave this answer.";

/// The reason for refusing a request. Its text never repeats the request.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    path: Option<String>,
    allow: Option<String>,
    body: ForbiddenBody,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), path: None, allow: None, body: ForbiddenBody::Error }
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "No credentials were provided, or the provided credentials were expired.",
        )
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Valid credentials were provided, but they do not permit access to this resource.",
        )
    }

    pub(crate) fn missing_scope(scope: Scope, body: ForbiddenBody) -> Self {
        let detail = format!("The access token lacks the scope {}.", scope.name());
        Self { body, ..Self::new(StatusCode::FORBIDDEN, "forbidden", detail) }
    }

    /// The documents' table of error codes has none for 404; this one is inferred.
    pub(crate) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn no_such_card() -> Self {
        Self::not_found("There is no card with this id.")
    }

    pub(crate) fn method_not_allowed(allow: String) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The path does not have this method.",
            )
        }
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            format!("The body must be {JSON_API}."),
        )
    }

    pub(crate) fn missing_field(path: String) -> Self {
        Self {
            path: Some(path),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "missing-required-field",
                "A required member is missing.",
            )
        }
    }

    pub(crate) fn invalid(path: String, detail: impl Into<String>) -> Self {
        Self { path: Some(path), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed", detail) }
    }

    pub(crate) fn failed_dependency(status: StatusCode) -> Self {
        Self::new(status, "failed-dependency", "The card has no active network token.")
    }

    pub(crate) fn into_reply(self, state: &mut State, trace_id: &str) -> Reply {
        let document = match self.body {
            ForbiddenBody::Forbidden => forbidden_document(self.status, &self.detail),
            ForbiddenBody::Error => {
                let mut error = error_object(self.code, self.status, &self.detail, &state.ids.fingerprint());
                if let Some(path) = self.path {
                    error["path"] = path.into();
                }
                error_document(&error, trace_id)
            }
        };
        let reply = Reply::json_api(self.status, &document);
        match self.allow {
            Some(allow) => reply.with_header(header::ALLOW, &allow),
            None if self.status == StatusCode::UNAUTHORIZED => {
                reply.with_header(header::WWW_AUTHENTICATE, "Bearer")
            }
            None => reply,
        }
    }
}

/// `ErrorForbiddenResponse`.
fn forbidden_document(status: StatusCode, details: &str) -> Value {
    json!({
        "errors": [{
            "status": status.as_u16(),
            "title": status.canonical_reason(),
            "details": details,
        }],
        "jsonapi": { "version": 1.1 },
    })
}

fn error_object(code: &str, status: StatusCode, detail: &str, fingerprint: &str) -> Value {
    json!({
        "error_code": code,
        "summary": status.canonical_reason().unwrap_or("Error"),
        "detail": detail,
        "fingerprint": fingerprint,
    })
}

/// `ErrorResponse`. The trace id is where card documents have it; the documents have none in errors.
fn error_document(error: &Value, trace_id: &str) -> Value {
    json!({
        "errors": [error],
        "jsonapi": { "version": 1.1 },
        "metadata": { "observability": { "trace_id": trace_id } },
    })
}

/// Returns the documented error code of a status.
pub(crate) fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "bad-request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not-found",
        405 => "method-not-allowed",
        415 => "unsupported-media-type",
        422 => "validation-failed",
        424 => "failed-dependency",
        429 => "too-many-requests",
        502 => "bad-gateway",
        503 => "service-unavailable",
        504 => "gateway-timeout",
        _ => "server-error",
    }
}

/// Returns a scripted response in the other form of a 403.
pub(crate) fn forbidden_reply(status: StatusCode) -> Reply {
    Reply::json_api(status, &forbidden_document(status, SCRIPTED))
}

/// Returns an error response for a status. 503 is documented as `application/json`, which is
/// inferred for 502 and 504. All others are JSON:API.
pub(crate) fn error_reply(status: StatusCode, fingerprint: &str, trace_id: &str) -> Reply {
    let document = error_document(&error_object(code_of(status), status, SCRIPTED, fingerprint), trace_id);
    match status.as_u16() {
        502..=504 => Reply::json(status, &document),
        _ => Reply::json_api(status, &document),
    }
}

/// Returns the response for a test card that breaks the service: 500 from the application, others
/// from in front of it.
pub(crate) fn test_card_reply(status: StatusCode, state: &mut State, trace_id: &str) -> Reply {
    match state.settings.readings.gateway {
        GatewayBody::Html if status != StatusCode::INTERNAL_SERVER_ERROR => {
            Reply::text(status, HTML, html_page(status))
        }
        GatewayBody::Empty if status != StatusCode::INTERNAL_SERVER_ERROR => Reply::empty(status),
        _ => error_reply(status, &state.ids.fingerprint(), trace_id),
    }
}

pub(crate) fn html_page(status: StatusCode) -> String {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    format!("<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n")
}
