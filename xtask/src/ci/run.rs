//! How steps run and end.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How a step ended when it didn't fail.
pub(crate) enum Done {
    Passed,
    /// A part was skipped; the text says which, and why.
    PassedInPart(String),
    /// Something that can't be installed here is missing; the text says what.
    Skipped(String),
}

/// Returns a command whose process knows no account of VGS: steps run programs that would store cards in it.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    without_account(program, env::vars_os().map(|(name, _)| name))
}

fn without_account(program: impl AsRef<OsStr>, variables: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("VGS_")) {
        command.env_remove(name);
    }
    command
}

/// Runs cargo in the workspace, its output shown.
pub(super) fn cargo(root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Done> {
    say(&format!("\n$ cargo {}", arguments.join(" ")));
    let status = command(env!("CARGO"))
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root)
        .status()
        .context("cargo can't be started")?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(Done::Passed)
}

/// Runs `cargo metadata`.
pub(super) fn metadata(root: &Path, arguments: &[&str]) -> Result<Value> {
    let output = command(env!("CARGO"))
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cargo can't be started")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The packages of the workspace, and of those of the benchmark and the fleet.
pub(super) fn packages(root: &Path) -> Result<Vec<Value>> {
    let mut packages = Vec::new();
    for manifest in ["Cargo.toml", "bench/Cargo.toml", "fleet/Cargo.toml"] {
        let metadata = metadata(root, &["--no-deps", "--manifest-path", manifest])?;
        let listed = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        packages.extend(listed.iter().cloned());
    }
    Ok(packages)
}

#[expect(clippy::print_stdout, reason = "the report of a command line tool")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_know_no_account() {
        let variables = ["PATH", "VGS_CLIENT_ID", "VGS_ENVIRONMENT", "MY_VGS_ID"].map(OsString::from);
        let command = without_account("cargo", variables.into_iter());
        let removed: Vec<_> = command.get_envs().collect();
        assert_eq!(removed, ["VGS_CLIENT_ID", "VGS_ENVIRONMENT"].map(|name| (OsStr::new(name), None)));
    }
}
