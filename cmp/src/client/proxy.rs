use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::{Url, header::HeaderValue};
use zeroize::Zeroizing;

use crate::{
    environment::is_loopback,
    error::{Error, Result},
    http::ProxyTo,
    secret::ProxyPassword,
};

/// A forward proxy, such as a vault's, with its own user and password.
///
/// A vault's proxy puts the PAN in the place of an alias on the way, for which it answers with a certificate of its own
/// authority. V1 calls that carry aliases may have to go through it (source: demos that VGS publishes):
///
/// ```no_run
/// use cmp::{Proxy, ServiceAccount, v1::{Client, Environment}};
///
/// # fn read_password() -> String { String::new() }
/// let proxy = Proxy::new("https://tntabc123.sandbox.verygoodproxy.com:8443")
///     .credentials("US-user", read_password());
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
    pub(super) fn is_loopback(&self) -> bool {
        self.parsed().is_ok_and(|url| is_loopback(&url))
    }

    pub(super) fn to(&self) -> Result<ProxyTo> {
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
    let text = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(both.as_bytes())));
    let mut value = HeaderValue::from_str(&text).expect("base64 is visible ASCII");
    value.set_sensitive(true);
    value
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .finish_non_exhaustive()
    }
}
