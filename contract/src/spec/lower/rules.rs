//! Reads `openapi/lowering.toml`: names and marks that the documents do not contain.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::spec::facts::{Facts, Operations, is_identifier};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// The `info.title` of the document that gives the merged contract its `info`, `servers` and `security`.
    pub(crate) primary: String,
    /// From `openapi/operations.toml`.
    #[serde(skip)]
    pub(crate) operations: Operations,
    /// Type names by `Schema.property`, where the document's title is missing or misleading.
    pub(crate) types: BTreeMap<String, String>,
    /// Properties (`property` or `Schema.property`) by the scalar type that they become.
    pub(crate) scalars: BTreeMap<Scalar, Vec<String>>,
    /// Properties (`property` or `Schema.property`) that hold no secret, although their names look like a secret's.
    #[serde(default)]
    pub(crate) plain: Vec<String>,
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
    Reference,
    Timestamp,
    ExpMonth,
    ExpYear,
    Amount,
    JsonapiVersion,
}

impl Scalar {
    pub(crate) const fn format(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Personal => "personal",
            Self::Digits => "digits",
            Self::Last4 => "last4",
            Self::Reference => "reference",
            Self::Timestamp => "timestamp",
            Self::ExpMonth => "exp-month",
            Self::ExpYear => "exp-year",
            Self::Amount => "amount",
            Self::JsonapiVersion => "jsonapi-version",
        }
    }

    /// The JSON type that the scalar has in OpenAPI 3.0.
    pub(crate) const fn json_type(self) -> &'static str {
        match self {
            Self::ExpMonth | Self::ExpYear => "integer",
            Self::Amount => "number",
            _ => "string",
        }
    }
}

/// An entry that `lowering.toml` should not have, or that it lacks. A comparison continues despite it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsettled {
    #[error("openapi/lowering.toml, [{section}] names \"{name}\", which {why}")]
    Stale { section: &'static str, name: String, why: &'static str },
    #[error(
        "{at} could hold a secret by its name: in openapi/lowering.toml, add \"{exact}\" (or \"{name}\", for every \
         schema) to `secret` or `personal` below [scalars], or to `plain` if it holds none"
    )]
    Unmarked { at: String, exact: String, name: String },
}

impl Rules {
    /// Reads `lowering.toml` and `operations.toml`.
    pub(crate) fn parse(lowering: &str, operations: &str) -> Result<Self> {
        let operations = Facts::parse(operations)?.operations;
        let rules: Self = toml::from_str(lowering).context("openapi/lowering.toml")?;
        rules.check_names().context("openapi/lowering.toml")?;
        Ok(Self { operations, ..rules })
    }

    /// Removes a stale entry, or treats an unmarked member as plain.
    pub(crate) fn settle(&mut self, unsettled: &Unsettled) {
        match unsettled {
            Unsettled::Stale { name: stale, .. } => {
                let lists = self.scalars.values_mut().chain([&mut self.plain]);
                lists.for_each(|names| names.retain(|name| name != stale));
                self.types.remove(stale);
            }
            Unsettled::Unmarked { exact, .. } => self.plain.push(exact.clone()),
        }
    }

    /// Refuses names that the generator would change, or that would give code that does not compile.
    fn check_names(&self) -> Result<()> {
        for (place, name) in &self.types {
            let entry = format!("[types] \"{place}\" = \"{name}\"");
            ensure!(is_camel_case(name), "{entry}: expected a Rust name in CamelCase");
        }
        Ok(())
    }
}

fn is_camel_case(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric();
    is_identifier(name) && name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(types: &str) -> String {
        let text = format!("primary = \"P\"\nreplaced = []\n[types]\n{types}\n[scalars]\n");
        format!("{:#}", Rules::parse(&text, "").expect_err("a bad name"))
    }

    #[test]
    fn a_type_name_that_is_not_a_rust_name_is_refused() {
        for name in ["card", "Card Type", "Card_Type", "Self"] {
            let expected = format!(
                "openapi/lowering.toml: [types] \"Card.x\" = \"{name}\": expected a Rust name in CamelCase"
            );
            assert_eq!(error(&format!("\"Card.x\" = \"{name}\"")), expected);
        }
    }
}
