//! What a fault does.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Answers with something else.
    Answer(Answer),
    /// Closes the connection without an answer.
    Drop {
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Closes the connection inside the answer's head.
    CutHead {
        /// After this many bytes, and before the end of the head in any case
        bytes: usize,
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Closes the connection inside the answer's body; inside the head where the answer has no body.
    CutBody {
        /// After this many bytes of the body, and before its end in any case
        bytes: usize,
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Sends the first half of the body as if it were the whole.
    Truncate {},
    /// Sends bytes that are neither JSON nor UTF-8 in the place of the body.
    Garbage {},
    /// Sends the answer with another `Content-Type`.
    ContentType {
        /// The other media type
        media_type: String,
    },
    /// Sends the answer in small pieces.
    Drip {
        /// Bytes in a piece
        bytes: usize,
        /// Milliseconds between pieces
        every_ms: u64,
    },
    /// Never answers, and keeps the connection open.
    Hang {},
    /// Sends the client somewhere else.
    Redirect {
        /// 301, 302, 303, 307 or 308
        status: u16,
        /// The value of `Location`
        location: String,
    },
    /// Sends the answer with white space behind it, which leaves JSON valid.
    LargeBody {
        /// Bytes of white space
        bytes: u64,
    },
    /// Answers as usual, and closes the connection when the next request arrives on it, unread: what a client
    /// meets when its pool holds a connection that the server has given up.
    Stale {
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Answers as usual; for faults that only delay.
    Proceed {},
}

impl Action {
    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answer",
            Self::Drop { .. } => "drop",
            Self::CutHead { .. } => "cut_head",
            Self::CutBody { .. } => "cut_body",
            Self::Truncate {} => "truncate",
            Self::Garbage {} => "garbage",
            Self::ContentType { .. } => "content_type",
            Self::Drip { .. } => "drip",
            Self::Hang {} => "hang",
            Self::Redirect { .. } => "redirect",
            Self::LargeBody { .. } => "large_body",
            Self::Stale { .. } => "stale",
            Self::Proceed {} => "proceed",
        }
    }

    /// Whether the action needs the proper answer, with which the request takes effect.
    pub(crate) const fn spoils_the_answer(&self) -> bool {
        !matches!(self, Self::Answer(_) | Self::Drop { .. } | Self::Hang {} | Self::Redirect { .. })
    }
}

/// An answer that is not the API's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Answer {
    /// The status, 200 to 999; any other number is answered by 500
    pub status: u16,
    /// The body
    #[serde(default, skip_serializing_if = "AnswerBody::is_default")]
    pub body: AnswerBody,
    /// The value of `Content-Type`, where it is not the one that belongs to the body
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The value of `Retry-After`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
    /// More headers
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            body: AnswerBody::default(),
            content_type: None,
            retry_after: None,
            headers: BTreeMap::new(),
        }
    }
}

/// The body of a scripted answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerBody {
    /// `ErrorResponse` with the documented code of the status; nothing where a status below 400 needs none
    #[default]
    Error,
    /// `ErrorForbiddenResponse`, the other form of a 403
    Forbidden,
    /// The page of a load balancer
    Html,
    /// Nothing
    Empty,
    /// This JSON
    Json(Value),
    /// This text
    Raw(String),
}

impl AnswerBody {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The value of a `Retry-After` header: seconds as a number, or an HTTP date (or anything else) as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// Seconds
    Seconds(u64),
    /// The text of the header, such as `Fri, 31 Dec 2027 23:59:59 GMT`
    Text(String),
}

impl From<u64> for RetryAfter {
    fn from(seconds: u64) -> Self {
        Self::Seconds(seconds)
    }
}

impl From<DateTime<Utc>> for RetryAfter {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Text(httpdate::fmt_http_date(time.into()))
    }
}

impl From<&str> for RetryAfter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl std::fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// In order: the client reads the end of the stream
    #[default]
    Fin,
    /// With a reset: the client reads an error
    Rst,
}
