//! What a fault does.
//!
//! An action that HTTP cannot carry out is refused when it is made: JSON gives an error, code
//! panics.

use std::collections::BTreeMap;
use std::fmt;

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
    /// Answers with this response instead of the API's.
    Answer(Answer),
    /// Closes the connection without a response.
    Drop {
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Closes the connection inside the response head.
    CutHead {
        /// After this many bytes, and always before the end of the head
        bytes: usize,
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Closes the connection inside the response body, or inside the head of a response without a
    /// body.
    CutBody {
        /// After this many bytes of the body, and always before its end
        bytes: usize,
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Sends the first half of the body as a complete response.
    Truncate {},
    /// Sends bytes that are neither JSON nor UTF-8 instead of the body.
    Garbage {},
    /// Sends the response with another `Content-Type`.
    ContentType {
        /// The other media type: any header value
        media_type: String,
    },
    /// Sends the response in small pieces.
    Drip {
        /// Bytes in a piece
        bytes: usize,
        /// Milliseconds between pieces
        every_ms: u64,
    },
    /// Never answers, and keeps the connection open.
    Hang {},
    /// Redirects the client.
    Redirect {
        /// 301, 302, 303, 307 or 308
        status: u16,
        /// The value of `Location`: any header value
        location: String,
    },
    /// Sends the response with white space after the body. JSON stays valid.
    LargeBody {
        /// Bytes of white space
        bytes: u64,
    },
    /// Answers as usual, and closes the connection when the next request arrives on it. The request
    /// is not read. A client meets this when its pool keeps a connection that the server has given
    /// up.
    Stale {
        /// How it is closed
        #[serde(default)]
        close: Close,
    },
    /// Reads the whole request and resets the stream with `REFUSED_STREAM`. The request has no
    /// effect. Over HTTP/1.1, closes the connection without a response.
    RefuseStream {},
    /// Ends the connection with a `GOAWAY` frame that excludes the request. The request has no
    /// effect. Over HTTP/1.1, closes the connection without a response.
    GoAway {
        /// The error code; 0 (`NO_ERROR`) by default
        #[serde(default)]
        code: u32,
        /// The debug data of the frame
        #[serde(default)]
        debug: DebugData,
    },
    /// Resets the stream with `INTERNAL_ERROR` inside the response body. A response without a body
    /// is replaced by the reset. Over HTTP/1.1, resets the connection.
    ResetBody {
        /// After this many bytes of the body, and always before its end
        bytes: usize,
    },
    /// Sends the response head and a part of the body, and never the rest. A response without a body
    /// is not sent.
    StallBody {
        /// This many bytes of the body, and never all of them
        bytes: usize,
    },
    /// Answers as usual, and answers nothing later on the same connection. New connections work.
    HangConnection {
        /// Whether `PING` frames are still answered. HTTP/1.1 has none.
        #[serde(default)]
        answers_pings: bool,
    },
    /// Answers as usual. For a fault that only delays.
    Proceed {},
}

/// The debug data of a `GOAWAY` frame. At most 16 kB are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DebugData {
    /// No debug data
    #[default]
    None,
    /// This text
    Text(String),
    /// The request as it was received, with its credentials and card data
    Request,
}

impl Action {
    /// Returns the name in JSON.
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

    /// Returns an error if HTTP cannot carry the action out.
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

    /// Returns `true` if the request can take effect before this action. `RefuseStream` and `GoAway`
    /// promise that it had none.
    pub(crate) const fn can_hide_an_effect(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Drop { .. } | Self::Hang {} | Self::Redirect { .. })
    }
}

/// A response that is not the API's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Answer {
    /// The status, from 200 to 999. HTTP/1.1 goes on after a lower one.
    pub status: u16,
    /// The body
    #[serde(default, skip_serializing_if = "AnswerBody::is_default")]
    pub body: AnswerBody,
    /// The value of `Content-Type`, if it is not the usual one for the body
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

/// Does not repeat the value, which may contain an access token.
fn check_header(name: &str, value: &str) -> Result<(), String> {
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("{name:?} is not a header name"))?;
    match HeaderValue::from_str(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("the value of {parsed} is not a header value")),
    }
}

/// The body of a scripted response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerBody {
    /// `ErrorResponse` with the documented code of the status. No body for a status below 400.
    #[default]
    Error,
    /// `ErrorForbiddenResponse`, the other form of a 403
    Forbidden,
    /// The page of a load balancer
    Html,
    /// No body
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

/// The value of a `Retry-After` header: seconds as a number, or an HTTP date or any other text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// Seconds
    Seconds(u64),
    /// The header value, such as `Fri, 31 Dec 2027 23:59:59 GMT`
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

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// In order. The client reads the end of the stream.
    #[default]
    Fin,
    /// With a reset. The client reads an error.
    Rst,
}
