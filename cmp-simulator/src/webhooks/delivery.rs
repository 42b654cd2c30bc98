//! The task that signs and sends notifications, one at a time.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;

use crate::instance::Instance;
use crate::settings::{Endpoint, Signing};
use crate::webhooks::queue::{Attempt, Delivery};

const SIGNATURE_HEADER: &str = "vgs-signature";

/// A receiver that takes longer has not accepted the notification.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what is due until the future is dropped.
pub(crate) async fn deliver(instance: Arc<Instance>) {
    loop {
        while let Some(delivery) = take(&instance) {
            let answer = send(&delivery).await;
            note(&instance, &delivery, answer);
        }
        match time_until_next(&instance) {
            Some(time) => tokio::select! {
                () = instance.webhooks.work.notified() => {}
                () = tokio::time::sleep(time) => instance.settle(),
            },
            None => instance.webhooks.work.notified().await,
        }
    }
}

fn take(instance: &Instance) -> Option<Delivery> {
    let mut state = instance.state();
    let (settings, now) = (state.settings.webhooks.clone(), state.now());
    state.notifications.take(&settings, now)
}

fn note(instance: &Instance, delivery: &Delivery, answer: Result<u16, String>) {
    tracing::info!(http.response.status_code = answer.as_ref().ok(), "sent a notification");
    let attempt = Attempt::new(delivery.at, answer);
    let mut state = instance.state();
    let settings = state.settings.webhooks.clone();
    state.notifications.note(&settings, delivery.number, attempt);
    drop(state);
    instance.webhooks.report_progress();
}

/// Returns the time until a notification is due or a network token arrives.
fn time_until_next(instance: &Instance) -> Option<Duration> {
    let state = instance.state();
    let next = state.notifications.next_due().into_iter().chain(state.next_arrival()).min()?;
    Some((next - state.now()).to_std().unwrap_or_default())
}

async fn send(delivery: &Delivery) -> Result<u16, String> {
    match tokio::time::timeout(PATIENCE, post(delivery)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no response in time".to_owned()),
    }
}

async fn post(delivery: &Delivery) -> io::Result<u16> {
    let uri: Uri = delivery.endpoint.url().parse().map_err(io::Error::other)?;
    let host = uri.host().unwrap_or_default();
    // The brackets of an IPv6 address are part of the URL only.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // A receiver compares the time with its own clock, not with the simulator's.
    let (signature, body) = sign(delivery.signing, &delivery.endpoint, Utc::now(), &delivery.body);
    let mut request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, uri.authority().map_or(host, |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    if let Some(signature) = signature {
        request = request.header(SIGNATURE_HEADER, signature);
    }
    let request = request.body(Full::<Bytes>::new(body)).map_err(io::Error::other)?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // The connection may end with the response that it has just brought.
        _ = connection => answer.await,
    };
    answer.map(|answer| answer.status().as_u16()).map_err(io::Error::other)
}

/// Returns the value of the signature header, if any, and the body to send with it.
fn sign(signing: Signing, endpoint: &Endpoint, now: DateTime<Utc>, body: &Bytes) -> (Option<String>, Bytes) {
    let proper = || signature(endpoint.secrets(), now, body);
    match signing {
        Signing::Proper => (Some(proper()), body.clone()),
        Signing::Unsigned => (None, body.clone()),
        Signing::WrongSecret => {
            let wrong: Vec<_> = endpoint.secrets().map(|secret| format!("not {secret}")).collect();
            (Some(signature(wrong.iter().map(String::as_str), now, body)), body.clone())
        }
        Signing::TamperedBody => (Some(proper()), [body, &b" "[..]].concat().into()),
        Signing::OffBySeconds(seconds) => {
            let at = now + TimeDelta::seconds(seconds.into());
            (Some(signature(endpoint.secrets(), at, body)), body.clone())
        }
    }
}

fn signature<'a>(secrets: impl Iterator<Item = &'a str>, at: DateTime<Utc>, body: &[u8]) -> String {
    let time = at.timestamp().to_string();
    secrets.fold(format!("t={time}"), |header, secret| {
        let mac = hmac(secret.as_bytes(), &[time.as_bytes(), b".", body]);
        format!("{header},v0={mac}")
    })
}

/// Returns the HMAC-SHA256 in hexadecimal.
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
