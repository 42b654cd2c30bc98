use std::{env, fmt};

use crate::{
    environment::{self, CustomEnvironment, Endpoints},
    error::Result,
};

const SANDBOX: &str = "https://calm.sandbox.verygoodsecurity.app";
const LIVE: &str = "https://calm.live.verygoodsecurity.app";

/// Where V1 requests go, and where access tokens come from. The token endpoint is the one of CMP.
///
/// A type of its own: a V1 client can't be given a CMP environment, nor the other way round.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// `https://calm.sandbox.verygoodsecurity.app`.
    Sandbox,
    /// `https://calm.live.verygoodsecurity.app`, for real cards.
    Live,
    /// Another place, such as a simulator: see [`Environment::custom`].
    Custom(CustomEnvironment),
}

impl Environment {
    /// Another place that speaks V1: the base URL for requests and the URL of the token endpoint.
    ///
    /// # Errors
    /// As [`Environment::custom`](crate::Environment::custom) of CMP: `https` only, but on loopback.
    pub fn custom(api_url: impl AsRef<str>, token_url: impl AsRef<str>) -> Result<Self> {
        CustomEnvironment::new(api_url.as_ref(), token_url.as_ref()).map(Self::Custom)
    }

    /// Reads the environment from the process, as [`Environment::from_env`](crate::Environment::from_env) of CMP does,
    /// with `VGS_V1_API_URL` in the place of `VGS_API_URL`.
    ///
    /// # Errors
    /// If the name is unknown, or an address of a custom one is missing or refused.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        use environment::Environment as Named;
        Ok(match Named::from_variables(variable, "VGS_V1_API_URL")? {
            Named::Sandbox => Self::Sandbox,
            Named::Live => Self::Live,
            Named::Custom(custom) => Self::Custom(custom),
        })
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
            _ => environment::TOKEN_URL,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_environment_decides() {
        let read = |pairs: &'static [(&str, &str)]| {
            Environment::from_variables(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(read(&[]).unwrap(), Environment::Sandbox);
        assert_eq!(read(&[("VGS_ENVIRONMENT", "live")]).unwrap(), Environment::Live);
        let custom = &[
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_API_URL", "http://127.0.0.1:1"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ];
        assert!(
            read(custom).unwrap_err().to_string().contains("VGS_V1_API_URL"),
            "CMP's address is not V1's"
        );
        let custom = read(&[
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_V1_API_URL", "http://127.0.0.1:9/base/"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ]);
        assert_eq!(custom.unwrap().api_url(), "http://127.0.0.1:9/base");
    }
}
