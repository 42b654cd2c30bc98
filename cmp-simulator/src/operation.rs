//! The operations of the API and their properties.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};

/// The path of the OAuth token endpoint, as in the real service.
pub const TOKEN_PATH: &str = "/auth/realms/vgs/protocol/openid-connect/token";

struct Facts {
    name: &'static str,
    method: Method,
    path: &'static str,
    has_body: bool,
}

macro_rules! operations {
    ($($variant:ident $name:literal $method:ident $path:literal $has_body:literal)*) => {
        /// An operation of the API.
        ///
        /// JSON (faults, the control API) uses the name in snake case: `"create_card"`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`")] $variant,)*
            /// The OAuth token endpoint, which the contract doesn't have
            Token,
        }

        impl Operation {
            /// All operations, including the token endpoint.
            pub const ALL: [Self; COUNT] = [$(Self::$variant,)* Self::Token];
        }

        const COUNT: usize = [$($name),*].len() + 1;

        /// In the order of the variants.
        static FACTS: [Facts; COUNT] = [
            $(Facts { name: $name, method: Method::$method, path: $path, has_body: $has_body },)*
            Facts { name: "token", method: Method::POST, path: TOKEN_PATH, has_body: true },
        ];
    };
}

include!("documented.rs");

impl Operation {
    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// Returns the name in JSON: `create_card`.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Returns the HTTP method.
    pub fn method(self) -> Method {
        self.facts().method.clone()
    }

    /// Returns the path with `{card_id}` or `{pan_alias}` for its parameter.
    pub fn path_template(self) -> &'static str {
        self.facts().path
    }

    /// Returns `true` if the operation takes a request body.
    pub fn has_request_body(self) -> bool {
        self.facts().has_body
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
