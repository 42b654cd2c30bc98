use std::{fmt, iter, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

use super::{
    WebhookError,
    model::Event,
    signature::{SignatureHeaders, SignatureScheme, WebhookSecret},
};
use crate::{
    clock::{Clock, SystemClock},
    metrics::{Happening, Metrics},
};

/// VGS documents no tolerance; other senders of this scheme recommend this one.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Verifies that a request comes from the service and was not changed or replayed.
///
/// Cheap to clone; make one and keep it.
///
/// ```
/// use cmp::webhooks::{Verifier, WebhookError, WebhookSecret};
/// use http::HeaderMap;
///
/// fn receive(
///     verifier: &Verifier,
///     headers: &HeaderMap,
///     body: &[u8],
/// ) -> Result<(), WebhookError> {
///     let event = verifier.verify(headers, body)?.parse()?;
///     println!("{:?}: {:?}", event.id, event.name);
///     Ok(())
/// }
///
/// let verifier = Verifier::new(WebhookSecret::new("from the dashboard")?);
/// let refused = receive(&verifier, &HeaderMap::new(), b"{}");
/// assert_eq!(refused, Err(WebhookError::NoSignature));
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Verifier {
    secrets: Vec<WebhookSecret>,
    scheme: SignatureScheme,
    tolerance: Duration,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Verifier {
    /// Accepts bodies that are signed with this secret.
    pub fn new(secret: WebhookSecret) -> Self {
        Self {
            secrets: vec![secret],
            scheme: SignatureScheme::default(),
            tolerance: TOLERANCE,
            clock: Arc::new(SystemClock),
            metrics: Metrics::default(),
        }
    }

    /// Accepts bodies that are signed with this secret too: the other one during a rotation.
    pub fn also(mut self, secret: WebhookSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Sets the header of the signature, and the label in it; `vgs-signature` and `v0` by default.
    pub fn scheme(mut self, scheme: SignatureScheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets how far the signed time may be from now, in the past or the future; five minutes by default.
    ///
    /// Times are compared in whole seconds, and the tolerance itself is accepted.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Counts verdicts with this meter, and bodies that are no events: see [`metrics`](crate::metrics).
    #[cfg(feature = "opentelemetry")]
    pub fn meter(mut self, meter: &crate::metrics::Meter) -> Self {
        self.metrics = Metrics::new(Some(meter), &self.clock, None);
        self
    }

    /// Verifies a request by its headers and its raw body: the bytes as they came, before any decoding.
    ///
    /// `HeaderMap` is that of the crate `http`, version 1, which axum, hyper and reqwest use. For other frameworks there
    /// is [`verify_value`](Self::verify_value).
    ///
    /// A request may have several signature headers, such as one for each secret during a rotation. One signature that
    /// fits is enough, whatever the others are. Together they may have four different times.
    ///
    /// # Errors
    /// [`WebhookError`], with [`is_unverified`](WebhookError::is_unverified) true.
    pub fn verify<'b>(&self, headers: &HeaderMap, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        self.counted(self.signature_values(headers).and_then(|values| self.verify_values(values, body)))
    }

    fn signature_values<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<impl Iterator<Item = &'h str>, WebhookError> {
        if !headers.contains_key(&self.scheme.header) {
            return Err(WebhookError::NoSignature);
        }
        let values = headers.get_all(&self.scheme.header).iter();
        let mut values = values.filter_map(|value| value.to_str().ok()).peekable();
        if values.peek().is_none() {
            return Err(WebhookError::malformed("is not visible ASCII"));
        }
        Ok(values)
    }

    /// Verifies a raw body by the value of its signature header, for frameworks without version 1 of the crate `http`.
    ///
    /// Several headers are joined with commas, as HTTP says (RFC 9110 §5.3).
    ///
    /// ```
    /// use cmp::webhooks::{Signer, Verifier, WebhookSecret};
    ///
    /// let secret = WebhookSecret::new("a secret")?;
    /// let value = Signer::new(secret.clone()).sign(b"{}");
    /// let values = ["t=1,v0=of another secret", &value].join(",");
    /// assert!(Verifier::new(secret).verify_value(&values, b"{}").is_ok());
    /// # Ok::<(), cmp::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_value<'b>(&self, value: &str, body: &'b [u8]) -> Result<Verified<'b>, WebhookError> {
        self.counted(self.verify_values(iter::once(value), body))
    }

    fn counted<T>(&self, verdict: Result<T, WebhookError>) -> Result<T, WebhookError> {
        self.metrics.count(|| {
            Happening::Verification(verdict.as_ref().err().map_or("valid", WebhookError::telemetry_name))
        });
        verdict
    }

    fn verify_values<'v, 'b>(
        &self,
        values: impl Iterator<Item = &'v str>,
        body: &'b [u8],
    ) -> Result<Verified<'b>, WebhookError> {
        let headers = SignatureHeaders::parse(values, &self.scheme)?;
        let mut verdict = WebhookError::WrongSignature;
        for time in headers.times {
            let is_signed =
                |secret: &WebhookSecret| headers.signatures.contains(&secret.sign(time.text, body));
            if !self.secrets.iter().any(is_signed) {
                continue;
            }
            // After the signature, because a time that is not signed proves nothing.
            match self.check_time(time.signed_at) {
                Ok(()) => {
                    return Ok(Verified { body, signed_at: time.signed_at, metrics: self.metrics.clone() });
                }
                Err(error) => verdict = error,
            }
        }
        Err(verdict)
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

/// A body with a valid signature.
#[derive(Clone)]
#[non_exhaustive]
pub struct Verified<'b> {
    /// The body as it came. It may contain PANs.
    pub body: &'b [u8],
    /// When the body was signed. Each delivery is signed anew, so this can be later than the event.
    pub signed_at: DateTime<Utc>,
    metrics: Metrics,
}

impl PartialEq for Verified<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.body, self.signed_at) == (other.body, other.signed_at)
    }
}

impl Eq for Verified<'_> {}

impl Verified<'_> {
    /// Reads the event in the body.
    ///
    /// # Errors
    /// [`WebhookError`] if the body is not a JSON object with an id and an event name. Another delivery has the same
    /// body.
    pub fn parse(&self) -> Result<Event, WebhookError> {
        let event = Event::parse_unverified(self.body);
        if let Err(error) = &event {
            self.metrics.count(|| Happening::Event(error.telemetry_name()));
        }
        event
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("signed_at", &self.signed_at).finish_non_exhaustive()
    }
}
