//! The operations of the API and their properties.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::settings::Scope;

/// The path of the OAuth token endpoint, as in the real service.
pub const TOKEN_PATH: &str = "/auth/realms/vgs/protocol/openid-connect/token";

/// The API that an operation belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    Cmp,
    V1,
    Oauth,
}

struct Facts {
    name: &'static str,
    method: Method,
    path: &'static str,
    api: Api,
    has_body: bool,
    scope: Option<Scope>,
}

macro_rules! operations {
    ($($variant:ident, $name:literal, $api:ident, $method:ident $path:expr, $has_body:literal, $scope:expr;)*) => {
        /// An operation of the API.
        ///
        /// JSON (faults, the control API) uses the name in snake case: `"create_card"`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`")] $variant,)*
        }

        impl Operation {
            /// All operations, including the token endpoint.
            pub const ALL: [Self; COUNT] = [$(Self::$variant),*];
        }

        const COUNT: usize = [$($name),*].len();

        /// In the order of the variants.
        static FACTS: [Facts; COUNT] = [$(Facts {
            name: $name,
            method: Method::$method,
            path: $path,
            api: Api::$api,
            has_body: $has_body,
            scope: $scope,
        }),*];
    };
}

// The scopes of getting a card and of a cryptogram are from the guide, step 1; those of subscribing and unsubscribing are
// documented with the account updater. The others are inferred from the scopes' names.
operations! {
    CreateCard, "create_card", Cmp, POST "/cards", true, Some(Scope::CardsWrite);
    GetCard, "get_card", Cmp, GET "/cards/{card_id}", false, Some(Scope::CardsRead);
    UpdateCard, "update_card", Cmp, PATCH "/cards/{card_id}", true, Some(Scope::CardsWrite);
    DeleteCard, "delete_card", Cmp, DELETE "/cards/{card_id}", false, Some(Scope::CardsWrite);
    ProvisionNetworkToken, "provision_network_token", Cmp, POST "/cards/{card_id}/network-tokens", false,
        Some(Scope::NetworkTokensWrite);
    DeleteNetworkToken, "delete_network_token", Cmp, DELETE "/cards/{card_id}/network-tokens", false,
        Some(Scope::NetworkTokensWrite);
    RequestCryptogram, "request_cryptogram", Cmp, POST "/cards/{card_id}/cryptogram", true,
        Some(Scope::NetworkTokensRead);
    SubscribeToCardUpdates, "subscribe_to_card_updates", Cmp, POST "/cards/{card_id}/card-update-subscriptions", false,
        Some(Scope::CardsWrite);
    UnsubscribeFromCardUpdates, "unsubscribe_from_card_updates", Cmp,
        DELETE "/cards/{card_id}/card-update-subscriptions", false, Some(Scope::CardsWrite);
    CheckForCardUpdates, "check_for_card_updates", Cmp, POST "/cards/{card_id}/check", false, Some(Scope::CardsWrite);
    ProvisionV1NetworkToken, "provision_v1_network_token", V1, POST "/network-tokens", true,
        Some(Scope::NetworkTokensWrite);
    GetV1NetworkToken, "get_v1_network_token", V1, GET "/network-tokens/{pan_alias}", false,
        Some(Scope::NetworkTokensRead);
    DeleteV1NetworkToken, "delete_v1_network_token", V1, DELETE "/network-tokens/{pan_alias}", false,
        Some(Scope::NetworkTokensWrite);
    Token, "token", Oauth, POST "/auth/realms/vgs/protocol/openid-connect/token", true, None;
}

impl Operation {
    /// Returns the operations of the CMP API.
    pub fn cmp() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|operation| operation.facts().api == Api::Cmp)
    }

    /// Returns the operations of the V1 network token API.
    pub fn v1() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|operation| operation.is_v1())
    }

    /// Returns `true` for an operation of the V1 network token API.
    pub fn is_v1(self) -> bool {
        self.facts().api == Api::V1
    }

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

    /// Returns the scope that the access token must have; `None` for the token endpoint.
    ///
    /// `cards:read-pci` decides whether `pan` and `cvc` come back (guide, step 1); no operation demands it.
    pub fn scope(self) -> Option<Scope> {
        self.facts().scope
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
