//! Runs all steps: from the fragments to the written documents.

use anyhow::Result;
use serde_json::{Map, Value};

use super::{correct, files::Layout, generated, json, lower, merge};

/// The member of the written documents that names their origin.
pub(crate) const MARK: &str = "x-generated";
const ORIGIN: &str = "Written by `cargo xtask spec merge` from openapi/fragments, openapi/corrections, \
                      openapi/lowering.toml and openapi/operations.toml. Do not edit.";

/// The three documents as texts.
pub(crate) struct Rendered {
    pub(crate) merged: String,
    pub(crate) contract: String,
    pub(crate) lowered: String,
}

/// Merges, corrects and lowers the fragments, and checks that the generator can make a client of the result.
pub(crate) fn render(layout: &Layout) -> Result<Rendered> {
    rendered(layout, true)
}

/// Merges, corrects and lowers the fragments, and does not run the generator.
pub(crate) fn unchecked(layout: &Layout) -> Result<Rendered> {
    rendered(layout, false)
}

fn rendered(layout: &Layout, checked: bool) -> Result<Rendered> {
    let tree = layout.tree()?;
    let rules = layout.rules()?;
    let merged = merge::merge(&tree.fragments, Some(&rules.primary))?;
    let contract = correct::correct(merged.clone(), &layout.corrections()?)?;
    let (lowered, types) =
        generated::located(lower::lower_with_places(contract.clone(), &rules), &tree.fragments)?;
    if checked {
        generated::located(generated::check(&lowered, &types), &tree.fragments)?;
    }
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
