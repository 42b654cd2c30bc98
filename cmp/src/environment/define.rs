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
                Self::from_variables(&$crate::variables::Variables::of_process())
            }

            pub(crate) fn from_variables(variables: &$crate::variables::Variables) -> $crate::Result<Self> {
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
