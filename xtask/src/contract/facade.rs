//! What the facade says of its operations, read from its source.
//!
//! `xtask` must not depend on the facade: after a change of the contract that breaks the facade's build, `xtask` is what
//! mends it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use regex::Regex;

const SOURCE: &str = "cmp/src/call/operation.rs";
const FACTS: &str = r#"(?s)name: "(\w+)",\s+method: "(\w+)",\s+path: "([^"]+)",.*?class: RetryClass::(\w+),"#;

/// One operation, as `cmp::Operation` has it.
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// `Safe`, `Idempotent` or `Unsafe`.
    pub(crate) class: String,
}

pub(crate) fn operations(root: &Path) -> Result<Vec<Operation>> {
    let source = std::fs::read_to_string(root.join(SOURCE)).with_context(|| SOURCE.to_owned())?;
    let found: Vec<_> = Regex::new(FACTS)?
        .captures_iter(&source)
        .map(|facts| {
            let [name, method, path, class] = facts.extract().1.map(str::to_owned);
            Operation { name, method, path, class }
        })
        .collect();
    let written = source.matches("class: RetryClass::").count();
    ensure!(found.len() == written && written > 0, "{SOURCE}: read {} of {written} operations", found.len());
    Ok(found)
}
