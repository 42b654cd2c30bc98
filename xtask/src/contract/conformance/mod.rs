//! What is written from the contract: `docs/conformance.md` for readers, `cmp/src/drift/known.json` for the client.

mod notifications;
mod page;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::corrections::Corrections;
use super::spec::Contract;
use super::{facade, known};
use crate::spec::json;

/// Each file that is written, with its content.
pub(crate) fn files(
    root: &Path,
    contract: &Contract,
    corrections: &Corrections,
) -> Result<Vec<(PathBuf, String)>> {
    let lowered = std::fs::read_to_string(root.join("cmp-generated/openapi.json"))?;
    let lowered = serde_json::from_str(&lowered).context("cmp-generated/openapi.json")?;
    let facade = facade::operations(root)?;
    let notifications = notifications::section(root, contract.document(), &facade::details(root)?)?;
    Ok(vec![
        (
            root.join("docs/conformance.md"),
            page::page(contract, corrections, &lowered, &facade, &notifications)?,
        ),
        (root.join("cmp/src/drift/known.json"), json::pretty(&known::known(contract.document(), &facade))?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_files_are_fresh() {
        let root = &crate::root::of_tests();
        let (contract, corrections) = (Contract::read(root).unwrap(), Corrections::read(root).unwrap());
        for (path, text) in files(root, &contract, &corrections).unwrap() {
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == text, "{}: run `cargo xtask contract --conformance`", path.display());
        }
    }
}
