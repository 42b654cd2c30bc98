use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName};

use super::{
    Event, WebhookError,
    signature::{self, HEADER, SCHEME, Signature, SignatureHeaders},
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
/// # fn receive(headers: &http::HeaderMap, body: &[u8], secret: String)
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

    /// How far from now, into the past and the future, a notification may be signed: five minutes unless set, and in
    /// whole seconds, as its time is. What was signed exactly so long ago still passes.
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
    /// `HeaderMap` is that of the crate `http`, version 1, as axum, hyper and reqwest have it; for another one there is
    /// [`verify_value`](Self::verify_value).
    ///
    /// There may be several headers of the name, such as one for each secret during a rotation. One signature that fits is
    /// enough, whatever the others are; together they may have four different times.
    ///
    /// # Errors
    /// [`WebhookError`], of which [`is_unverified`](WebhookError::is_unverified) holds.
    pub fn verify<'b>(&self, headers: &HeaderMap, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        if !headers.contains_key(&self.header) {
            return Err(WebhookError::NoSignature);
        }
        let values = headers.get_all(&self.header).iter();
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() {
            return Err(WebhookError::malformed("is not visible ASCII"));
        }
        self.verify_values(&values, body)
    }

    /// Verifies a raw body by the value of its signature header: for frameworks with another version of the crate `http`,
    /// or none.
    ///
    /// Several headers are joined with commas, as HTTP says (RFC 9110 §5.3).
    ///
    /// ```
    /// # use cmp::webhooks::{Signer, Verifier, WebhookSecret};
    /// # let body = b"{}";
    /// # let secret = || WebhookSecret::new("a secret").unwrap();
    /// # let (verifier, value) = (Verifier::new(secret())?, Signer::new(secret())?.sign(body));
    /// let values: Vec<&str> = vec!["t=1,v0=of another secret", &value];
    /// assert!(verifier.verify_value(&values.join(","), body).is_ok());
    /// # Ok::<(), cmp::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_value<'b>(&self, value: &str, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        self.verify_values(&[value], body)
    }

    fn verify_values<'b>(&self, values: &[&str], body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        let headers = SignatureHeaders::parse(values, &self.scheme)?;
        let mut verdict = WebhookError::WrongSignature;
        for time in headers.times {
            if !self.fits(time.text, &headers.signatures, body) {
                continue;
            }
            // After the signature, because only a signed time is evidence of anything.
            match self.check_time(time.signed_at) {
                Ok(()) => return Ok(Verified { body, signed_at: time.signed_at }),
                Err(error) => verdict = error,
            }
        }
        Err(verdict)
    }

    fn fits(&self, time: &str, signatures: &[Signature], body: &[u8]) -> bool {
        self.secrets.iter().any(|secret| signatures.contains(&signature::sign(secret, time, body)))
    }

    fn check_time(&self, signed_at: DateTime<Utc>) -> Result<(), WebhookError> {
        let age = self.clock.utc().timestamp() - signed_at.timestamp();
        let distance = Duration::from_secs(age.unsigned_abs());
        if distance <= self.tolerance {
            Ok(())
        } else if age > 0 {
            Err(WebhookError::TooOld { age: distance })
        } else {
            Err(WebhookError::TooNew { ahead: distance })
        }
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
