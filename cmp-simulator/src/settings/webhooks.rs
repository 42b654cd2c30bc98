//! The settings of webhooks.

use std::fmt;
use std::io;
use std::iter;

use serde::{Deserialize, Serialize};

/// Where notifications go, and how.
///
/// Delays are measured by the simulator's clock:
/// [`World::advance_clock`](crate::World::advance_clock) ends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// The receivers. Each gets every notification.
    pub endpoints: Vec<Endpoint>,
    /// The seconds between an event and its notification.
    pub delay_seconds: u32,
    /// The order of notifications that are due.
    pub order: DeliveryOrder,
    /// How often an accepted notification is sent again. The real service promises at most "at least
    /// once".
    pub duplicates: u32,
    /// How often a notification is sent that the endpoint does not accept with a 2xx.
    pub attempts: u32,
    /// The seconds between a failed attempt and the next.
    pub retry_after_seconds: u32,
    /// How notifications are signed. Read at each attempt.
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

/// The order of notifications that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// The oldest first
    #[default]
    OldestFirst,
    /// The newest first
    NewestFirst,
    /// A random order, drawn from the seed
    Shuffled,
}

/// How notifications are signed. A receiver must refuse all but the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signing {
    /// As the real service signs
    #[default]
    Proper,
    /// Without the header
    Unsigned,
    /// With a secret that the receiver does not have
    WrongSecret,
    /// Properly, but the body on the wire has a blank at its end that was not signed
    TamperedBody,
    /// With a time this many seconds from now, in the past if negative
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
    /// Creates a receiver at this `http` URL. Its notifications are signed with this secret.
    ///
    /// # Errors
    /// If the URL is not an `http` URL or the secret is empty.
    pub fn new(url: impl Into<String>, signing_secret: impl Into<String>) -> io::Result<Self> {
        Self::checked(Unchecked {
            url: url.into(),
            signing_secret: signing_secret.into(),
            second_secret: None,
        })
    }

    /// Adds a second secret, as during a rotation. The header then has two signatures.
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

    /// Returns the URL that notifications are sent to.
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
        let parsed: http::Uri = url.parse().map_err(|_| "the endpoint of a webhook is not a URL")?;
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
