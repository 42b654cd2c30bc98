//! Which service the client talks to.

use std::{env, fmt};

use reqwest::Url;

use crate::error::{Error, Result};

const SANDBOX: &str = "https://sandbox.vgsapi.com";
const LIVE: &str = "https://vgsapi.com";
/// One token endpoint serves both environments.
pub(crate) const TOKEN_URL: &str =
    "https://auth.verygoodsecurity.com/auth/realms/vgs/protocol/openid-connect/token";

/// Where requests go, and where access tokens come from.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// `https://sandbox.vgsapi.com`, for tests with the documented test cards.
    Sandbox,
    /// `https://vgsapi.com`, for real cards.
    Live,
    /// Another place, such as an inbound proxy or a simulator: see [`Environment::custom`].
    Custom(CustomEnvironment),
}

/// The two addresses of an [`Environment::Custom`].
#[derive(Clone, PartialEq, Eq)]
pub struct CustomEnvironment {
    api: Url,
    token: Url,
}

impl Environment {
    /// Another place that speaks the same API: the base URL for requests and the URL of the token endpoint.
    ///
    /// # Errors
    /// If either is not an absolute `https` URL, or has user information, a query or a fragment. Plain `http` is
    /// allowed on loopback only, because a bearer token travels with each request.
    pub fn custom(api_url: impl AsRef<str>, token_url: impl AsRef<str>) -> Result<Self> {
        CustomEnvironment::new(api_url.as_ref(), token_url.as_ref()).map(Self::Custom)
    }

    /// Reads the environment from the process: `VGS_ENVIRONMENT` is `sandbox` (the default), `live` or `custom`; the
    /// last one takes its addresses from `VGS_API_URL` and `VGS_TOKEN_URL`.
    ///
    /// # Errors
    /// If the name is another one, or an address is missing or refused by [`Environment::custom`].
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| env::var(name).ok(), "VGS_API_URL")
    }

    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
        api_url: &'static str,
    ) -> Result<Self> {
        let needed = |name| {
            variable(name).ok_or_else(|| Error::configuration(format!("{name} is not set, or is not UTF-8")))
        };
        match variable("VGS_ENVIRONMENT").as_deref().map(str::trim) {
            None | Some("" | "sandbox") => Ok(Self::Sandbox),
            Some("live") => Ok(Self::Live),
            Some("custom") => Self::custom(needed(api_url)?, needed("VGS_TOKEN_URL")?),
            Some(_) => Err(Error::configuration("VGS_ENVIRONMENT must be `sandbox`, `live` or `custom`")),
        }
    }

    /// The base URL for requests, without a slash at its end.
    #[must_use]
    pub fn api_url(&self) -> &str {
        match self {
            Self::Sandbox => SANDBOX,
            Self::Live => LIVE,
            Self::Custom(custom) => custom.api_url(),
        }
    }

    /// The URL of the token endpoint.
    #[must_use]
    pub fn token_url(&self) -> &str {
        match self {
            Self::Custom(custom) => custom.token_url(),
            _ => TOKEN_URL,
        }
    }
}

impl CustomEnvironment {
    pub(crate) fn new(api_url: &str, token_url: &str) -> Result<Self> {
        Ok(Self { api: safe_url("API URL", api_url)?, token: safe_url("token URL", token_url)? })
    }

    pub(crate) fn api_url(&self) -> &str {
        self.api.as_str().trim_end_matches('/')
    }

    pub(crate) fn token_url(&self) -> &str {
        self.token.as_str()
    }
}

/// What a client asks of an environment, whichever API it is of.
pub(crate) trait Endpoints {
    /// The base URL for requests, without a slash at its end.
    fn api_url(&self) -> &str;

    /// The URL of the token endpoint.
    fn token_url(&self) -> &str;
}

impl Endpoints for Environment {
    fn api_url(&self) -> &str {
        self.api_url()
    }

    fn token_url(&self) -> &str {
        self.token_url()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandbox => f.write_str("Sandbox"),
            Self::Live => f.write_str("Live"),
            Self::Custom(custom) => custom.fmt(f),
        }
    }
}

impl fmt::Debug for CustomEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({}, token {})", self.api, self.token)
    }
}

pub(crate) fn safe_url(what: &str, text: &str) -> Result<Url> {
    let refuse = |why: &str| Err(Error::configuration(format!("the {what} {why}")));
    let Ok(url) = Url::parse(text) else { return refuse("is not an absolute URL") };
    if url.cannot_be_a_base() || !url.has_host() {
        return refuse("has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must not have a query or a fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("must be https: plain http would show the access token to the network"),
        _ => refuse("must be https"),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:80/x",
            "http://localhost",
            "https://a.b/c",
        ] {
            assert!(Environment::custom(good, good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://u:p@a.example",
            "https://u@a.example",
            "https://a.example/?q",
            "https://a.example/#f",
            "a.example",
            "data:x",
            "",
        ] {
            let error = Environment::custom(bad, "https://a.example").unwrap_err().to_string();
            assert!(error.contains("API URL") && !error.contains("u:p"), "{bad}: {error}");
            assert!(Environment::custom("https://a.example", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_process_environment_decides() {
        let read = |pairs: &'static [(&str, &str)]| {
            let variable =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Environment::from_variables(variable, "VGS_API_URL")
        };
        assert_eq!(read(&[]).unwrap(), Environment::Sandbox);
        assert_eq!(read(&[("VGS_ENVIRONMENT", "live")]).unwrap(), Environment::Live);
        assert!(read(&[("VGS_ENVIRONMENT", "prod")]).is_err());
        assert!(read(&[("VGS_ENVIRONMENT", "custom")]).unwrap_err().to_string().contains("VGS_API_URL"));
        let custom = read(&[
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_API_URL", "http://127.0.0.1:9/base/"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ]);
        assert_eq!(custom.unwrap().api_url(), "http://127.0.0.1:9/base");
    }
}
