use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::signature::{self, HEADER, SCHEME};
use crate::{
    clock::{Clock, SystemClock},
    error::InvalidInput,
    secret::WebhookSecret,
};

/// Signs bodies as the service does, for the tests of a receiver.
///
/// ```
/// use cmp::webhooks::{Signer, Verifier, WebhookSecret};
///
/// let body = br#"{"id":"evt-1","event":"cmp_au_card.closed","details":{"card_id":"CRD1"}}"#;
/// let signature = Signer::new(WebhookSecret::new("a secret")?)?.sign(body);
/// assert!(Verifier::new(WebhookSecret::new("a secret")?)?.verify_value(&signature, body).is_ok());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signer {
    secrets: Vec<WebhookSecret>,
    scheme: String,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// The header that signatures go into, unless a [`Verifier`](super::Verifier) is set to another.
    pub const HEADER: &'static str = HEADER;

    /// Signs with this secret.
    ///
    /// # Errors
    /// [`InvalidInput`] if the secret is empty.
    pub fn new(secret: WebhookSecret) -> Result<Self, InvalidInput> {
        signature::check_secret(&secret)?;
        Ok(Self { secrets: vec![secret], scheme: SCHEME.to_owned(), clock: Arc::new(SystemClock) })
    }

    /// Signs with this secret too, as during a rotation: the header then has one signature of each.
    ///
    /// # Errors
    /// [`InvalidInput`] if the secret is empty.
    pub fn also(mut self, secret: WebhookSecret) -> Result<Self, InvalidInput> {
        signature::check_secret(&secret)?;
        self.secrets.push(secret);
        Ok(self)
    }

    /// Uses this label in the place of `v0`.
    ///
    /// # Errors
    /// [`InvalidInput`] if it can't stand in the header.
    pub fn scheme(mut self, label: impl Into<String>) -> Result<Self, InvalidInput> {
        self.scheme = label.into();
        signature::check_scheme(&self.scheme)?;
        Ok(self)
    }

    /// Uses this clock: see [`clock`](crate::clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The value of the signature header for this body, signed now.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        self.sign_at(self.clock.utc(), body)
    }

    /// The value of the signature header for this body, signed at another time.
    #[must_use]
    pub fn sign_at(&self, at: DateTime<Utc>, body: &[u8]) -> String {
        let time = at.timestamp().to_string();
        let mut value = format!("t={time}");
        for secret in &self.secrets {
            let signature = signature::encode(signature::sign(secret, &time, body));
            value.push_str(&format!(",{}={signature}", self.scheme));
        }
        value
    }
}
