use std::fmt;

use crate::{
    error::{Error, Result},
    secret::ProxyPassword,
};

/// A forward proxy, such as a vault's, with its own user and password.
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

    pub(crate) fn into_reqwest(self) -> Result<reqwest::Proxy> {
        let url = reqwest::Url::parse(&self.url)
            .map_err(|_| Error::configuration("the proxy's URL is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::configuration(
                "the proxy's URL must not hold credentials: use `Proxy::credentials`",
            ));
        }
        let proxy =
            reqwest::Proxy::all(url).map_err(|_| Error::configuration("the proxy's URL can't be used"))?;
        Ok(match &self.credentials {
            Some((user, password)) => proxy.basic_auth(user, password.expose()),
            None => proxy,
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .finish_non_exhaustive()
    }
}
