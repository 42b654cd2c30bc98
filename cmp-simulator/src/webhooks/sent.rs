use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::masked;

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Notification {
    /// The event's id, the same for every delivery of it; empty for a message that has none
    pub event_id: String,
    /// The event's name: `cmp_network_token.updated`; empty for a message that has none
    pub event: String,
    /// Where it goes
    pub url: String,
    /// The body, card data masked; a text where it is no JSON
    pub body: Value,
    /// What was tried so far, repeats of an accepted notification included
    pub attempts: Vec<Attempt>,
    /// What became of it
    pub outcome: Outcome,
}

impl Notification {
    pub(super) fn pending(url: &str, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        Self {
            event_id: text("id"),
            event: text("event"),
            url: url.to_owned(),
            body: masked::json(&body),
            attempts: Vec::new(),
            outcome: Outcome::Pending,
        }
    }
}

/// One attempt to deliver a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// When, by the simulator's clock
    pub at: DateTime<Utc>,
    /// The status that the endpoint answered with
    pub status: Option<u16>,
    /// Why there was no answer
    pub error: Option<String>,
}

impl Attempt {
    pub(super) fn new(at: DateTime<Utc>, answer: Result<u16, String>) -> Self {
        Self { at, status: answer.as_ref().ok().copied(), error: answer.err() }
    }

    /// Whether the endpoint accepted it.
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is to be sent, for the first time or again.
    Pending,
    /// It was accepted as often as it was to be sent.
    Delivered,
    /// It was given up.
    Failed,
}
