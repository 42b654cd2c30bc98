//! The public API of `cmp` and of `cmp-store`, written down in their `public-api.txt`: a change of it shows in review.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use super::run::{Done, cargo, metadata, say};

/// Each package with the features that add to its API.
const PACKAGES: [(&str, &str); 2] = [("cmp", "test-util,webhooks"), ("cmp-store", "postgres,sqlite")];

pub(super) fn check(root: &Path) -> Result<Done> {
    let mut changed = false;
    for (package, features) in PACKAGES {
        let Some(now) = listed(root, package, features)? else {
            return Ok(Done::Skipped("this toolchain's rustdoc JSON can't be read".to_owned()));
        };
        let snapshot = snapshot(package);
        let before = fs::read_to_string(root.join(&snapshot)).with_context(|| snapshot.clone())?;
        if before != now {
            changed = true;
            let diff = similar::TextDiff::from_lines(&before, &now);
            say(&diff.unified_diff().context_radius(0).header(&snapshot, "as it is").to_string());
        }
    }
    if changed {
        bail!("the public API has changed: if you want that, run `cargo xtask api`");
    }
    Ok(Done::Passed)
}

/// Writes the snapshots.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (package, features) in PACKAGES {
        let now = listed(root, package, features)?.context("this toolchain's rustdoc JSON can't be read")?;
        fs::write(root.join(snapshot(package)), now)?;
    }
    Ok(())
}

fn snapshot(package: &str) -> String {
    format!("{package}/public-api.txt")
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
fn listed(root: &Path, package: &str, features: &str) -> Result<Option<String>> {
    let status = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "-p", package, "--lib", "--features", features])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "rustdoc failed");
    let metadata = metadata(root, &["--no-deps"])?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo names no target directory")?);
    let api = public_api::Builder::from_rustdoc_json(
        target.join(format!("doc/{}.json", package.replace('-', "_"))),
    )
    .omit_blanket_impls(true)
    .omit_auto_trait_impls(true)
    .omit_auto_derived_impls(true)
    .build();
    Ok(api.ok().map(|api| api.items().map(|item| format!("{item}\n")).collect()))
}
