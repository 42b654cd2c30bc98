use std::{fmt, str::FromStr};

use crate::value::InvalidInput;

/// A permission of a service account (source: the scopes that VGS documents for CMP).
///
/// The service never sends a scope, so there is no unknown one to keep; new ones come with new versions.
///
/// ```
/// use cmp::{Operation, Scope};
///
/// assert_eq!(Operation::RequestCryptogram.scope(), Scope::NetworkTokensRead);
/// assert_eq!("cards:read-pci".parse(), Ok(Scope::CardsReadPci));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// `cards:write`: to store, change and delete cards.
    CardsWrite,
    /// `cards:read`: to read cards.
    CardsRead,
    /// `cards:read-pci`: PAN and CVC come back in clear. No operation demands it.
    CardsReadPci,
    /// `network-tokens:write`: to provision and delete network tokens.
    NetworkTokensWrite,
    /// `network-tokens:read`: to request cryptograms.
    NetworkTokensRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[
        Self::CardsWrite,
        Self::CardsRead,
        Self::CardsReadPci,
        Self::NetworkTokensWrite,
        Self::NetworkTokensRead,
    ];

    /// The scope as the service account's settings name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardsWrite => "cards:write",
            Self::CardsRead => "cards:read",
            Self::CardsReadPci => "cards:read-pci",
            Self::NetworkTokensWrite => "network-tokens:write",
            Self::NetworkTokensRead => "network-tokens:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| InvalidInput::new("scope", "must be a documented one, such as `cards:read`"))
    }
}
