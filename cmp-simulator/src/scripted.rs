//! Answers that a fault script gives.

use http::StatusCode;
use http::header::{self, HeaderName};

use crate::api;
use crate::faults::{Answer, AnswerBody};
use crate::http::{Reply, media_type};
use crate::operation::Operation;
use crate::v1;

/// Neither JSON nor UTF-8.
pub(crate) const GARBAGE: &[u8] = b"\x00\xff\xfe{\"data\":\x80]\xc3\x28\x01\x02";

pub(crate) fn reply(
    answer: &Answer,
    operation: Option<Operation>,
    fingerprint: &str,
    trace_id: &str,
) -> Reply {
    let status = status(answer.status);
    let is_v1 = operation.is_some_and(Operation::is_v1);
    let mut reply = match &answer.body {
        AnswerBody::Error if status.as_u16() < 400 => Reply::empty(status),
        AnswerBody::Error if is_v1 => v1::error_reply(status, api::code_of(status)),
        AnswerBody::Error => api::error_reply(status, fingerprint, trace_id),
        AnswerBody::Forbidden => api::forbidden_reply(status),
        AnswerBody::Html => Reply::text(status, media_type::HTML, api::html_page(status)),
        AnswerBody::Empty => Reply::empty(status),
        AnswerBody::Json(body) if is_v1 => Reply::json(status, body),
        AnswerBody::Json(body) => Reply::json_api(status, body),
        AnswerBody::Raw(body) => Reply::text(status, "text/plain; charset=utf-8", body.clone()),
    };
    if let Some(media_type) = &answer.content_type {
        reply = reply.with_content_type(media_type);
    }
    if let Some(retry_after) = &answer.retry_after {
        reply = reply.with_header(header::RETRY_AFTER, &retry_after.to_string());
    }
    for (name, value) in &answer.headers {
        if let Ok(name) = name.parse::<HeaderName>() {
            reply = reply.with_header(name, value);
        }
    }
    reply
}

pub(crate) fn redirect(code: u16, location: &str) -> Reply {
    Reply::empty(status(code)).with_header(header::LOCATION, location)
}

/// A fault's status was checked when the fault was made.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
