//! What a fault does.
//!
//! An action that HTTP can't carry out is refused where it is made: read from JSON by an error, in code by a panic.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
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
        /// The other media type: any value that a header can have
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
        /// The value of `Location`: any that a header can have
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
    /// Resets the stream with `REFUSED_STREAM` after reading the whole request, which has had no effect. Over
    /// HTTP/1.1 the connection is closed without an answer.
    RefuseStream {},
    /// Ends the connection with a `GOAWAY` frame that says that the request was not processed, which it was not.
    /// Over HTTP/1.1 the connection is closed without an answer.
    GoAway {
        /// The error code; 0, `NO_ERROR`, by default
        #[serde(default)]
        code: u32,
        /// What the frame has as debug data
        #[serde(default)]
        debug: DebugData,
    },
    /// Resets the stream with `INTERNAL_ERROR` inside the answer's body; in the place of an answer that has none. Over
    /// HTTP/1.1 the connection is reset there.
    ResetBody {
        /// After this many bytes of the body, and before its end in any case
        bytes: usize,
    },
    /// Sends the answer's head and some of its body, and never the rest. An answer without a body is not sent.
    StallBody {
        /// This many bytes of the body, and not all in any case
        bytes: usize,
    },
    /// Answers as usual, and nothing on the same connection after that. New connections work.
    HangConnection {
        /// Whether `PING` frames are answered still; over HTTP/1.1 there are none
        #[serde(default)]
        answers_pings: bool,
    },
    /// Answers as usual; for faults that only delay.
    Proceed {},
}

/// The debug data of a `GOAWAY` frame. At most 16 kB of it are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DebugData {
    /// Nothing
    #[default]
    None,
    /// This text
    Text(String),
    /// The request as it came in, with its credentials and card data
    Request,
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
            Self::RefuseStream {} => "refuse_stream",
            Self::GoAway { .. } => "go_away",
            Self::ResetBody { .. } => "reset_body",
            Self::StallBody { .. } => "stall_body",
            Self::HangConnection { .. } => "hang_connection",
            Self::Proceed {} => "proceed",
        }
    }

    /// Why HTTP can't carry the action out, if it can't.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Answer(answer) => answer.check(),
            Self::ContentType { media_type } => check_header("content-type", media_type),
            Self::Redirect { status, location } if [301, 302, 303, 307, 308].contains(status) => {
                check_header("location", location)
            }
            Self::Redirect { status, .. } => Err(format!("{status} is not the status of a redirect")),
            _ => Ok(()),
        }
    }

    pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let action = Self::deserialize(from)?;
        action.check().map_err(D::Error::custom)?;
        Ok(action)
    }

    /// Whether the request can take effect although the proper answer is not needed. `RefuseStream` and `GoAway`
    /// say that it had none.
    pub(crate) const fn can_hide_an_effect(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Drop { .. } | Self::Hang {} | Self::Redirect { .. })
    }
}

/// An answer that is not the API's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Answer {
    /// The status, 200 to 999: what HTTP/1.1 can end an exchange with
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
    /// More headers: names and values that HTTP can carry
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

    fn check(&self) -> Result<(), String> {
        let status = StatusCode::from_u16(self.status).ok().filter(|status| !status.is_informational());
        status.ok_or_else(|| format!("{} is not a status from 200 to 999", self.status))?;
        let content_type = self.content_type.as_ref().map(|value| ("content-type", value.clone()));
        let retry_after = self.retry_after.as_ref().map(|value| ("retry-after", value.to_string()));
        let more = self.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let mut all = content_type.into_iter().chain(retry_after).chain(more);
        all.try_for_each(|(name, value)| check_header(name, &value))
    }
}

/// The value is not repeated: a script may carry a token in it.
fn check_header(name: &str, value: &str) -> Result<(), String> {
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("{name:?} is not the name of a header"))?;
    match HeaderValue::from_str(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("the value of {parsed} can't stand in a header")),
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
