//! The public API of `cmp` and of `cmp-store`, written down in their `public-api.txt`: a change of it shows in review.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::run::{Done, command, metadata, say};

/// Each package with the features that add to its API.
const PACKAGES: [(&str, &str); 2] =
    [("cmp", "opentelemetry,test-util,webhooks"), ("cmp-store", "postgres,sqlite")];
/// How a line of the changelog begins that says what a user has to change
const BREAKING: &str = "* Breaking:";

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

/// Compares with the last release, whose public API is kept in the repository. If something that it had is gone or
/// changed, the changelog has to say so, and the version has to be one that cargo does not take for an update.
pub(super) fn semver(root: &Path) -> Result<Done> {
    let mut before = 0;
    let mut broken = 0;
    for (package, _) in PACKAGES {
        let Ok(released) = fs::read_to_string(root.join(format!("{package}/public-api.released.txt"))) else {
            continue;
        };
        before += 1;
        let snapshot = snapshot(package);
        let now = fs::read_to_string(root.join(&snapshot)).with_context(|| snapshot.clone())?;
        for item in gone(&released, &now) {
            broken += 1;
            say(&format!("breaking: {item}"));
        }
    }
    if before == 0 {
        return Ok(Done::Skipped("nothing is released: no public-api.released.txt".to_owned()));
    }
    let changelog = fs::read_to_string(root.join("CHANGELOG.md")).context("CHANGELOG.md")?;
    if broken == 0 {
        return Ok(Done::Passed);
    }
    ensure!(
        says_what_breaks(&changelog),
        "{broken} items of the last release are gone or changed: add a line that begins with \"{BREAKING}\" below \
         \"Unreleased\" in CHANGELOG.md, and say what users do instead"
    );
    let released = released_version(&changelog).context("CHANGELOG.md names no release")?;
    let metadata = metadata(root, &["--no-deps"])?;
    let packages = metadata["packages"].as_array().context("cargo names no packages")?;
    let package = packages.iter().find(|package| package["name"] == "cmp").context("no package cmp")?;
    let version = package["version"].as_str().context("cmp has no version")?;
    ensure!(
        breaking_part(version) != breaking_part(released),
        "{broken} items of {released} are gone or changed, and cargo takes {version} for an update of it: raise \
         the version in Cargo.toml"
    );
    Ok(Done::Passed)
}

/// The items of the release that are not there any more. A changed signature is an item that is gone.
fn gone<'r>(released: &'r str, now: &str) -> Vec<&'r str> {
    let now: BTreeSet<&str> = now.lines().collect();
    released.lines().filter(|item| !now.contains(item)).collect()
}

fn released_version(changelog: &str) -> Option<&str> {
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    headings.filter_map(|heading| heading.split_whitespace().next()).find(|name| name.contains('.'))
}

/// Returns the part of a version up to its first number that is not 0. Versions with the same one are compatible for cargo.
fn breaking_part(version: &str) -> &str {
    let end = version.find(|digit| ('1'..='9').contains(&digit)).unwrap_or(version.len());
    let rest = version[end..].find('.').unwrap_or(version.len() - end);
    &version[..end + rest]
}

fn says_what_breaks(changelog: &str) -> bool {
    let lines = changelog.lines().skip_while(|line| *line != "## Unreleased").skip(1);
    lines.take_while(|line| !line.starts_with("## ")).any(|line| line.starts_with(BREAKING))
}

/// Lists one item a line. rustdoc's JSON is unstable, so the compiler needs a flag to allow it.
fn listed(root: &Path, package: &str, features: &str) -> Result<Option<String>> {
    let status = command(env!("CARGO"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_says_with_which_it_is_compatible() {
        let parts = ["0.1.0", "0.1.7", "0.2.0", "0.0.3", "1.4.2", "10.0.0"].map(breaking_part);
        assert_eq!(parts, ["0.1", "0.1", "0.2", "0.0.3", "1", "10"]);
        assert_eq!(released_version("## Unreleased\n\n## 0.2.0 (May)\n\n## 0.1.0\n"), Some("0.2.0"));
        assert_eq!(released_version("# Changelog\n\n## Unreleased\n"), None);
    }

    #[test]
    fn what_a_release_had_may_not_go_in_silence() {
        let released = "pub fn a()\npub fn b(u8)\n";
        assert_eq!(gone(released, "pub fn a()\npub fn b(u8)\npub fn c()\n"), Vec::<&str>::new());
        assert_eq!(gone(released, "pub fn a()\npub fn b(u16)\n"), ["pub fn b(u8)"]);
        let older = "## Unreleased\n\n* New: x\n\n## 0.1.0\n\n* Breaking: y\n";
        assert!(!says_what_breaks(older));
        assert!(says_what_breaks("## Unreleased\n\n* Breaking: `b` takes a `u16`\n\n## 0.1.0\n"));
    }
}
