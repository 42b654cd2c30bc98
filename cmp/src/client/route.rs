use std::sync::OnceLock;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::Proxy;
use crate::{
    environment::is_loopback,
    error::{Error, Result},
    http::{self, Http, ProxyTo, Settings, Tls},
};

/// The way to one host, and whom to trust on it.
///
/// The API and the token endpoint have one each: a vault's proxy, with a certificate authority of its own, is for
/// requests that carry aliases, and not for the client secret.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) proxy: Option<Proxy>,
    pub(super) root_certificates: Vec<Vec<u8>>,
}

/// The TLS settings of a client, made once for routes that trust the same root certificates.
#[derive(Default)]
pub(super) struct SharedTls(Option<(Vec<Vec<u8>>, Tls)>);

impl Route {
    /// A client for the one host of `url`.
    pub(super) fn client(&self, url: &Url, settings: &Settings, shared: &mut SharedTls) -> Result<Http> {
        let plain = url.scheme() == "http";
        let proxy = self.proxy_to(url)?;
        let over_tls = !plain || proxy.as_ref().is_some_and(|proxy| proxy.uri.scheme_str() == Some("https"));
        let tls = if over_tls || !self.root_certificates.is_empty() {
            Some(shared.get(&self.root_certificates, settings.http1_only)?)
        } else {
            None
        };
        Ok(Http::new(settings, tls, proxy, plain))
    }

    /// Whether anything differs from the platform's settings.
    pub(super) fn is_set(&self) -> bool {
        self.proxy.is_some() || !self.root_certificates.is_empty()
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
    fn get(&mut self, pems: &[Vec<u8>], http1_only: bool) -> Result<Tls> {
        match &self.0 {
            Some((roots, tls)) if roots == pems => Ok(tls.clone()),
            _ => {
                let tls = Tls::new(&http::roots(pems)?, http1_only)?;
                self.0 = Some((pems.to_vec(), tls.clone()));
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
    let uri = url.as_str().parse().map_err(|_| Error::configuration("the URL can't be used"))?;
    let Some(proxy) = Matcher::from_system().intercept(&uri) else { return Ok(None) };
    if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
        return Err(Error::configuration("the proxy that the environment names is not an HTTP proxy"));
    }
    Ok(Some(ProxyTo { uri: proxy.uri().clone(), authorization: proxy.basic_auth().cloned() }))
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
