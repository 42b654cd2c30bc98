//! Derives files from the fragments, the corrections and the rules.
//!
//! - `openapi/cmp.json`: the contract.
//! - `cmp-generated/openapi.json`: the lowered contract, with the facts about each operation.
//! - `cmp/src/drift/known.json`: the names that the client's drift watch knows.
//! - `docs/conformance.md`: a page for readers.
//! - `README.md`: its table of operations.
//! - `cmp-simulator/src/documented.rs`: the operations that the simulator must have.
//! - `cmp-simulator/STATUSES.md`: how it can be made to answer each status.

mod known;
mod notifications;
mod operations;
mod page;

use std::{fs, path::PathBuf};

use anyhow::{Result, bail};
use cmp_simulator::provoke;
use similar::TextDiff;

use crate::{
    check::{Contract, Corrections},
    spec::{facts, files::Layout, import, json, pipeline, write},
};

/// Returns each derived file with its content.
pub(crate) fn files(layout: &Layout) -> Result<Vec<(PathBuf, String)>> {
    let rendered = pipeline::render(layout)?;
    let lowered = serde_json::from_str(&rendered.lowered)?;
    let contract = Contract::new(serde_json::from_str(&rendered.contract)?);
    let known_operations = facts::of_lowered(&lowered);
    let notifications = notifications::section(contract.document(), &layout.facts()?.notifications)?;
    let corrections = Corrections::read(layout)?;
    let page = page::page(&contract, &corrections, &lowered, &known_operations, &notifications)?;
    let known = json::pretty(&known::known(contract.document(), &known_operations))?;
    let mut files = vec![
        (layout.contract(), rendered.contract),
        (layout.lowered(), rendered.lowered),
        (layout.root.join("cmp/src/drift/known.json"), known),
        (layout.root.join("docs/conformance.md"), page),
    ];
    // A copy of the contract alone has neither simulator nor README.
    let simulator = layout.root.join("cmp-simulator");
    if simulator.is_dir() {
        files.push((
            simulator.join("src/documented.rs"),
            operations::of_simulator(&known_operations, &lowered),
        ));
        files.push((simulator.join("STATUSES.md"), provoke::markdown()));
    }
    files.extend(operations::readme(&layout.root, &known_operations, &lowered)?);
    Ok(files)
}

/// Prints a diff and fails if a derived file is out of date.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    import::check_transcribed(layout)?;
    let mut stale = Vec::new();
    for (path, fresh) in files(layout)? {
        let written = fs::read_to_string(&path).unwrap_or_default();
        if written != fresh {
            let name = path.strip_prefix(&layout.root).unwrap_or(&path).display().to_string();
            write::to_stdout(&diff(&name, &written, &fresh))?;
            stale.push(name);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not up to date: {}; run `cargo xtask spec merge`", stale.join(", "))
}

fn diff(name: &str, written: &str, fresh: &str) -> String {
    TextDiff::from_lines(written, fresh)
        .unified_diff()
        .context_radius(4)
        .header(&format!("{name} (as it is)"), &format!("{name} (as it should be)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diff_names_the_file_and_shows_both_sides() {
        let text = diff("a.json", "one\ntwo\n", "one\nthree\n");
        assert!(text.contains("--- a.json (as it is)"), "{text}");
        assert!(text.contains("-two") && text.contains("+three"), "{text}");
    }
}
