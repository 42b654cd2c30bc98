use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Url, redirect};

use super::Proxy;
use crate::{
    environment::is_loopback,
    error::{Error, Result},
    http,
};

const USER_AGENT: &str = concat!("cmp-rust/", env!("CARGO_PKG_VERSION"));

/// The way to one host, and whom to trust on it.
///
/// The API and the token endpoint have one each: a vault's proxy, with a certificate authority of its own, is for
/// requests that carry aliases, and not for the client secret.
#[derive(Debug, Default)]
pub(super) struct Route {
    pub(super) proxy: Option<Proxy>,
    pub(super) root_certificates: Vec<Vec<u8>>,
}

impl Route {
    /// A client for the one host of `url`.
    pub(super) fn client(&self, url: &Url, connect_timeout: Duration) -> Result<reqwest::Client> {
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(connect_timeout)
            // A redirect would take the token to another place, or turn a 303 into a GET and lose what it says.
            .redirect(redirect::Policy::none())
            .referer(false);
        let http = self.with_certificates(http)?;
        let http = self.with_proxy(http, url)?;
        http.build()
            .map_err(|error| Error::configuration(format!("HTTP can't be set up: {}", http::cause(&error))))
    }

    fn with_certificates(&self, mut http: ClientBuilder) -> Result<ClientBuilder> {
        for pem in &self.root_certificates {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|_| Error::configuration("a root certificate is not PEM"))?;
            if certificates.is_empty() {
                return Err(Error::configuration("a root certificate is not PEM"));
            }
            http = http.tls_certs_merge(certificates);
        }
        Ok(http)
    }

    fn with_proxy(&self, http: ClientBuilder, url: &Url) -> Result<ClientBuilder> {
        let Some(proxy) = &self.proxy else {
            // The process environment may name a proxy, for which loopback would be another machine.
            return Ok(if is_loopback(url) { http.no_proxy() } else { http });
        };
        let usable = proxy.clone().into_reqwest()?;
        if url.scheme() == "http" && !proxy.is_loopback() {
            return Err(Error::configuration("plain http must stay on this machine, and not go to a proxy"));
        }
        Ok(http.proxy(usable))
    }
}
