//! The task that sends notifications, one at a time.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use super::outbox::Delivery;
use super::{Attempt, signature};
use crate::shared::Shared;

/// A receiver that takes longer has not accepted the notification.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between the task and those who give it work or wait for it.
#[derive(Default)]
pub(crate) struct Signals {
    work: Notify,
    progress: watch::Sender<()>,
}

impl Signals {
    /// There may be something to send.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    pub(super) fn progress(&self) -> watch::Receiver<()> {
        self.progress.subscribe()
    }
}

/// Sends what is due until the future is dropped.
pub(crate) async fn deliver(shared: Arc<Shared>) {
    loop {
        while let Some(delivery) = take(&shared) {
            let answer = send(&delivery).await;
            note(&shared, &delivery, answer);
        }
        match time_until_next(&shared) {
            Some(time) => tokio::select! {
                () = shared.delivery.work.notified() => {}
                () = tokio::time::sleep(time) => shared.settle(),
            },
            None => shared.delivery.work.notified().await,
        }
    }
}

fn take(shared: &Shared) -> Option<Delivery> {
    let mut state = shared.state();
    let (settings, now) = (state.settings.webhooks.clone(), state.now());
    state.outbox.take(&settings, now)
}

fn note(shared: &Shared, delivery: &Delivery, answer: Result<u16, String>) {
    tracing::info!(http.response.status_code = answer.as_ref().ok(), "sent a notification");
    let attempt = Attempt::new(delivery.at, answer);
    let mut state = shared.state();
    let settings = state.settings.webhooks.clone();
    state.outbox.note(&settings, delivery.number, attempt);
    drop(state);
    shared.delivery.progress.send_replace(());
}

/// Until a notification is due, or a network token arrives that one tells of.
fn time_until_next(shared: &Shared) -> Option<Duration> {
    let state = shared.state();
    let next = state.outbox.next_due().into_iter().chain(state.next_arrival()).min()?;
    Some((next - state.now()).to_std().unwrap_or_default())
}

async fn send(delivery: &Delivery) -> Result<u16, String> {
    match tokio::time::timeout(PATIENCE, post(delivery)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn post(delivery: &Delivery) -> io::Result<u16> {
    let uri: Uri = delivery.endpoint.url().parse().map_err(io::Error::other)?;
    let host = uri.host().unwrap_or_default();
    // The brackets of an IPv6 address belong to the URL.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // A receiver compares the time with its own clock, which nobody advances.
    let (signature, body) = signature::sign(delivery.signing, &delivery.endpoint, Utc::now(), &delivery.body);
    let mut request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, uri.authority().map_or(host, |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    if let Some(signature) = signature {
        request = request.header(signature::HEADER, signature);
    }
    let request = request.body(Full::<Bytes>::new(body)).map_err(io::Error::other)?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // It may end with the answer that it has just brought.
        _ = connection => answer.await,
    };
    answer.map(|answer| answer.status().as_u16()).map_err(io::Error::other)
}
