use std::{sync::Arc, time::Duration};

use cmp_generated::hooks::{self, MediaType};
use hyper_util::client::legacy;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName},
};

use super::{
    Client,
    proxy::{Proxy, Route, SharedTls, request_builder},
};
use crate::{
    auth::{AccessToken, AccessTokenProvider, ClientCredentials, ServiceAccount, StaticToken, TokenCache},
    call::{Core, Server},
    clock::{Clock, Jitter, SystemClock},
    drift::{DriftEvent, Watch},
    environment::{Endpoints, Environment},
    error::{Error, Result},
    http::{Identity, Settings},
    metrics::{Meter, Metrics},
    retry::{Pace, RetryBudget, RetryPolicy, Throttle},
    secret::HeaderText,
};

const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Set by the client itself, or about the connection, which is the HTTP stack's.
const RESERVED_HEADERS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Builds a [`Client`], or for a [`v1::Environment`](crate::v1::Environment) a [`v1::Client`](crate::v1::Client).
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder<E = Environment> {
    environment: E,
    credentials: Option<Credentials>,
    policy: RetryPolicy,
    budget: RetryBudget,
    pace: Option<Pace>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
    headers: Vec<(String, HeaderText)>,
    to_api: Route,
    to_token_endpoint: Route,
    connections: Settings,
    largest_answer: usize,
    drift: Option<Watch>,
    meter: Option<Meter>,
}

#[derive(Debug)]
enum Credentials {
    Account(ServiceAccount),
    Provider(Box<dyn AccessTokenProvider>),
}

impl<E> ClientBuilder<E> {
    pub(crate) fn new(environment: E) -> Self {
        Self {
            environment,
            credentials: None,
            policy: RetryPolicy::default(),
            budget: RetryBudget::default(),
            pace: None,
            clock: Arc::new(SystemClock),
            jitter: Jitter::default(),
            headers: Vec::new(),
            to_api: Route::default(),
            to_token_endpoint: Route::default(),
            connections: Settings::default(),
            largest_answer: LARGEST_ANSWER,
            drift: None,
            meter: None,
        }
    }

    /// Authenticates with a service account, against the environment's token endpoint.
    pub fn service_account(mut self, account: ServiceAccount) -> Self {
        self.credentials = Some(Credentials::Account(account));
        self
    }

    /// Authenticates with one access token from elsewhere. Calls fail once the service refuses it.
    pub fn access_token(self, token: AccessToken) -> Self {
        self.token_provider(StaticToken(token))
    }

    /// Authenticates with access tokens from your own source.
    pub fn token_provider(mut self, provider: impl AccessTokenProvider) -> Self {
        self.credentials = Some(Credentials::Provider(Box::new(provider)));
        self
    }

    /// Sets how calls are retried.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the budget that retries draw on. Clients can share one.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Limits how many requests this client and its clones send to the API in a time. There is no limit unless set.
    ///
    /// Requests are sent at regular distances, and idle time is not saved up. Each attempt counts, so retries do too. A call
    /// waits for its turn, or fails at once with [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) if its deadline comes
    /// first. A retry that has no turn before the deadline is not made. A [bulk run](crate::bulk) starts a call when its turn comes.
    ///
    /// A 429 halves the pace for all clones, to no less than a sixteenth. Each success brings back a sixty-fourth. Requests
    /// for an access token don't count. Requests that wait for a connection are sent together once it is made.
    ///
    /// VGS documents no limit for CMP. For its proxies it documents 200 requests a minute in the sandbox, and 5,000 live.
    /// Several processes share an account's limit: give each a part of it.
    ///
    /// ```
    /// # fn example(builder: cmp::ClientBuilder) {
    /// use cmp::retry::Pace;
    ///
    /// let builder = builder.pace(Pace::per_minute(200));
    /// # }
    /// ```
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Sends this header with every request to the API, but not with requests for an access token. `Debug` does
    /// not show its value. Of two headers with one name, the last is sent.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), HeaderText::from_trusted(value)));
        self
    }

    /// Sends requests to the API through this proxy, instead of those that the process environment names.
    ///
    /// Requests for an access token don't go through it, since a vault's proxy must not see the client secret: see
    /// [`token_proxy`](Self::token_proxy).
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.to_api.proxy = Some(proxy);
        self
    }

    /// Trusts this root certificate (PEM) beside the platform's, for requests to the API. A vault's proxy needs this. The
    /// token endpoint has [`token_root_certificate`](Self::token_root_certificate).
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.to_api.root_certificates.push(pem.into());
        self
    }

    /// Sends requests for an access token through this proxy. Only [`service_account`](Self::service_account) uses it.
    pub fn token_proxy(mut self, proxy: Proxy) -> Self {
        self.to_token_endpoint.proxy = Some(proxy);
        self
    }

    /// Trusts this root certificate (PEM) beside the platform's for the token endpoint. Only
    /// [`service_account`](Self::service_account) uses it.
    pub fn token_root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.to_token_endpoint.root_certificates.push(pem.into());
        self
    }

    /// Sets the time for making a connection: name, TCP, proxy and TLS together. 10 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connections.connect_timeout = timeout;
        self
    }

    /// Sets how long an unused connection is kept. 45 seconds unless set, which is below the 60 seconds after which
    /// balancers usually close one. Zero keeps none.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.connections.idle_timeout = timeout;
        self
    }

    /// Pings HTTP/2 connections that have been silent for `interval`, used or not. No ping is sent unless set, or after zero.
    ///
    /// A ping that is not answered in [`http2_keep_alive_timeout`](Self::http2_keep_alive_timeout) closes the connection.
    pub fn http2_keep_alive_interval(mut self, interval: Duration) -> Self {
        self.connections.keep_alive_interval = Some(interval).filter(|interval| !interval.is_zero());
        self
    }

    /// Sets the time for the answer to a ping. 20 seconds unless set.
    ///
    /// It has no effect without [`http2_keep_alive_interval`](Self::http2_keep_alive_interval).
    pub fn http2_keep_alive_timeout(mut self, timeout: Duration) -> Self {
        self.connections.keep_alive_timeout = timeout;
        self
    }

    /// Offers HTTP/1.1 alone. Otherwise the server chooses between HTTP/2 and HTTP/1.1.
    pub fn http1_only(mut self) -> Self {
        self.connections.http1_only = true;
        self
    }

    /// Applies settings of your own to both HTTP clients: that for the API and that for the token endpoint.
    ///
    /// The client's own settings come last. So yours can't bring back a hidden retry, or change time limits and the
    /// pool's timers. The type is that of hyper-util 0.1, and follows its versions.
    ///
    /// ```
    /// # fn example(builder: cmp::ClientBuilder) {
    /// let builder = builder.http(|http| {
    ///     http.pool_max_idle_per_host(4).http2_adaptive_window(true);
    /// });
    /// # }
    /// ```
    pub fn http(mut self, settings: impl Fn(&mut legacy::Builder) + Send + Sync + 'static) -> Self {
        self.connections.before.push(Arc::new(settings));
        self
    }

    /// Authenticates to the API's TLS with this certificate and its private key, both PEM. In `chain` the client's own
    /// certificate comes first, then those that sign it. The token endpoint has
    /// [`token_client_certificate`](Self::token_client_certificate).
    ///
    /// If the service refuses the certificate, a call fails without a retry, and nothing was processed. This needs rustls. With
    /// native-tls the refusal looks like another failure of the connection: it may be retried, and the outcome may be unknown.
    pub fn client_certificate(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.to_api.identity = Some(Identity::new(chain, key));
        self
    }

    /// Authenticates to the token endpoint's TLS with this certificate and its private key, both PEM. Only
    /// [`service_account`](Self::service_account) uses it.
    pub fn token_client_certificate(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.to_token_endpoint.identity = Some(Identity::new(chain, key));
        self
    }

    /// Sets the largest response that is read, in bytes. 4 MiB unless set.
    pub fn largest_answer(mut self, bytes: usize) -> Self {
        self.largest_answer = bytes;
        self
    }

    /// Counts what is unknown in responses, for [`Client::drift`]: see [`drift`](crate::drift).
    pub fn watch_drift(mut self) -> Self {
        self.drift.get_or_insert_default();
        self
    }

    /// Does what [`watch_drift`](Self::watch_drift) does, and calls `hook` for each unknown part. The hook runs inside the
    /// call: it must be quick and must not panic.
    pub fn on_drift(mut self, hook: impl Fn(&DriftEvent) + Send + Sync + 'static) -> Self {
        self.drift = Some(Watch::with_hook(hook));
        self
    }

    /// Measures what the client does with this meter: see [`metrics`](crate::metrics).
    #[cfg(feature = "opentelemetry")]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.meter = Some(meter.clone());
        self
    }

    /// Uses this clock: see [`clock`](crate::clock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Uses this source of numbers between 0 and 1 for waits.
    #[cfg(feature = "test-util")]
    pub fn randomness(mut self, source: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Jitter::new(source);
        self
    }

    pub(crate) fn into_core(self, media_type: MediaType) -> Result<Core>
    where
        E: Endpoints,
    {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            add_header(&mut headers, name, value.expose())?;
        }
        let api_url = parsed("API", self.environment.api_url())?;
        let token_url = parsed("token", self.environment.token_url())?;
        let mut tls = SharedTls::default();
        let http = self.to_api.client(&api_url, &self.connections, &mut tls)?;
        // Settings are checked even if a token from elsewhere does not use them.
        if !matches!(self.credentials, Some(Credentials::Account(_))) && self.to_token_endpoint.is_set() {
            self.to_token_endpoint.client(&token_url, &self.connections, &mut tls)?;
        }
        let provider = match self.credentials {
            None => return Err(Error::configuration("no credentials: give a service account or a token")),
            Some(Credentials::Provider(provider)) => provider,
            Some(Credentials::Account(account)) => {
                let http = self.to_token_endpoint.client(&token_url, &self.connections, &mut tls)?;
                Box::new(ClientCredentials { account, token_url, http, clock: Arc::clone(&self.clock) })
            }
        };
        let server = Server::new(api_url);
        let place = Some((&*server.address, server.port));
        let metrics = Metrics::new(self.meter.as_ref(), &self.clock, place);
        let auth = TokenCache::new(provider, Arc::clone(&self.clock), self.jitter.clone(), metrics.clone());
        metrics.observe(self.budget.watch(), auth.token_age());
        Ok(Core {
            media_type,
            server,
            auth,
            http,
            request_builder: request_builder()?,
            headers: Arc::new(headers),
            clock: self.clock,
            jitter: self.jitter,
            policy: self.policy,
            budget: self.budget,
            throttle: Throttle::new(self.pace),
            largest_answer: self.largest_answer,
            drift: self.drift.map(Arc::new),
            on_answer: None,
            metrics,
            lookups: Arc::default(),
        })
    }
}

/// Adds a header of the user. Of two headers with one name, the last counts.
pub(crate) fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(Error::configuration(format!("the header {name} is set by the client itself")));
    }
    let Ok(parsed) = HeaderName::try_from(name) else {
        return Err(Error::configuration("a header has a name that HTTP doesn't allow"));
    };
    let visible = !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let Some(value) = visible.then(|| hooks::sensitive(value.to_owned()).ok()).flatten() else {
        return Err(Error::configuration(format!("the header {parsed} must be visible ASCII text")));
    };
    headers.insert(parsed, value);
    Ok(())
}

fn parsed(what: &str, url: &str) -> Result<Url> {
    Url::parse(url).map_err(|_| Error::configuration(format!("the {what} URL is not a URL")))
}

impl Client {
    /// Starts to build a client for `environment`.
    pub fn builder(environment: Environment) -> ClientBuilder {
        ClientBuilder::new(environment)
    }
}

impl ClientBuilder {
    /// Sends `vgs-vault` with this vault id, as VGS's own command line does. Called twice, the last id is sent.
    pub fn vault(self, vault_id: impl Into<String>) -> Self {
        self.header("vgs-vault", vault_id)
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there are no credentials, or a header,
    /// certificate or proxy is invalid.
    pub fn build(self) -> Result<Client> {
        Ok(Client(Arc::new(self.into_core(MediaType::JsonApi)?)))
    }
}
