use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use hyper_util::{client::legacy, rt::TokioTimer};

use super::{
    connect::{Connector, ProxyTo},
    exchange::Exchange,
    quiet::{Quiet, QuietExecutor},
    tls::Tls,
};

/// Connections to one host, and how long they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) keep_alive_interval: Option<Duration>,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) http1_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Balancers usually close after 60 s, and a request must not meet that.
            idle_timeout: Duration::from_secs(45),
            keep_alive_interval: None,
            keep_alive_timeout: Duration::from_secs(20),
            http1_only: false,
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
        let connector = Connector::new(tls, proxy, settings.connect_timeout);
        // What the pool sends again by itself, when a connection turns out to be closed, was never written to it.
        let client = legacy::Client::builder(QuietExecutor)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .http2_keep_alive_interval(settings.keep_alive_interval)
            .http2_keep_alive_timeout(settings.keep_alive_timeout)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Self(Arc::new(Inner { client, proxy_authorization }))
    }

    /// Prepares one request, of whose answer at most `largest_answer` bytes are read.
    pub(crate) fn exchange(&self, largest_answer: usize) -> Exchange {
        Exchange::new(self.clone(), largest_answer)
    }

    pub(super) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.0.proxy_authorization.as_ref()
    }

    pub(super) fn request(&self, request: http::Request<reqwest::Body>) -> Quiet<legacy::ResponseFuture> {
        Quiet::new(self.0.client.request(request))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
