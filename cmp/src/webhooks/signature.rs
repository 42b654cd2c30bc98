//! Signatures: the secret, the header and its value, and a signer for tests.
//!
//! The value is `t=<unix seconds>,v0=<hex>`. The hex is HMAC-SHA256 over the time, a dot and the raw body. VGS documents
//! the header and not its value, which is that of a published demo. So [`SignatureScheme`] can be set.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, Mac, digest::CtOutput};
use reqwest::header::HeaderName;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::WebhookError;
use crate::{
    clock::{Clock, SystemClock},
    environment::trimmed,
    error::InvalidInput,
    scrub::is_invisible,
    value::read::read_as_text,
};

const HEADER: &str = "vgs-signature";
const SCHEME: &str = "v0";
/// The label of the time, which no scheme can have.
const TIME: &str = "t";
/// Far above the length of two signatures, as during a rotation.
const LONGEST_VALUE: usize = 4096;
/// Each time costs a MAC over the body for each secret, so the sender must not choose how many there are.
const MOST_TIMES: usize = 4;

type HmacSha256 = Hmac<Sha256>;
pub(super) type Signature = CtOutput<HmacSha256>;

/// The secret that webhooks are signed with, as the dashboard shows it.
///
/// `Debug` shows nothing of it. It can be read with serde, and not written.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<String>);

impl WebhookSecret {
    /// Takes a secret. ASCII white space at its ends, as in a mounted file, is dropped.
    ///
    /// # Errors
    /// [`InvalidInput`] if the secret contains only white space and control characters, or contains a NUL. HMAC pads
    /// short keys with NULs, so a key of NULs is an empty one, and anybody could sign with it.
    pub fn new(secret: impl Into<String>) -> Result<Self, InvalidInput> {
        let secret = Zeroizing::new(trimmed(secret.into()));
        let invalid = |rule| Err(InvalidInput::new("webhook secret", rule));
        if secret.contains('\0') {
            return invalid("must not have a NUL");
        }
        if secret.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c)) {
            return invalid("must not be empty");
        }
        Ok(Self(secret))
    }

    /// The value in clear. Every use is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The signature of a body that is signed at `time`.
    pub(super) fn sign(&self, time: &str, body: &[u8]) -> Signature {
        let Ok(mac) = HmacSha256::new_from_slice(self.0.as_bytes()) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.chain_update(time).chain_update(".").chain_update(body).finalize()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

read_as_text!(WebhookSecret, "webhook secret", WebhookSecret::new);

/// Where a signature is in a request: the name of the header, and the label in its value.
///
/// The default is `vgs-signature` and `v0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureScheme {
    pub(super) header: HeaderName,
    label: String,
}

impl SignatureScheme {
    /// Takes the name of the header and the label of its signatures.
    ///
    /// # Errors
    /// [`InvalidInput`] if HTTP does not allow the name, if the label has other characters than letters and digits, or
    /// if the label is `t`.
    pub fn new(header: &str, label: impl Into<String>) -> Result<Self, InvalidInput> {
        let header =
            header.parse().map_err(|_| InvalidInput::new("signature header", "must be a header name"))?;
        let label = label.into();
        let is_plain = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || label == TIME {
            return Err(InvalidInput::new("signature scheme", "must be letters and digits, and not `t`"));
        }
        Ok(Self { header, label })
    }
}

impl Default for SignatureScheme {
    fn default() -> Self {
        Self { header: HeaderName::from_static(HEADER), label: SCHEME.to_owned() }
    }
}

/// Signs bodies as the service does, for the tests of a receiver.
///
/// ```
/// use cmp::webhooks::{Signer, Verifier, WebhookSecret};
///
/// let body = br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#;
/// let secret = WebhookSecret::new("a secret")?;
/// let signature = Signer::new(secret.clone()).sign(body);
/// assert!(Verifier::new(secret).verify_value(&signature, body).is_ok());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Signer {
    secrets: Vec<WebhookSecret>,
    scheme: SignatureScheme,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// The default header of a signature.
    pub const HEADER: &'static str = HEADER;

    /// Signs with this secret.
    pub fn new(secret: WebhookSecret) -> Self {
        Self { secrets: vec![secret], scheme: SignatureScheme::default(), clock: Arc::new(SystemClock) }
    }

    /// Signs with this secret too, as during a rotation: the header then has one signature of each.
    pub fn also(mut self, secret: WebhookSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Uses this scheme's label.
    pub fn scheme(mut self, scheme: SignatureScheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the value of the signature header for this body, signed now.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        self.sign_at(self.clock.utc(), body)
    }

    /// Returns the value of the signature header for this body, signed at another time.
    #[must_use]
    pub fn sign_at(&self, at: DateTime<Utc>, body: &[u8]) -> String {
        let time = at.timestamp().to_string();
        let mut value = format!("{TIME}={time}");
        for secret in &self.secrets {
            let signature = HEXLOWER.encode(&secret.sign(&time, body).into_bytes());
            value.push_str(&format!(",{}={signature}", self.scheme.label));
        }
        value
    }
}

/// The times and signatures of a request, from all its signature headers.
///
/// Any time may belong to any signature. Each signature is over its time, so this accepts nothing that was not signed.
pub(super) struct SignatureHeaders<'h> {
    pub(super) times: Vec<Time<'h>>,
    pub(super) signatures: Vec<Signature>,
}

pub(super) struct Time<'h> {
    /// The text that was signed.
    pub(super) text: &'h str,
    pub(super) signed_at: DateTime<Utc>,
}

impl<'h> SignatureHeaders<'h> {
    /// Reads all signatures of the scheme. Skips those of other schemes, which a sender may add, and what is unreadable
    /// beside something readable.
    pub(super) fn parse(
        values: impl Iterator<Item = &'h str>,
        scheme: &SignatureScheme,
    ) -> Result<Self, WebhookError> {
        let mut read = Self { times: Vec::new(), signatures: Vec::new() };
        let (mut fits, mut has_time, mut has_signature) = (false, false, false);
        for value in values.filter(|value| value.len() <= LONGEST_VALUE) {
            fits = true;
            for (label, text) in value.split(',').filter_map(|part| part.trim().split_once('=')) {
                if label == TIME {
                    has_time = true;
                    read.add_time(text);
                } else if label == scheme.label {
                    has_signature = true;
                    read.signatures.extend(decode(text));
                }
            }
        }
        let rule = if !fits {
            "is too long"
        } else if !has_time {
            "has no time"
        } else if read.times.is_empty() {
            "has a time that is not in Unix seconds"
        } else if read.times.len() > MOST_TIMES {
            "has more than four times"
        } else if !has_signature {
            "has no signature of the expected scheme"
        } else if read.signatures.is_empty() {
            "has no signature of 64 hexadecimal digits"
        } else {
            // The verdict must not depend on the order.
            read.times.sort_unstable_by_key(|time| time.text);
            return Ok(read);
        };
        Err(WebhookError::malformed(rule))
    }

    /// Adds a time that is not there yet. Stops at one more than is allowed.
    fn add_time(&mut self, text: &'h str) {
        if self.times.len() <= MOST_TIMES && self.times.iter().all(|time| time.text != text) {
            self.times.extend(signed_at(text).map(|signed_at| Time { text, signed_at }));
        }
    }
}

fn signed_at(time: &str) -> Option<DateTime<Utc>> {
    let is_number = time.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number { time.parse().ok() } else { None };
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

/// Reads hexadecimal digits in either case.
fn decode(text: &str) -> Option<Signature> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    Some(CtOutput::new(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, with the time and the dot as the first octets of its data.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let secret = WebhookSecret::new("Jefe").expect("not empty");
        let mac = HmacSha256::new_from_slice(b"Jefe").expect("any length");
        let expected = mac.chain_update(b"what do ya.want for nothing?").finalize();
        assert!(secret.sign("what do ya", b"want for nothing?") == expected);
        let published = HmacSha256::new_from_slice(b"Jefe").expect("any length");
        let published = published.chain_update(b"what do ya want for nothing?").finalize();
        assert_eq!(
            HEXLOWER.encode(&published.into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn every_signature_is_read() {
        let (zeros, others) = ("0".repeat(64), "A".repeat(64));
        let read = |values: &[&str]| {
            let headers =
                SignatureHeaders::parse(values.iter().copied(), &SignatureScheme::default()).expect("reads");
            let times: Vec<_> = headers.times.iter().map(|time| time.text).collect();
            (times.join(" "), headers.signatures.len())
        };
        let value = format!("t=1, v0={zeros}, v1=x, v0=nonsense ,t=1,v0={others}");
        assert_eq!(read(&[&value]), ("1".to_owned(), 2));
        let (first, second) = (format!("t=1,v0={zeros}"), format!("t=2,v0={others}"));
        let long = " ".repeat(LONGEST_VALUE + 1);
        assert_eq!(read(&[&first, &long, "t=x", "", &second]), ("1 2".to_owned(), 2));
        let longest = format!("{first:<LONGEST_VALUE$}");
        assert_eq!(read(&[&longest]), ("1".to_owned(), 1));
    }
}
