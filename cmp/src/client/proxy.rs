use std::{env, fmt, sync::OnceLock};

use ::http::Uri;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use cmp_generated::hooks;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Url, header::HeaderValue};
use zeroize::Zeroizing;

use crate::{
    environment::is_loopback,
    error::{Error, Result},
    http::{self, Http, Identity, ProxyTo, Settings, Tls},
    secret::ProxyPassword,
};

/// A forward proxy, such as a vault's, with its own user and password.
///
/// A vault's proxy puts the PAN in the place of an alias on the way, for which it answers with a certificate of its own
/// authority. V1 calls that carry aliases may have to go through it (source: demos that VGS publishes):
///
/// ```no_run
/// use cmp::{ServiceAccount, http::Proxy, v1::{Client, Environment}};
///
/// let password = std::env::var("VAULT_PROXY_PASSWORD")?;
/// let proxy = Proxy::new("https://tntabc123.sandbox.verygoodproxy.com:8443")
///     .credentials("US-user", password);
/// let v1 = Client::builder(Environment::Sandbox)
///     .service_account(ServiceAccount::from_env()?)
///     .proxy(proxy)
///     .root_certificate(std::fs::read("vgs-sandbox.pem")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Access tokens are fetched without either of the two; [`ClientBuilder::token_proxy`](crate::ClientBuilder::token_proxy)
/// is the proxy for those.
#[derive(Clone)]
pub struct Proxy {
    url: String,
    credentials: Option<(String, ProxyPassword)>,
}

impl Proxy {
    /// A proxy at this URL; user and password go into [`credentials`](Self::credentials), not into the URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), credentials: None }
    }

    /// The user and password that the proxy asks for.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), ProxyPassword::from_trusted(password)));
        self
    }

    /// Anything but HTTP would be passed by in silence, and the card data go past the proxy.
    fn parsed(&self) -> Result<Url> {
        let refuse = |why: &str| Err(Error::configuration(format!("the proxy's URL {why}")));
        let Ok(url) = Url::parse(&self.url) else { return refuse("is not a URL") };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refuse("must be `http://host:port` or `https://host:port`");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not hold credentials: use `Proxy::credentials`");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return refuse("must be nothing but scheme, host and port");
        }
        Ok(url)
    }

    /// Whether requests in clear text may go through it: it must be on this machine itself.
    fn is_loopback(&self) -> bool {
        self.parsed().is_ok_and(|url| is_loopback(&url))
    }

    fn to(&self) -> Result<ProxyTo> {
        let uri = self
            .parsed()?
            .as_str()
            .parse()
            .map_err(|_| Error::configuration("the proxy's URL can't be used"))?;
        Ok(ProxyTo {
            uri,
            authorization: self.credentials.as_ref().map(|(user, password)| basic(user, password)),
        })
    }
}

/// The header of HTTP's Basic scheme (RFC 7617), marked sensitive.
fn basic(user: &str, password: &ProxyPassword) -> HeaderValue {
    let both = Zeroizing::new(format!("{user}:{}", password.expose()));
    // A text that grows leaves copies of its beginning in freed memory.
    let mut text = String::with_capacity("Basic ".len() + 4 * both.len().div_ceil(3));
    text.push_str("Basic ");
    BASE64_STANDARD.encode_string(both.as_bytes(), &mut text);
    hooks::sensitive(text).expect("base64 is visible ASCII")
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .finish_non_exhaustive()
    }
}

/// The way to one host, and whom to trust on it.
///
/// The API and the token endpoint have one each: a vault's proxy, with a certificate authority of its own, is for
/// requests that carry aliases, and not for the client secret.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) proxy: Option<Proxy>,
    pub(super) root_certificates: Vec<Vec<u8>>,
    pub(super) identity: Option<Identity>,
}

/// The TLS settings of a client, made once for routes that have the same certificates.
#[derive(Default)]
pub(super) struct SharedTls(Option<(Certificates, Tls)>);

/// Root certificates, and the client's own.
type Certificates = (Vec<Vec<u8>>, Option<Identity>);

impl Route {
    /// A client for the one host of `url`.
    pub(super) fn client(&self, url: &Url, settings: &Settings, shared: &mut SharedTls) -> Result<Http> {
        let plain = url.scheme() == "http";
        let proxy = self.proxy_to(url)?;
        let over_tls = !plain || proxy.as_ref().is_some_and(|proxy| proxy.uri.scheme_str() == Some("https"));
        let tls = if over_tls || !self.root_certificates.is_empty() || self.identity.is_some() {
            Some(shared.get(self, settings.http1_only)?)
        } else {
            None
        };
        Ok(Http::new(settings, tls, proxy, plain))
    }

    /// Whether anything differs from the platform's settings.
    pub(super) fn is_set(&self) -> bool {
        self.proxy.is_some() || !self.root_certificates.is_empty() || self.identity.is_some()
    }

    fn proxy_to(&self, url: &Url) -> Result<Option<ProxyTo>> {
        let Some(proxy) = &self.proxy else { return of_the_system(url) };
        let to = proxy.to()?;
        if url.scheme() == "http" && !proxy.is_loopback() {
            return Err(Error::configuration("plain http must stay on this machine, and not go to a proxy"));
        }
        Ok(Some(to))
    }
}

impl SharedTls {
    fn get(&mut self, route: &Route, http1_only: bool) -> Result<Tls> {
        let of_this = (route.root_certificates.clone(), route.identity.clone());
        match &self.0 {
            Some((made_of, tls)) if *made_of == of_this => Ok(tls.clone()),
            _ => {
                let tls = Tls::new(&http::roots(&of_this.0)?, of_this.1.as_ref(), http1_only)?;
                self.0 = Some((of_this, tls.clone()));
                Ok(tls)
            }
        }
    }
}

/// The proxy that the process environment or the system names for this host.
fn of_the_system(url: &Url) -> Result<Option<ProxyTo>> {
    // Loopback would be another machine for it.
    if is_loopback(url) {
        return Ok(None);
    }
    let uri: Uri = url.as_str().parse().map_err(|_| Error::configuration("the URL can't be used"))?;
    variables_are_obeyed(&uri)?;
    let Some(proxy) = Matcher::from_system().intercept(&uri) else { return Ok(None) };
    if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
        return Err(Error::configuration("the proxy that the environment names is not an HTTP proxy"));
    }
    Ok(Some(ProxyTo { uri: proxy.uri().clone(), authorization: proxy.basic_auth().cloned() }))
}

/// Refuses variables about this URL that [`Matcher`] would pass by in silence: the card data would go direct, or through a proxy
/// that is not meant for them.
fn variables_are_obeyed(uri: &Uri) -> Result<()> {
    let intercepts = |proxy: &str, exceptions: &str| {
        Matcher::builder().all(proxy).no(exceptions).build().intercept(uri).is_some()
    };
    let no_proxy = ["NO_PROXY", "no_proxy"].map(|name| env::var(name).ok());
    let hides_exception = matches!(&no_proxy, [Some(empty), Some(exceptions)]
        if empty.is_empty() && !intercepts("http://proxy", exceptions));
    let exceptions = no_proxy.into_iter().flatten().next();
    // In a CGI program a header of the request could set `HTTP_PROXY`, so `Matcher` reads none.
    let is_cgi = env::var_os("REQUEST_METHOD").is_some();
    if is_cgi || !intercepts("http://proxy", &exceptions.unwrap_or_default()) {
        return Ok(());
    }
    let names = match uri.scheme_str() {
        Some("http") => [["HTTP_PROXY", "http_proxy"], ["ALL_PROXY", "all_proxy"]],
        _ => [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]],
    };
    // Messages show no value: it may hold a password.
    for [first, second] in names {
        let value = match [first, second].map(env::var_os) {
            [Some(empty), Some(proxy)] if empty.is_empty() && !proxy.is_empty() => {
                return Err(Error::configuration(format!(
                    "the variable {second} names a proxy, and {first} is empty: unset the one that shall not count"
                )));
            }
            [Some(value), _] if !value.is_empty() => (first, value),
            [_, Some(value)] if !value.is_empty() => (second, value),
            _ => continue,
        };
        let (name, value) = value;
        if hides_exception {
            return Err(Error::configuration(format!(
                "the variable no_proxy exempts the service from the proxy in {name}, and NO_PROXY is empty: unset the one that \
                 shall not count"
            )));
        }
        if value.to_str().is_some_and(|value| intercepts(value, "")) {
            return Ok(());
        }
        let message =
            format!("the proxy in the variable {name} can't be read: it must be `http://host:port`");
        return Err(Error::configuration(message));
    }
    Ok(())
}

/// What the generated client makes its requests with. It sends nothing, and is made once: where another crate turns on
/// reqwest's TLS, making one reads all root certificates.
pub(super) fn request_builder() -> Result<reqwest::Client> {
    static BUILDER: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(builder) = BUILDER.get() {
        return Ok(builder.clone());
    }
    let made = reqwest::Client::builder().no_proxy().build();
    let made = made.map_err(|_| Error::configuration("HTTP can't be set up"))?;
    Ok(BUILDER.get_or_init(|| made).clone())
}
