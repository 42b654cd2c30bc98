//! The signature header.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::settings::{Endpoint, Signing};

pub(super) const HEADER: &str = "vgs-signature";

/// The value of the signature header, if there is one, and the body to send with it.
pub(super) fn sign(
    signing: Signing,
    endpoint: &Endpoint,
    now: DateTime<Utc>,
    body: &Bytes,
) -> (Option<String>, Bytes) {
    let proper = || header(endpoint.secrets(), now, body);
    match signing {
        Signing::Proper => (Some(proper()), body.clone()),
        Signing::Unsigned => (None, body.clone()),
        Signing::WrongSecret => {
            let wrong: Vec<_> = endpoint.secrets().map(|secret| format!("not {secret}")).collect();
            (Some(header(wrong.iter().map(String::as_str), now, body)), body.clone())
        }
        Signing::TamperedBody => (Some(proper()), [body, &b" "[..]].concat().into()),
        Signing::OffBySeconds(seconds) => {
            let at = now + TimeDelta::seconds(seconds.into());
            (Some(header(endpoint.secrets(), at, body)), body.clone())
        }
    }
}

fn header<'a>(secrets: impl Iterator<Item = &'a str>, at: DateTime<Utc>, body: &[u8]) -> String {
    let time = at.timestamp().to_string();
    secrets.fold(format!("t={time}"), |header, secret| {
        let mac = hmac(secret.as_bytes(), &[time.as_bytes(), b".", body]);
        format!("{header},v0={mac}")
    })
}

/// HMAC-SHA256 in hexadecimal digits.
fn hmac(key: &[u8], message: &[&[u8]]) -> String {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    let mac = message.iter().fold(mac, Mac::chain_update);
    format!("{:x}", mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
    #[test]
    fn published_vectors() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            let (start, end) = message.split_at(3);
            assert_eq!(hmac(key, &[start, end]), expected);
        }
    }
}
