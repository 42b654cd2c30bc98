//! Fragments in, the written documents out.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Map, Value};

use super::files::Layout;
use super::{correct, json, lower, merge};

/// The member of the written documents that says what they are.
pub(crate) const MARK: &str = "x-generated";
const ORIGIN: &str = "Written by `cargo xtask spec merge` from openapi/fragments, openapi/corrections and \
                    openapi/lowering.toml. Do not edit.";

/// The three documents as texts.
pub(crate) struct Rendered {
    pub(crate) merged: String,
    pub(crate) contract: String,
    pub(crate) lowered: String,
}

impl Rendered {
    /// The files that `merge` writes, with their content.
    pub(crate) fn documents(&self, layout: &Layout) -> Vec<(PathBuf, String)> {
        vec![(layout.contract(), self.contract.clone()), (layout.lowered(), self.lowered.clone())]
    }
}

/// Fragments → merged → corrected → lowered.
pub(crate) fn render(layout: &Layout) -> Result<Rendered> {
    let tree = layout.tree()?;
    let rules = layout.rules()?;
    let merged = merge::merge(&tree.fragments, Some(&rules.primary))?;
    let contract = correct::correct(merged.clone(), &layout.corrections()?)?;
    let lowered = lower::lower(contract.clone(), &rules)?;
    Ok(Rendered {
        merged: json::pretty(&merged)?,
        contract: json::pretty(&marked(contract))?,
        lowered: json::pretty(&marked(lowered))?,
    })
}

fn marked(document: Value) -> Value {
    let mut out = Map::new();
    out.insert(MARK.to_owned(), ORIGIN.into());
    if let Value::Object(members) = document {
        out.extend(members);
    }
    Value::Object(out)
}
