//! Licences, versions and sources of all dependencies, by `deny.toml`.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::run::{Done, cargo};

pub(super) fn check(root: &Path) -> Result<Done> {
    let installed = Command::new(env!("CARGO")).args(["deny", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Ok(Done::Skipped(
            "cargo-deny is not installed: `cargo install cargo-deny --locked`".to_owned(),
        ));
    }
    cargo(root, &["deny", "--offline", "--locked", "check", "licenses", "bans", "sources"], &[])?;
    // The advisories are a repository of their own, which takes a network.
    if cargo(root, &["deny", "fetch", "db"], &[]).is_err() {
        return Ok(Done::PassedInPart("the advisories' database can't be fetched here".to_owned()));
    }
    cargo(root, &["deny", "--locked", "check", "advisories"], &[])
}
