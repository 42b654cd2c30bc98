//! What a call costs, and what it costs to depend on the client, compared with bounds that hold on every machine.
//!
//! `bench/` is a workspace of its own, so its format, lints and tests are checked here, too.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::run::{Done, cargo};

const MANIFEST: &str = "bench/Cargo.toml";
const BUILD: [&str; 5] = ["--release", "--manifest-path", MANIFEST, "--target-dir", "target/bench"];

pub(super) fn check(root: &Path) -> Result<Done> {
    cargo(root, &["fmt", "--manifest-path", MANIFEST, "--all", "--check"], &[])?;
    bench(root, &["gates"])?;
    cargo(root, &[&["test", "--quiet"], &BUILD[..], &["-p", "cmp-bench"]].concat(), &[])?;
    // In the workspace's own target folder, where most dependencies have been checked.
    let lints = ["--workspace", "--all-targets", "--", "-D", "warnings"];
    let lint = ["clippy", "--manifest-path", MANIFEST, "--target-dir", "target"];
    cargo(root, &[&lint[..], &lints].concat(), &[])?;
    let valgrind = Command::new("valgrind").arg("--version").output();
    Ok(if valgrind.is_ok_and(|output| output.status.success()) {
        Done::Passed
    } else {
        Done::PassedInPart("without valgrind, instructions are not counted".to_owned())
    })
}

/// Runs the benchmark program.
pub(crate) fn bench(root: &Path, arguments: &[&str]) -> Result<()> {
    let command = [&["run", "--quiet"], &BUILD[..], &["-p", "cmp-bench", "--"], arguments].concat();
    cargo(root, &command, &[]).map(drop)
}
