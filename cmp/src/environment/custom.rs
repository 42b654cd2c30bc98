use std::fmt;

use reqwest::Url;

use super::TOKEN_URL_VARIABLE;
use crate::{
    error::{Error, Result},
    variables::Variables,
};

/// The two addresses of a custom environment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CustomEnvironment {
    api: Url,
    token: Url,
}

impl CustomEnvironment {
    pub(crate) fn new(api_url: &str, token_url: &str) -> Result<Self> {
        Ok(Self { api: safe_url("API URL", api_url)?, token: safe_url("token URL", token_url)? })
    }

    pub(crate) fn from_variables(variables: &Variables, api_url_variable: &str) -> Result<Self> {
        let url = |name: &str| safe_url(&format!("URL in {name}"), &variables.needed(name)?);
        Ok(Self { api: url(api_url_variable)?, token: url(TOKEN_URL_VARIABLE)? })
    }

    pub(crate) fn api_url(&self) -> &str {
        self.api.as_str().trim_end_matches('/')
    }

    pub(crate) fn token_url(&self) -> &str {
        self.token.as_str()
    }
}

impl fmt::Debug for CustomEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({}, token {})", self.api, self.token)
    }
}

fn safe_url(what: &str, text: &str) -> Result<Url> {
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
            assert!(CustomEnvironment::new(good, good).is_ok(), "{good}");
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
            let error = CustomEnvironment::new(bad, "https://a.example").unwrap_err().to_string();
            assert!(error.contains("API URL") && !error.contains("u:p"), "{bad}: {error}");
            assert!(CustomEnvironment::new("https://a.example", bad).is_err(), "{bad}");
        }
    }
}
