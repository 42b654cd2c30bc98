//! The operations of the API and their properties.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::settings::Scope;

/// An operation of the API.
///
/// JSON (faults, the control API) uses the name in snake case: `"create_card"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `POST /cards`
    CreateCard,
    /// `GET /cards/{card_id}`
    GetCard,
    /// `PATCH /cards/{card_id}`
    UpdateCard,
    /// `DELETE /cards/{card_id}`
    DeleteCard,
    /// `POST /cards/{card_id}/network-tokens`
    ProvisionNetworkToken,
    /// `DELETE /cards/{card_id}/network-tokens`
    DeleteNetworkToken,
    /// `POST /cards/{card_id}/cryptogram`
    RequestCryptogram,
    /// V1: `POST /network-tokens`
    ProvisionV1NetworkToken,
    /// V1: `GET /network-tokens/{pan_alias}`
    GetV1NetworkToken,
    /// V1: `DELETE /network-tokens/{pan_alias}`
    DeleteV1NetworkToken,
    /// `POST /auth/realms/vgs/protocol/openid-connect/token`, the OAuth token endpoint
    Token,
}

/// The path of the OAuth token endpoint, as in the real service.
pub const TOKEN_PATH: &str = "/auth/realms/vgs/protocol/openid-connect/token";

impl Operation {
    /// All operations, including the token endpoint.
    pub const ALL: [Self; 11] = [
        Self::CreateCard,
        Self::GetCard,
        Self::UpdateCard,
        Self::DeleteCard,
        Self::ProvisionNetworkToken,
        Self::DeleteNetworkToken,
        Self::RequestCryptogram,
        Self::ProvisionV1NetworkToken,
        Self::GetV1NetworkToken,
        Self::DeleteV1NetworkToken,
        Self::Token,
    ];

    /// The seven operations of the CMP API.
    pub const CMP: [Self; 7] = [
        Self::CreateCard,
        Self::GetCard,
        Self::UpdateCard,
        Self::DeleteCard,
        Self::ProvisionNetworkToken,
        Self::DeleteNetworkToken,
        Self::RequestCryptogram,
    ];

    /// The three operations of the V1 network token API.
    pub const V1: [Self; 3] =
        [Self::ProvisionV1NetworkToken, Self::GetV1NetworkToken, Self::DeleteV1NetworkToken];

    pub(crate) const fn is_v1(self) -> bool {
        matches!(self, Self::ProvisionV1NetworkToken | Self::GetV1NetworkToken | Self::DeleteV1NetworkToken)
    }

    /// Returns the name in JSON: `create_card`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateCard => "create_card",
            Self::GetCard => "get_card",
            Self::UpdateCard => "update_card",
            Self::DeleteCard => "delete_card",
            Self::ProvisionNetworkToken => "provision_network_token",
            Self::DeleteNetworkToken => "delete_network_token",
            Self::RequestCryptogram => "request_cryptogram",
            Self::ProvisionV1NetworkToken => "provision_v1_network_token",
            Self::GetV1NetworkToken => "get_v1_network_token",
            Self::DeleteV1NetworkToken => "delete_v1_network_token",
            Self::Token => "token",
        }
    }

    /// Returns the HTTP method.
    pub const fn method(self) -> Method {
        match self {
            Self::GetCard | Self::GetV1NetworkToken => Method::GET,
            Self::UpdateCard => Method::PATCH,
            Self::DeleteCard | Self::DeleteNetworkToken | Self::DeleteV1NetworkToken => Method::DELETE,
            Self::CreateCard
            | Self::ProvisionNetworkToken
            | Self::RequestCryptogram
            | Self::ProvisionV1NetworkToken
            | Self::Token => Method::POST,
        }
    }

    /// Returns the path with `{card_id}` or `{pan_alias}` for its parameter.
    pub const fn path_template(self) -> &'static str {
        match self {
            Self::CreateCard => "/cards",
            Self::GetCard | Self::UpdateCard | Self::DeleteCard => "/cards/{card_id}",
            Self::ProvisionNetworkToken | Self::DeleteNetworkToken => "/cards/{card_id}/network-tokens",
            Self::RequestCryptogram => "/cards/{card_id}/cryptogram",
            Self::ProvisionV1NetworkToken => "/network-tokens",
            Self::GetV1NetworkToken | Self::DeleteV1NetworkToken => "/network-tokens/{pan_alias}",
            Self::Token => TOKEN_PATH,
        }
    }

    /// The scope that the access token must have; `None` for the token endpoint.
    ///
    /// | operation | scope | source |
    /// |---|---|---|
    /// | create, update, delete a card | `cards:write` | inferred from the scope's name |
    /// | get a card | `cards:read` | guide, step 1 |
    /// | provision, delete a network token | `network-tokens:write` | inferred from the scope's name |
    /// | request a cryptogram | `network-tokens:read` | guide, step 1: the account that requests cryptograms has no other |
    /// | V1: enroll, delete | `network-tokens:write` | inferred from the scope's name |
    /// | V1: get a network token | `network-tokens:read` | inferred from the scope's name |
    ///
    /// `cards:read-pci` decides whether `pan` and `cvc` come back (guide, step 1); no operation demands it.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::CreateCard | Self::UpdateCard | Self::DeleteCard => Some(Scope::CardsWrite),
            Self::GetCard => Some(Scope::CardsRead),
            Self::ProvisionNetworkToken
            | Self::DeleteNetworkToken
            | Self::ProvisionV1NetworkToken
            | Self::DeleteV1NetworkToken => Some(Scope::NetworkTokensWrite),
            Self::RequestCryptogram | Self::GetV1NetworkToken => Some(Scope::NetworkTokensRead),
            Self::Token => None,
        }
    }

    /// Returns `true` if the operation takes a request body.
    pub const fn has_request_body(self) -> bool {
        matches!(
            self,
            Self::CreateCard
                | Self::UpdateCard
                | Self::RequestCryptogram
                | Self::ProvisionV1NetworkToken
                | Self::Token
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
