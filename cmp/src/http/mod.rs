//! What few programs set or read of HTTP: a proxy, the head of each answer, and the generated client.
//!
//! See [`ClientBuilder::proxy`](crate::ClientBuilder::proxy), [`Client::on_answer`](crate::Client::on_answer) and
//! [`Client::raw`](crate::Client::raw).

// Below them is one client for each host, whose connections and failures this crate knows exactly.

mod cause;
mod connect;
mod exchange;
mod quiet;
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
pub(crate) use cause::Cause;
use cmp_generated::lenient::append;
use connect::Connector;
pub(crate) use connect::ProxyTo;
pub(crate) use exchange::Exchange;
use futures_util::{Stream, StreamExt, pin_mut};
use http::HeaderValue;
use hyper_util::{client::legacy, rt::TokioTimer};
use quiet::{Quiet, QuietExecutor};
pub(crate) use tls::{Identity, Tls, roots};
use zeroize::Zeroizing;

use crate::clock::NEVER;
pub use crate::{
    call::AnswerHead,
    client::{Proxy, Raw},
};

/// Connections to one host, and how long they are kept.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) keep_alive_interval: Option<Duration>,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) http1_only: bool,
    /// The user's own, which come before these.
    pub(crate) before: Vec<Before>,
}

type Before = Arc<dyn Fn(&mut legacy::Builder) + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Balancers usually close after 60 s, and a request must not meet that.
            idle_timeout: Duration::from_secs(45),
            keep_alive_interval: None,
            keep_alive_timeout: Duration::from_secs(20),
            http1_only: false,
            before: Vec::new(),
        }
    }
}

/// An HTTP client for one host. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Http(Arc<Inner>);

struct Inner {
    client: legacy::Client<Connector, reqwest::Body>,
    /// Sent with each request that the proxy reads itself.
    proxy_authorization: Option<HeaderValue>,
}

impl Http {
    pub(crate) fn new(settings: &Settings, tls: Option<Tls>, proxy: Option<ProxyTo>, plain: bool) -> Self {
        let proxy_authorization =
            proxy.as_ref().filter(|_| plain).and_then(|proxy| proxy.authorization.clone());
        let connector = Connector::new(tls, proxy, settings.connect_timeout.min(NEVER));
        let mut builder = legacy::Client::builder(QuietExecutor);
        for before in &settings.before {
            before(&mut builder);
        }
        let client = builder
            // What the pool sends again by itself, when a connection turns out to be closed, was never written to it.
            .retry_canceled_requests(true)
            .set_host(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout.min(NEVER))
            .http2_keep_alive_interval(settings.keep_alive_interval.map(|interval| interval.min(NEVER)))
            .http2_keep_alive_timeout(settings.keep_alive_timeout.min(NEVER))
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Self(Arc::new(Inner { client, proxy_authorization }))
    }

    fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.0.proxy_authorization.as_ref()
    }

    fn request(&self, request: http::Request<reqwest::Body>) -> Quiet<legacy::ResponseFuture> {
        Quiet::new(self.0.client.request(request))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("http1_only", &self.http1_only).finish_non_exhaustive()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) enum BodyError {
    TooLarge,
    Broken(Cause),
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body(
    body: impl Stream<Item = reqwest::Result<Bytes>>,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    pin_mut!(body);
    let mut read = Zeroizing::new(Vec::new());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| match Cause::of(&error) {
            Cause::BodyTooLarge => BodyError::TooLarge,
            cause => BodyError::Broken(cause),
        })?;
        if read.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        append(&mut read, &chunk);
    }
    Ok(read)
}
