//! The signature header: `t=<unix seconds>,v0=<hex>`, the hex being HMAC-SHA256 over `t`, a dot and the raw body.
//!
//! VGS documents the header but not its value; this is the form of a published demo, so header name and scheme label
//! can be set.

use chrono::{DateTime, Utc};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, Mac, digest::CtOutput};
use sha2::Sha256;

use super::WebhookError;
use crate::{error::InvalidInput, secret::WebhookSecret};

pub(super) const HEADER: &str = "vgs-signature";
pub(super) const SCHEME: &str = "v0";
/// The label of the time, which no scheme can have.
const TIME: &str = "t";
/// Far above what two secrets during a rotation need; more is no signature.
const LONGEST_VALUE: usize = 4096;
/// Each time costs a MAC over the body for each secret, so a forger must not choose how many there are.
const MOST_TIMES: usize = 4;

type HmacSha256 = Hmac<Sha256>;
pub(super) type Signature = CtOutput<HmacSha256>;

/// The signature headers of a request, taken together: any time may belong to any signature. As each signature is over
/// its time, this lets nothing through that wasn't signed.
pub(super) struct SignatureHeaders<'h> {
    pub(super) times: Vec<Time<'h>>,
    pub(super) signatures: Vec<Signature>,
}

pub(super) struct Time<'h> {
    /// As it was written, because it was signed so.
    pub(super) text: &'h str,
    pub(super) signed_at: DateTime<Utc>,
}

impl<'h> SignatureHeaders<'h> {
    /// Reads all signatures of one scheme; those of others are left out, since a sender may add new ones. So is what can't
    /// be read, as long as there is something that can.
    pub(super) fn parse(values: &[&'h str], scheme: &str) -> Result<Self, WebhookError> {
        let values: Vec<_> = values.iter().filter(|value| value.len() <= LONGEST_VALUE).collect();
        if values.is_empty() {
            return Err(WebhookError::malformed("is too long"));
        }
        let parts = values.into_iter().flat_map(|value| value.split(','));
        let (mut times, mut signatures) = (Vec::new(), Vec::new());
        for (label, text) in parts.filter_map(|part| part.trim().split_once('=')) {
            if label == TIME {
                times.push(text);
            } else if label == scheme {
                signatures.push(text);
            }
        }
        Ok(Self { times: read_times(times)?, signatures: read_signatures(&signatures)? })
    }
}

fn read_times(mut texts: Vec<&str>) -> Result<Vec<Time<'_>>, WebhookError> {
    if texts.is_empty() {
        return Err(WebhookError::malformed("has no time"));
    }
    texts.sort_unstable();
    texts.dedup();
    let times = texts.into_iter().filter_map(|text| Some(Time { text, signed_at: signed_at(text)? }));
    let times: Vec<_> = times.take(MOST_TIMES + 1).collect();
    match times.len() {
        0 => Err(WebhookError::malformed("has a time that is not in Unix seconds")),
        1..=MOST_TIMES => Ok(times),
        _ => Err(WebhookError::malformed("has more than four times")),
    }
}

fn read_signatures(texts: &[&str]) -> Result<Vec<Signature>, WebhookError> {
    if texts.is_empty() {
        return Err(WebhookError::malformed("has no signature of the expected scheme"));
    }
    let signatures: Vec<_> = texts.iter().filter_map(|text| decode(text)).collect();
    if signatures.is_empty() {
        return Err(WebhookError::malformed("has no signature of 64 hexadecimal digits"));
    }
    Ok(signatures)
}

/// The signature of a body that was signed at `time`.
pub(super) fn sign(secret: &WebhookSecret, time: &str, body: &[u8]) -> Signature {
    let Ok(mac) = HmacSha256::new_from_slice(secret.expose().as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.chain_update(time).chain_update(".").chain_update(body).finalize()
}

pub(super) fn encode(signature: Signature) -> String {
    HEXLOWER.encode(&signature.into_bytes())
}

/// Upper and lower case are the same number.
fn decode(text: &str) -> Option<Signature> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    <[u8; 32]>::try_from(bytes).ok().map(|bytes| CtOutput::new(bytes.into()))
}

fn signed_at(time: &str) -> Option<DateTime<Utc>> {
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { time.parse().ok() } else { None };
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

/// A label that can stand in the header without being taken for something else.
pub(super) fn check_scheme(label: &str) -> Result<(), InvalidInput> {
    let plain = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || label == TIME {
        return Err(InvalidInput::new("signature scheme", "must be letters and digits, and not `t`"));
    }
    Ok(())
}

pub(super) fn check_secret(secret: &WebhookSecret) -> Result<(), InvalidInput> {
    secret.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, with the time and the dot as the first octets of its data.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let secret = WebhookSecret::from_trusted("Jefe");
        let mac = HmacSha256::new_from_slice(b"Jefe").expect("any length");
        let expected = mac.chain_update(b"what do ya.want for nothing?").finalize();
        assert!(sign(&secret, "what do ya", b"want for nothing?") == expected);
        let published = HmacSha256::new_from_slice(b"Jefe").expect("any length");
        let published = published.chain_update(b"what do ya want for nothing?").finalize();
        assert_eq!(encode(published), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn what_is_no_signature_header_is_told_by_rule() {
        let hex = "0".repeat(64);
        for (value, rule) in [
            (format!("v0={hex}"), "has no time"),
            (format!("t=1,t=2,t=3,t=4,t=5,v0={hex}"), "has more than four times"),
            ("t=1".to_owned(), "has no signature of the expected scheme"),
            (format!("t=1,v1={hex}"), "has no signature of the expected scheme"),
            (format!("t=1,v0={}", &hex[1..]), "has no signature of 64 hexadecimal digits"),
            (format!("t=,v0={hex}"), "has a time that is not in Unix seconds"),
            (format!("t=+1,v0={hex}"), "has a time that is not in Unix seconds"),
            (format!("t=99999999999999999999,v0={hex}"), "has a time that is not in Unix seconds"),
            (format!("t=9223372036854775807,v0={hex}"), "has a time that is not in Unix seconds"),
            (format!("t=1,v0={hex}{}", " ".repeat(LONGEST_VALUE)), "is too long"),
        ] {
            let refused = SignatureHeaders::parse(&[&value], SCHEME).err();
            assert_eq!(refused, Some(WebhookError::malformed(rule)), "{value}");
        }
    }

    #[test]
    fn every_signature_is_read() {
        let (zeros, others) = ("0".repeat(64), "A".repeat(64));
        let read = |values: &[&str]| {
            let headers = SignatureHeaders::parse(values, SCHEME).expect("reads");
            let times: Vec<_> = headers.times.iter().map(|time| time.text).collect();
            (times.join(" "), headers.signatures.len())
        };
        let value = format!("t=1, v0={zeros}, v1=x, v0=nonsense ,t=1,v0={others}");
        assert_eq!(read(&[&value]), ("1".to_owned(), 2));
        let (first, second) = (format!("t=1,v0={zeros}"), format!("t=2,v0={others}"));
        let long = " ".repeat(LONGEST_VALUE + 1);
        assert_eq!(read(&[&first, &long, "t=x", "", &second]), ("1 2".to_owned(), 2));
    }
}
