//! The operations of the API: what is fixed about each, and the scopes that they need.

use std::{fmt, str::FromStr};

use crate::value::InvalidInput;

/// What repeating an operation can do. Each [`Operation`] has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// It changes nothing.
    Safe,
    /// Repeating it has no further effect.
    Idempotent,
    /// Repeating it may do harm. The client repeats it only if nothing can have happened.
    Unsafe,
}

impl RetryClass {
    /// Whether a repetition is harmless although the first request may have taken effect.
    #[must_use]
    pub fn may_be_repeated(self) -> bool {
        self != Self::Unsafe
    }
}

/// What is fixed about an operation, written once.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OperationFacts {
    /// The name, as in the contract: `get_card`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// What repeating it can do.
    pub class: RetryClass,
    /// The scope that the service account needs.
    pub scope: Scope,
    /// What to do if its outcome is unknown.
    pub when_unknown: &'static str,
}

macro_rules! operations {
    ($(
        #[$doc:meta]
        $variant:ident {
            name: $name:literal,
            method: $method:literal,
            path: $path:literal,
            class: $class:ident,
            scope: $scope:ident,
            when_unknown: $when_unknown:literal,
        }
    )*) => {
        /// The operations of the API, each with what repeating it can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[$doc] $variant,)*
            /// An operation whose facts this version doesn't know, for [`Raw::call`](crate::http::Raw::call).
            Unlisted(&'static OperationFacts),
        }

        impl Operation {
            /// Every operation whose facts are known.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn facts(self) -> &'static OperationFacts {
                match self {
                    $(Self::$variant => &OperationFacts {
                        name: $name,
                        method: $method,
                        path: $path,
                        class: RetryClass::$class,
                        scope: Scope::$scope,
                        when_unknown: $when_unknown,
                    },)*
                    Self::Unlisted(facts) => facts,
                }
            }
        }
    };
}

// The facts are data of the contract: openapi/operations.toml.
cmp_generated::with_operations!(operations);

impl Operation {
    /// The name, as in the contract: `get_card`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(self) -> &'static str {
        self.facts().method
    }

    /// The path with its parameters in braces.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.facts().path
    }

    /// What repeating it can do.
    #[must_use]
    pub fn retry_class(self) -> RetryClass {
        self.facts().class
    }

    /// The scope that the service account needs (source: the scopes that VGS documents; which operation needs which
    /// is inferred from their names and from step 1 of the guide).
    #[must_use]
    pub fn scope(self) -> Scope {
        self.facts().scope
    }

    pub(crate) fn when_unknown(self) -> &'static str {
        self.facts().when_unknown
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A permission of a service account (source: the scopes that VGS documents for CMP).
///
/// The service never sends a scope, so there is no unknown one to keep; new ones come with new versions.
///
/// ```
/// use cmp::operation::{Operation, Scope};
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
