//! Where notifications go, and how.

use std::fmt;
use std::io;
use std::iter;

use serde::{Deserialize, Serialize};

/// Where notifications go, and how.
///
/// Delays are of the simulator's clock: [`World::advance_clock`](crate::World::advance_clock) ends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// Each gets every notification.
    pub endpoints: Vec<Endpoint>,
    /// How long after the event a notification is sent, in seconds.
    pub delay_seconds: u32,
    /// Which of those that are due goes first.
    pub order: DeliveryOrder,
    /// How often a notification is sent again although it was accepted. The real service promises no more than
    /// "at least once", if that.
    pub duplicates: u32,
    /// How often a notification that is not accepted (2xx) is sent before it is given up.
    pub attempts: u32,
    /// How long after a failed attempt the next one comes, in seconds.
    pub retry_after_seconds: u32,
    /// How notifications are signed; read at each attempt.
    pub signing: Signing,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            delay_seconds: 0,
            order: DeliveryOrder::default(),
            duplicates: 0,
            attempts: 3,
            retry_after_seconds: 60,
            signing: Signing::default(),
        }
    }
}

/// Which of the notifications that are due is sent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// The oldest
    #[default]
    OldestFirst,
    /// The newest
    NewestFirst,
    /// Any; the seed decides
    Shuffled,
}

/// How notifications are signed: all but the first are for a receiver to refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signing {
    /// As the real service does
    #[default]
    Proper,
    /// Not at all: the header is missing
    Unsigned,
    /// With a secret that the receiver doesn't have
    WrongSecret,
    /// The body that is sent has a blank at its end that was not signed
    TamperedBody,
    /// At a time that is this many seconds from now, in the past if negative
    OffBySeconds(i32),
}

/// A receiver of notifications.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", deny_unknown_fields)]
pub struct Endpoint {
    url: String,
    signing_secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    url: String,
    signing_secret: String,
    second_secret: Option<String>,
}

impl Endpoint {
    /// A receiver at this `http` URL, whose notifications are signed with this secret.
    ///
    /// # Errors
    /// If the URL is no `http` URL or the secret is empty.
    pub fn new(url: impl Into<String>, signing_secret: impl Into<String>) -> io::Result<Self> {
        Self::checked(Unchecked {
            url: url.into(),
            signing_secret: signing_secret.into(),
            second_secret: None,
        })
    }

    /// Signs with this secret too, as during a rotation: the header then has two signatures.
    ///
    /// # Errors
    /// If the secret is empty.
    pub fn also(self, second_secret: impl Into<String>) -> io::Result<Self> {
        let Self { url, signing_secret, .. } = self;
        Self::checked(Unchecked { url, signing_secret, second_secret: Some(second_secret.into()) })
    }

    fn checked(unchecked: Unchecked) -> io::Result<Self> {
        Self::try_from(unchecked).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// Where notifications are sent.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        iter::once(&self.signing_secret).chain(&self.second_secret).map(String::as_str)
    }
}

impl TryFrom<Unchecked> for Endpoint {
    type Error = &'static str;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { url, signing_secret, second_secret } = unchecked;
        let parsed: http::Uri = url.parse().map_err(|_| "the endpoint of a webhook is no URL")?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none() {
            return Err("the endpoint of a webhook must be an http URL");
        }
        if signing_secret.is_empty() || second_secret.as_deref() == Some("") {
            return Err("the signing secret of a webhook is empty");
        }
        Ok(Self { url, signing_secret, second_secret })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}
