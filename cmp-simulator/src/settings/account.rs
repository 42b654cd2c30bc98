//! Service accounts and their scopes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A permission of a service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// `cards:write`
    #[serde(rename = "cards:write")]
    CardsWrite,
    /// `cards:read`
    #[serde(rename = "cards:read")]
    CardsRead,
    /// `cards:read-pci`: answers have the PAN and the CVC in the clear
    #[serde(rename = "cards:read-pci")]
    CardsReadPci,
    /// `network-tokens:write`
    #[serde(rename = "network-tokens:write")]
    NetworkTokensWrite,
    /// `network-tokens:read`
    #[serde(rename = "network-tokens:read")]
    NetworkTokensRead,
}

impl Scope {
    /// All five scopes.
    pub const ALL: [Self; 5] = [
        Self::CardsWrite,
        Self::CardsRead,
        Self::CardsReadPci,
        Self::NetworkTokensWrite,
        Self::NetworkTokensRead,
    ];

    /// Returns the name on the wire, such as `cards:read-pci`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardsWrite => "cards:write",
            Self::CardsRead => "cards:read",
            Self::CardsReadPci => "cards:read-pci",
            Self::NetworkTokensWrite => "network-tokens:write",
            Self::NetworkTokensRead => "network-tokens:read",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// An account that may request access tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    client_id: String,
    client_secret: String,
    #[serde(default = "all_scopes")]
    scopes: Vec<Scope>,
    #[serde(default = "default_lifetime")]
    token_lifetime_seconds: u32,
}

fn all_scopes() -> Vec<Scope> {
    Scope::ALL.to_vec()
}

/// Returns 20 minutes, the documented lifetime of an access token.
fn default_lifetime() -> u32 {
    20 * 60
}

impl ServiceAccount {
    /// Creates an account with all five scopes and the documented token lifetime of 20 minutes.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            scopes: all_scopes(),
            token_lifetime_seconds: default_lifetime(),
        }
    }

    /// Replaces the scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Sets the lifetime of the account's access tokens. The real service documents 60 seconds and
    /// more.
    #[must_use]
    pub fn token_lifetime_seconds(mut self, seconds: u32) -> Self {
        self.token_lifetime_seconds = seconds;
        self
    }

    /// Returns the client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    pub(crate) fn granted(&self) -> &[Scope] {
        &self.scopes
    }

    pub(crate) fn lifetime_seconds(&self) -> u32 {
        self.token_lifetime_seconds
    }
}

impl Default for ServiceAccount {
    /// Creates the account that a simulator has unless its settings name others.
    fn default() -> Self {
        Self::new("AC-simulator", "simulator-client-secret")
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .field("token_lifetime_seconds", &self.token_lifetime_seconds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_in_debug() {
        let account = ServiceAccount::new("id", "a-secret");
        assert!(!format!("{account:?}").contains("a-secret"));
    }
}
