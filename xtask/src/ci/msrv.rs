//! The declared minimum Rust version.
//!
//! Every dependency's own declaration is compared with ours; where that toolchain is installed, the published crates
//! are built with it. Clippy's `incompatible_msrv` watches our use of the standard library.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::run::{Done, metadata};

pub(super) fn check(root: &Path) -> Result<Done> {
    let ours = declared(root)?;
    let metadata = metadata(root, &[])?;
    let newer = newer_than(&ours, metadata["packages"].as_array().map_or(&[][..], Vec::as_slice));
    ensure!(newer.is_empty(), "need a newer Rust than {ours}: {}", newer.join(", "));
    build_with(root, &ours)
}

fn declared(root: &Path) -> Result<String> {
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let version = manifest.get("workspace").and_then(|w| w.get("package")?.get("rust-version")?.as_str());
    Ok(version.context("Cargo.toml declares no workspace rust-version")?.to_owned())
}

fn newer_than(ours: &str, packages: &[Value]) -> Vec<String> {
    let newer = packages.iter().filter(|package| {
        package["rust_version"].as_str().is_some_and(|theirs| numbers(theirs) > numbers(ours))
    });
    newer.map(|package| format!("{} {}", package["name"], package["rust_version"])).collect()
}

fn numbers(version: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect();
    numbers.resize(3, 0);
    numbers
}

fn build_with(root: &Path, version: &str) -> Result<Done> {
    let toolchain = format!("+{version}");
    let installed = Command::new("cargo").args([&toolchain, "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Ok(Done::Skipped(format!(
            "every dependency declares {version} or older, but Rust {version} itself is not installed to build with"
        )));
    }
    let target = root.join("target").join("msrv");
    let status = Command::new("cargo")
        .args([&toolchain, "check", "-p", "cmp", "-p", "cmp-simulator", "-p", "cmp-store"])
        .env("CARGO_TARGET_DIR", target)
        .current_dir(root)
        .status()?;
    if !status.success() {
        bail!("the crates don't build with Rust {version}");
    }
    Ok(Done::Passed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_named() {
        let packages = [
            json!({"name": "old", "rust_version": "1.60"}),
            json!({"name": "same", "rust_version": "1.88.0"}),
            json!({"name": "new", "rust_version": "1.89"}),
            json!({"name": "silent", "rust_version": null}),
        ];
        assert_eq!(newer_than("1.88", &packages), [r#""new" "1.89""#]);
    }
}
