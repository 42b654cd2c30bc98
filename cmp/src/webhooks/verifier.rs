use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName};

use super::{
    Event, WebhookError,
    signature::{self, HEADER, SCHEME, SignatureHeader},
};
use crate::{
    clock::{Clock, SystemClock},
    error::InvalidInput,
    secret::WebhookSecret,
};

/// VGS documents none; what other senders of this scheme recommend.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Tells notifications of the service from forged, changed and replayed ones.
///
/// Cheap to clone; make one and keep it.
///
/// ```
/// # fn receive(headers: &reqwest::header::HeaderMap, body: &[u8], secret: String)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use cmp::webhooks::{Verifier, WebhookSecret};
///
/// let verifier = Verifier::new(WebhookSecret::new(secret)?)?;
/// let event = verifier.verify(headers, body)?.parse()?;
/// println!("{}: {}", event.id(), event.name());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: Vec<WebhookSecret>,
    header: HeaderName,
    scheme: String,
    tolerance: Duration,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// Accepts what is signed with this secret.
    ///
    /// # Errors
    /// [`InvalidInput`] if the secret is empty.
    pub fn new(secret: WebhookSecret) -> Result<Self, InvalidInput> {
        signature::check_secret(&secret)?;
        Ok(Self {
            secrets: vec![secret],
            header: HeaderName::from_static(HEADER),
            scheme: SCHEME.to_owned(),
            tolerance: TOLERANCE,
            clock: Arc::new(SystemClock),
        })
    }

    /// Accepts what is signed with this secret too: the other one during a rotation.
    ///
    /// # Errors
    /// [`InvalidInput`] if the secret is empty.
    pub fn also(mut self, secret: WebhookSecret) -> Result<Self, InvalidInput> {
        signature::check_secret(&secret)?;
        self.secrets.push(secret);
        Ok(self)
    }

    /// The header that holds the signature; `vgs-signature` unless set.
    ///
    /// # Errors
    /// [`InvalidInput`] if HTTP allows no such name.
    pub fn header(mut self, name: &str) -> Result<Self, InvalidInput> {
        let name = name.parse();
        self.header = name.map_err(|_| InvalidInput::new("signature header", "must be a header name"))?;
        Ok(self)
    }

    /// The label of the signatures in the header; `v0` unless set.
    ///
    /// # Errors
    /// [`InvalidInput`] if it can't stand in the header.
    pub fn scheme(mut self, label: impl Into<String>) -> Result<Self, InvalidInput> {
        self.scheme = label.into();
        signature::check_scheme(&self.scheme)?;
        Ok(self)
    }

    /// How far from now, into the past and the future, a notification may be signed; five minutes unless set.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Verifies a request by its headers and its raw body: the octets as they came, before any decoding.
    ///
    /// Several headers of the name count as one, as HTTP says.
    ///
    /// # Errors
    /// [`WebhookError`], of which [`is_unverified`](WebhookError::is_unverified) holds.
    pub fn verify<'b>(&self, headers: &HeaderMap, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        let values: Vec<_> = headers.get_all(&self.header).iter().map(|value| value.to_str()).collect();
        if values.is_empty() {
            return Err(WebhookError::NoSignature);
        }
        let values: Result<Vec<_>, _> = values.into_iter().collect();
        let values = values.map_err(|_| WebhookError::malformed("is not visible ASCII"))?;
        self.verify_value(&values.join(","), body)
    }

    /// Verifies a raw body by the value of its signature header.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_value<'b>(&self, value: &str, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        let header = SignatureHeader::parse(value, &self.scheme)?;
        let fits = self.secrets.iter().any(|secret| {
            let expected = signature::sign(secret, header.time, body);
            header.signatures.contains(&expected)
        });
        if !fits {
            return Err(WebhookError::WrongSignature);
        }
        // After the signature, because only a signed time is evidence of anything.
        self.check_time(header.signed_at)?;
        Ok(Verified { body, signed_at: header.signed_at })
    }

    fn check_time(&self, signed_at: DateTime<Utc>) -> Result<(), WebhookError> {
        let age = self.clock.utc() - signed_at;
        let beyond = |distance: Duration| Some(distance).filter(|distance| *distance > self.tolerance);
        if let Some(age) = age.to_std().ok().and_then(beyond) {
            return Err(WebhookError::TooOld { age });
        }
        if let Some(ahead) = (-age).to_std().ok().and_then(beyond) {
            return Err(WebhookError::TooNew { ahead });
        }
        Ok(())
    }
}

/// A body that the service signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verified<'b> {
    body: &'b [u8],
    signed_at: DateTime<Utc>,
}

impl<'b> Verified<'b> {
    /// The event in it.
    ///
    /// # Errors
    /// [`WebhookError`] if the body is none. It will not get better when it is delivered again.
    pub fn parse(&self) -> Result<Event, WebhookError> {
        Event::parse_unverified(self.body)
    }

    /// When it was signed, which can be later than the event: each delivery is signed anew.
    #[must_use]
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.signed_at
    }

    /// The body as it came. It may hold PANs.
    #[must_use]
    pub fn body(&self) -> &'b [u8] {
        self.body
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("signed_at", &self.signed_at).finish_non_exhaustive()
    }
}
