//! The operations of the API, and what is fixed about each.

use std::fmt;

use crate::scope::Scope;

/// What repeating an operation can do. Each [`Operation`] states its own, beside its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// It changes nothing.
    Safe,
    /// Done twice, it leaves what doing it once leaves.
    Idempotent,
    /// Done twice, it may do harm: repeated only where nothing can have happened.
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
    ($($variant:ident { $($field:ident: $value:expr),* $(,)? } $doc:literal)*) => {
        /// The operations of the API, each with what repeating it can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = $doc] $variant,)*
            /// An operation that the facade doesn't have yet, for [`Raw::call`](crate::Raw::call).
            Unlisted(&'static OperationFacts),
        }

        impl Operation {
            /// Every operation that the facade has.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn facts(self) -> &'static OperationFacts {
                match self {
                    $(Self::$variant => &OperationFacts { $($field: $value),* },)*
                    Self::Unlisted(facts) => facts,
                }
            }
        }
    };
}

operations! {
    CreateCard {
        name: "create_card",
        method: "POST",
        path: "/cards",
        // There is no idempotency key: a repeated request stores a second card unless the account detects duplicates.
        class: RetryClass::Unsafe,
        scope: Scope::CardsWrite,
        when_unknown: "the card may have been stored: with duplicate detection enabled, create it again and expect \
                       `Duplicate`; otherwise a second try may store a second card, with the same fingerprint",
    } "`POST /cards`: [`RetryClass::Unsafe`]."

    GetCard {
        name: "get_card",
        method: "GET",
        path: "/cards/{card_id}",
        class: RetryClass::Safe,
        scope: Scope::CardsRead,
        when_unknown: "nothing was changed: ask again",
    } "`GET /cards/{card_id}`: [`RetryClass::Safe`]."

    UpdateCard {
        name: "update_card",
        method: "PATCH",
        path: "/cards/{card_id}",
        class: RetryClass::Idempotent,
        scope: Scope::CardsWrite,
        when_unknown: "the same update can be sent again",
    } "`PATCH /cards/{card_id}`: [`RetryClass::Idempotent`], since it sets values."

    DeleteCard {
        name: "delete_card",
        method: "DELETE",
        path: "/cards/{card_id}",
        class: RetryClass::Idempotent,
        scope: Scope::CardsWrite,
        when_unknown: "delete it again: not found then means that it is gone",
    } "`DELETE /cards/{card_id}`: [`RetryClass::Idempotent`]."

    ProvisionNetworkToken {
        name: "provision_network_token",
        method: "POST",
        path: "/cards/{card_id}/network-tokens",
        // "The provisioning is skipped if there is an active network token already."
        class: RetryClass::Idempotent,
        scope: Scope::NetworkTokensWrite,
        when_unknown: "provision again: a token that is active already is returned",
    } "`POST /cards/{card_id}/network-tokens`: [`RetryClass::Idempotent`], since an active token is kept."

    DeleteNetworkToken {
        name: "delete_network_token",
        method: "DELETE",
        path: "/cards/{card_id}/network-tokens",
        class: RetryClass::Idempotent,
        scope: Scope::NetworkTokensWrite,
        when_unknown: "delete it again: not found then means that it is gone",
    } "`DELETE /cards/{card_id}/network-tokens`: [`RetryClass::Idempotent`]."

    RequestCryptogram {
        name: "request_cryptogram",
        method: "POST",
        path: "/cards/{card_id}/cryptogram",
        // Each request makes a new one-use value. One whose answer was lost is never used, and moves no money.
        class: RetryClass::Idempotent,
        scope: Scope::NetworkTokensRead,
        when_unknown: "ask for another cryptogram: one that got lost is never used",
    } "`POST /cards/{card_id}/cryptogram`: [`RetryClass::Idempotent`]; a lost cryptogram is replaced by a new one."

    ProvisionV1NetworkToken {
        name: "provision_v1_network_token",
        method: "POST",
        path: "/network-tokens",
        // Nothing says what enrolling an enrolled card does, and a network may bill each enrollment.
        class: RetryClass::Unsafe,
        scope: Scope::NetworkTokensWrite,
        when_unknown: "the card may be enrolled: get its network token, and enroll again only if it is not found",
    } "V1, `POST /network-tokens`: [`RetryClass::Unsafe`], since nothing says what enrolling twice does."

    GetV1NetworkToken {
        name: "get_v1_network_token",
        method: "GET",
        path: "/network-tokens/{pan_alias}",
        class: RetryClass::Safe,
        scope: Scope::NetworkTokensRead,
        when_unknown: "nothing was changed: ask again",
    } "V1, `GET /network-tokens/{pan_alias}`: [`RetryClass::Safe`]."

    DeleteV1NetworkToken {
        name: "delete_v1_network_token",
        method: "DELETE",
        path: "/network-tokens/{pan_alias}",
        class: RetryClass::Idempotent,
        scope: Scope::NetworkTokensWrite,
        when_unknown: "delete it again: not found then means that it is gone",
    } "V1, `DELETE /network-tokens/{pan_alias}`: [`RetryClass::Idempotent`]."
}

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
