//! Which service the client talks to.

mod custom;
mod define;

pub use custom::CustomEnvironment;
pub(crate) use custom::is_loopback;
pub(crate) use define::environment;

use crate::{
    error::{Error, Result},
    variables::Variables,
};

/// One token endpoint serves both APIs and both environments.
pub(crate) const TOKEN_URL: &str =
    "https://auth.verygoodsecurity.com/auth/realms/vgs/protocol/openid-connect/token";
pub(crate) const TOKEN_URL_VARIABLE: &str = "VGS_TOKEN_URL";

environment! {
    /// Where requests go, and where access tokens come from.
    ///
    /// [`Display`](std::fmt::Display) gives the name as `VGS_ENVIRONMENT` has it, and [`FromStr`](std::str::FromStr) takes
    /// `sandbox` and `live`.
    Environment {
        sandbox: "https://sandbox.vgsapi.com",
        live: "https://vgsapi.com",
        api_url_variable: "VGS_API_URL",
    }
}

/// What a client asks of an environment, whichever API it is of.
pub(crate) trait Endpoints {
    /// The base URL for requests, without a slash at its end.
    fn api_url(&self) -> &str;

    /// The URL of the token endpoint.
    fn token_url(&self) -> &str;
}

/// An address that is set but not used would send cards elsewhere than meant.
pub(crate) fn refuse_addresses(variables: &Variables, api_url_variable: &str) -> Result<()> {
    for name in [api_url_variable, TOKEN_URL_VARIABLE] {
        if variables.read(name)?.is_some() {
            let message = format!("{name} is set, which needs VGS_ENVIRONMENT to be `custom`");
            return Err(Error::configuration(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(pairs: [(&'static str, &'static str); N]) -> Result<Environment> {
        Environment::from_variables(&Variables::from(pairs))
    }

    fn refusal<const N: usize>(pairs: [(&'static str, &'static str); N]) -> String {
        read(pairs).unwrap_err().to_string()
    }

    #[test]
    fn the_process_environment_decides() {
        assert_eq!(read([]).unwrap(), Environment::Sandbox);
        assert_eq!(read([("VGS_ENVIRONMENT", " ")]).unwrap(), Environment::Sandbox);
        assert_eq!(read([("VGS_ENVIRONMENT", "live\n")]).unwrap(), Environment::Live);
        assert!(refusal([("VGS_ENVIRONMENT", "prod")]).contains("VGS_ENVIRONMENT"));
        let custom = read([
            ("VGS_ENVIRONMENT", "custom"),
            ("VGS_API_URL", "http://127.0.0.1:9/base/"),
            ("VGS_TOKEN_URL", "http://127.0.0.1:9/token"),
        ]);
        assert_eq!(custom.unwrap().api_url(), "http://127.0.0.1:9/base");
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_environment_is_not_the_sandbox() {
        let variables = Variables::from([]).and_unreadable("VGS_ENVIRONMENT");
        let error = Environment::from_variables(&variables).unwrap_err().to_string();
        assert!(error.contains("VGS_ENVIRONMENT"), "{error}");
    }

    #[test]
    fn addresses_without_custom_are_refused_by_name() {
        for name in ["VGS_API_URL", "VGS_TOKEN_URL"] {
            for environment in ["", "sandbox", "live"] {
                let error = refusal([("VGS_ENVIRONMENT", environment), (name, "https://a.example")]);
                assert!(error.contains(name) && error.contains("custom"), "{error}");
            }
            assert!(read([(name, "")]).is_ok(), "blank is unset");
        }
    }

    #[test]
    fn a_custom_address_that_is_missing_or_wrong_is_named() {
        for wrong in ["", "a.example", "http://a.example"] {
            let custom = ("VGS_ENVIRONMENT", "custom");
            let good = "https://a.example";
            let error = refusal([custom, ("VGS_API_URL", wrong), ("VGS_TOKEN_URL", good)]);
            assert!(error.contains("VGS_API_URL"), "{error}");
            let error = refusal([custom, ("VGS_API_URL", good), ("VGS_TOKEN_URL", wrong)]);
            assert!(error.contains("VGS_TOKEN_URL"), "{error}");
        }
    }

    #[test]
    fn names_are_written_and_read() {
        for environment in [Environment::Sandbox, Environment::Live] {
            assert_eq!(environment.to_string().parse(), Ok(environment));
        }
        let custom = Environment::custom("https://a.example", "https://a.example/token").unwrap();
        assert_eq!(custom.to_string(), "custom");
        for bad in ["custom", "Live", "", "prod"] {
            assert!(bad.parse::<Environment>().is_err(), "{bad:?}");
        }
    }
}
