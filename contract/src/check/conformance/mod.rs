//! What is written from the contract: `docs/conformance.md` for readers, `cmp/src/drift/known.json` for the client.

mod notifications;
mod page;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use serde_json::Value;

use super::contract::Contract;
use super::corrections::Corrections;
use super::facade::Operation;
use super::{facade, known};
use crate::spec::json;

/// Each file that is written, with its content.
pub(crate) fn files(
    root: &Path,
    contract: &Contract,
    corrections: &Corrections,
) -> Result<Vec<(PathBuf, String)>> {
    let lowered = std::fs::read_to_string(root.join("cmp-generated/openapi.json"))?;
    let lowered: Value = serde_json::from_str(&lowered).context("cmp-generated/openapi.json")?;
    let mut facade = facade::operations(root)?;
    facade.extend(new_operations(&facade, &lowered));
    let notifications = notifications::section(root, contract.document(), &facade::details(root)?)?;
    Ok(vec![
        (
            root.join("docs/conformance.md"),
            page::page(contract, corrections, &lowered, &facade, &notifications)?,
        ),
        (root.join("cmp/src/drift/known.json"), json::pretty(&known::known(contract.document(), &facade))?),
    ])
}

/// The operations of the generated client that the facade doesn't have yet.
fn new_operations(facade: &[Operation], lowered: &Value) -> Vec<Operation> {
    let paths = lowered["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().filter_map(move |(method, operation)| {
            let name = operation["operationId"].as_str()?.to_owned();
            Some(Operation { name, method: method.to_uppercase(), path: path.clone(), class: String::new() })
        })
    });
    all.filter(|new| !facade.iter().any(|old| (&old.method, &old.path) == (&new.method, &new.path))).collect()
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
