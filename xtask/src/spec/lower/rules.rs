//! `openapi/lowering.toml`: the names and marks that no document gives.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// `info.title` of the document that heads the merged contract.
    pub(crate) primary: String,
    /// Method name by `METHOD /path`.
    pub(crate) operations: BTreeMap<String, String>,
    /// Type name by `Schema.property`, where the document's title is missing or misleads.
    pub(crate) types: BTreeMap<String, String>,
    /// Properties (`property` or `Schema.property`) by the wire scalar that they become.
    pub(crate) scalars: BTreeMap<Scalar, Vec<String>>,
    /// Schemas that `cmp-generated` decodes by hand.
    pub(crate) replaced: Vec<String>,
}

/// The hand-written types of `cmp-generated/src/scalar`, by the `format` that marks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scalar {
    Secret,
    Personal,
    Digits,
    Last4,
    Timestamp,
    ExpMonth,
    ExpYear,
    Amount,
    JsonapiVersion,
}

impl Scalar {
    pub(crate) const ALL: [Self; 9] = [
        Self::Secret,
        Self::Personal,
        Self::Digits,
        Self::Last4,
        Self::Timestamp,
        Self::ExpMonth,
        Self::ExpYear,
        Self::Amount,
        Self::JsonapiVersion,
    ];

    pub(crate) const fn format(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Personal => "personal",
            Self::Digits => "digits",
            Self::Last4 => "last4",
            Self::Timestamp => "timestamp",
            Self::ExpMonth => "exp-month",
            Self::ExpYear => "exp-year",
            Self::Amount => "amount",
            Self::JsonapiVersion => "jsonapi-version",
        }
    }

    /// The JSON type under which OpenAPI 3.0 carries the scalar.
    pub(crate) const fn json_type(self) -> &'static str {
        match self {
            Self::ExpMonth | Self::ExpYear => "integer",
            Self::Amount => "number",
            _ => "string",
        }
    }
}

impl Rules {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("openapi/lowering.toml")
    }
}
