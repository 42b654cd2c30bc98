//! The public API of `cmp`, written down in `cmp/public-api.txt`: a change of it shows in review.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use super::run::{Done, cargo, metadata, say};

const SNAPSHOT: &str = "cmp/public-api.txt";
const FEATURES: &str = "test-util,webhooks";

pub(super) fn check(root: &Path) -> Result<Done> {
    let Some(now) = listed(root)? else {
        return Ok(Done::Skipped("this toolchain's rustdoc JSON can't be read".to_owned()));
    };
    let before = fs::read_to_string(root.join(SNAPSHOT)).with_context(|| SNAPSHOT.to_owned())?;
    if before == now {
        return Ok(Done::Passed);
    }
    let diff = similar::TextDiff::from_lines(&before, &now);
    say(&diff.unified_diff().context_radius(0).header(SNAPSHOT, "as it is").to_string());
    bail!("the public API has changed: if you want that, run `cargo xtask api`");
}

/// Writes the snapshot.
pub(crate) fn write(root: &Path) -> Result<()> {
    let now = listed(root)?.context("this toolchain's rustdoc JSON can't be read")?;
    Ok(fs::write(root.join(SNAPSHOT), now)?)
}

/// Compares with the last release, where there is one.
pub(super) fn semver(root: &Path) -> Result<Done> {
    let tags = Command::new("git").args(["tag", "--list", "v*"]).current_dir(root).output()?;
    let Some(release) = String::from_utf8_lossy(&tags.stdout).lines().last().map(str::to_owned) else {
        return Ok(Done::Skipped("there is no release to compare with".to_owned()));
    };
    let installed = Command::new("cargo").args(["semver-checks", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Ok(Done::Skipped("cargo-semver-checks is not installed".to_owned()));
    }
    cargo(root, &["semver-checks", "-p", "cmp", "--baseline-rev", &release], &[])
}

/// Lists one item a line. rustdoc's JSON is unstable, so the compiler needs a flag to allow it.
fn listed(root: &Path) -> Result<Option<String>> {
    let status = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "-p", "cmp", "--lib", "--features", FEATURES])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "rustdoc failed");
    let metadata = metadata(root, &["--no-deps"])?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo names no target directory")?);
    let api = public_api::Builder::from_rustdoc_json(target.join("doc/cmp.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    Ok(api.ok().map(|api| api.items().map(|item| format!("{item}\n")).collect()))
}
