//! Which service the client talks to, and the variables that say so.

use std::{env, ffi::OsString, fmt};

use reqwest::Url;

use crate::{
    error::{Error, Result},
    scrub::looks_like_a_pan,
};

/// The environments of one of the two APIs, each a type of its own.
macro_rules! environment {
    (
        $(#[$doc:meta])*
        $name:ident { sandbox: $sandbox:literal, live: $live:literal, api_url_variable: $api_url_variable:literal, }
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            #[doc = concat!("`", $sandbox, "`, for tests with the documented test cards.")]
            Sandbox,
            #[doc = concat!("`", $live, "`, for real cards.")]
            Live,
            /// Another place, such as an inbound proxy or a simulator: see [`custom`](Self::custom).
            Custom($crate::CustomEnvironment),
        }

        impl $name {
            /// Another place that speaks the same API: the base URL for requests and the URL of the token endpoint.
            ///
            /// # Errors
            /// If either is not an absolute `https` URL, or has user information, a query or a fragment. Plain `http` is
            /// allowed on loopback only, because a bearer token travels with each request.
            pub fn custom(api_url: impl AsRef<str>, token_url: impl AsRef<str>) -> $crate::Result<Self> {
                $crate::CustomEnvironment::new(api_url.as_ref(), token_url.as_ref()).map(Self::Custom)
            }

            #[doc = concat!(
                "Reads the environment from the process: `VGS_ENVIRONMENT` is `sandbox` (the default), `live` or ",
                "`custom`; the last one takes its addresses from `", $api_url_variable, "` and `VGS_TOKEN_URL`. White ",
                "space at the ends is dropped, and a blank variable is an unset one."
            )]
            ///
            /// # Errors
            /// If the name is another one; if an address is missing or refused by [`custom`](Self::custom), or is set
            /// for an environment that has its own; if a variable is not UTF-8. The message names the variable.
            pub fn from_env() -> $crate::Result<Self> {
                Self::from_variables(&$crate::environment::Variables::of_process())
            }

            pub(crate) fn from_variables(variables: &$crate::environment::Variables) -> $crate::Result<Self> {
                let name = variables.read("VGS_ENVIRONMENT")?;
                if name.as_deref() == Some("custom") {
                    return $crate::CustomEnvironment::from_variables(variables, $api_url_variable).map(Self::Custom);
                }
                let environment = name.as_deref().unwrap_or("sandbox").parse().map_err(|_| {
                    $crate::Error::configuration("VGS_ENVIRONMENT must be `sandbox`, `live` or `custom`")
                })?;
                $crate::environment::refuse_addresses(variables, $api_url_variable)?;
                Ok(environment)
            }

            /// The base URL for requests, without a slash at its end.
            #[must_use]
            pub fn api_url(&self) -> &str {
                match self {
                    Self::Sandbox => $sandbox,
                    Self::Live => $live,
                    Self::Custom(custom) => custom.api_url(),
                }
            }

            /// The URL of the token endpoint.
            #[must_use]
            pub fn token_url(&self) -> &str {
                match self {
                    Self::Custom(custom) => custom.token_url(),
                    _ => $crate::environment::TOKEN_URL,
                }
            }
        }

        impl $crate::environment::Endpoints for $name {
            fn api_url(&self) -> &str {
                self.api_url()
            }

            fn token_url(&self) -> &str {
                self.token_url()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    Self::Sandbox => "sandbox",
                    Self::Live => "live",
                    Self::Custom(_) => "custom",
                })
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Sandbox => f.write_str("Sandbox"),
                    Self::Live => f.write_str("Live"),
                    Self::Custom(custom) => custom.fmt(f),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidInput;

            /// Takes `sandbox` and `live`; a custom one needs its addresses.
            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    "sandbox" => Ok(Self::Sandbox),
                    "live" => Ok(Self::Live),
                    _ => Err($crate::InvalidInput::new("environment", "must be `sandbox` or `live`")),
                }
            }
        }
    };
}

pub(crate) use environment;

/// One token endpoint serves both APIs and both environments.
pub(crate) const TOKEN_URL: &str =
    "https://auth.verygoodsecurity.com/auth/realms/vgs/protocol/openid-connect/token";
const TOKEN_URL_VARIABLE: &str = "VGS_TOKEN_URL";

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
        write!(f, "Custom({}, token {})", shown(&self.api), shown(&self.token))
    }
}

/// The program wrote the URL, but its path can have come from anywhere.
pub(crate) fn shown(url: &Url) -> &str {
    if looks_like_a_pan(url.as_str()) { "***" } else { url.as_str() }
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

type Read = dyn Fn(&str) -> Option<OsString>;

/// The source of the process's variables: the process, or a test.
///
/// An unreadable one is an error: treated as unset, it could send cards to the wrong place.
pub(crate) struct Variables(Box<Read>);

impl Variables {
    pub(crate) fn new(read: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self(Box::new(read))
    }

    pub(crate) fn of_process() -> Self {
        Self::new(|name| env::var_os(name))
    }

    /// Returns the value without ASCII white space at its ends; `None` if it is unset or blank.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = (self.0)(name) else { return Ok(None) };
        let value = value.into_string().map_err(|_| Error::configuration(format!("{name} is not UTF-8")))?;
        Ok(Some(trimmed(value)).filter(|value| !value.is_empty()))
    }

    /// Returns the value of a variable that must be set.
    pub(crate) fn needed(&self, name: &str) -> Result<String> {
        self.read(name)?.ok_or_else(|| Error::configuration(format!("{name} is not set, or is empty")))
    }
}

/// Removes ASCII white space at the ends, as in mounted files. It works in place, so that no copy of a secret is left in
/// memory.
pub(crate) fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_ascii_end().len());
    let leading = text.len() - text.trim_ascii_start().len();
    text.drain(..leading);
    text
}

#[cfg(test)]
impl<const N: usize> From<[(&'static str, &'static str); N]> for Variables {
    fn from(pairs: [(&'static str, &'static str); N]) -> Self {
        Self::new(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }
}

#[cfg(test)]
impl Variables {
    /// Adds `unreadable`, whose value is not UTF-8.
    #[cfg(unix)]
    pub(crate) fn and_unreadable(self, unreadable: &'static str) -> Self {
        use std::os::unix::ffi::OsStringExt;
        Self::new(move |name| {
            if name == unreadable { Some(OsString::from_vec(b"live\xFF".to_vec())) } else { (self.0)(name) }
        })
    }
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
    fn an_address_that_may_have_a_card_number_is_not_shown() {
        let hiding = "https://a.example/4111%0011/1111//1111%001";
        let custom = Environment::custom(hiding, "http://127.0.0.1:8080/token").unwrap();
        assert_eq!(format!("{custom:?}"), "Custom(***, token http://127.0.0.1:8080/token)");
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

    #[test]
    fn white_space_at_the_ends_is_dropped_and_blank_is_unset() {
        let variables =
            Variables::from([("A", " \t one two\r\n"), ("B", ""), ("C", " \n"), ("D", "\u{a0}three")]);
        let read = |name| variables.read(name).unwrap();
        assert_eq!(read("A").as_deref(), Some("one two"));
        assert_eq!((read("B"), read("C"), read("E")), (None, None, None));
        assert_eq!(read("D").as_deref(), Some("\u{a0}three"));
        assert!(variables.needed("C").unwrap_err().to_string().contains("C is not set"));
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_value_is_an_error_that_names_it() {
        let variables = Variables::from([]).and_unreadable("VGS_VAULT_ID");
        let error = variables.read("VGS_VAULT_ID").unwrap_err().to_string();
        assert!(error.contains("VGS_VAULT_ID is not UTF-8") && !error.contains("live"), "{error}");
    }
}
