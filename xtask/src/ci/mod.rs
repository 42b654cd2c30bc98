//! `cargo xtask ci`: runs every check that a change must pass.

pub(crate) mod api;
mod arrows;
mod circles;
pub(crate) mod cost;
mod deny;
mod examples;
mod msrv;
mod outside;
mod postgres;
mod run;
mod schemathesis;
mod tidy;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use run::{Done, cargo, command, say};

struct Step {
    name: &'static str,
    run: fn(&Path) -> Result<Done>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: |root| cargo(root, &["fmt", "--all", "--check"], &[]) },
    Step { name: "lock files", run: lock_files },
    Step { name: "tidy", run: tidy::check },
    Step { name: "arrows", run: arrows::check },
    Step { name: "circles", run: circles::check },
    Step { name: "deny", run: deny::check },
    Step { name: "spec", run: |root| cargo(root, &["xtask", "spec", "check"], &[]) },
    Step { name: "clippy", run: |root| cargo(root, &with_warnings_denied(&["--all-targets"]), &[]) },
    Step { name: "clippy of each feature", run: each_feature },
    Step { name: "native-tls", run: native_tls },
    Step { name: "clippy of the fleet", run: fleet },
    Step { name: "msrv", run: msrv::check },
    Step { name: "test", run: |root| cargo(root, &["test", "--workspace", "--no-fail-fast"], &[]) },
    Step { name: "test with features of serde_json", run: serde_json_features },
    Step { name: "test on postgres", run: postgres::check },
    Step {
        name: "docs",
        run: |root| cargo(root, &["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
    },
    Step { name: "examples", run: examples },
    Step { name: "contract", run: |root| cargo(root, &["xtask", "contract"], &[]) },
    Step { name: "public API", run: api::check },
    Step { name: "semver", run: api::semver },
    Step { name: "package", run: |root| cargo(root, &PACKAGE, &[]) },
    Step { name: "outside crate", run: outside::check },
    Step { name: "cost", run: cost::check },
];

/// Run only when named: they need more than Rust.
const OPTIONAL_STEPS: &[Step] = &[Step { name: "schemathesis", run: schemathesis::check }];

/// `--allow-dirty`: CI must be able to run on a change before it is committed. `--no-verify`: cargo verifies a package
/// against what it unpacked of its neighbours the last time, as long as their version is the same; the step after this
/// one builds them all from what was just packed.
const PACKAGE: [&str; 14] = [
    "package",
    "--no-verify",
    "--allow-dirty",
    "--workspace",
    "--exclude",
    "cmp-contract",
    "--exclude",
    "xtask",
    "--exclude",
    "workspace-tests",
    "--exclude",
    "workspace-at-rest",
    "--exclude",
    "workspace-refused",
];

/// Runs every step, or those whose name contains `only`, and says at the end how each went.
pub(crate) fn run(root: &Path, only: Option<&str>) -> Result<()> {
    let steps: Vec<&Step> = match only {
        None => STEPS.iter().collect(),
        Some(only) => STEPS.iter().chain(OPTIONAL_STEPS).filter(|step| step.name.contains(only)).collect(),
    };
    if steps.is_empty() {
        let names: Vec<&str> = STEPS.iter().chain(OPTIONAL_STEPS).map(|step| step.name).collect();
        bail!("no such step; the steps are: {}", names.join(", "));
    }
    let outcomes: Vec<_> = steps.iter().map(|step| (step.name, timed(|| (step.run)(root)))).collect();
    let mut failed = 0;
    say("");
    for (name, (outcome, took)) in &outcomes {
        let seconds = took.as_secs();
        match outcome {
            Ok(Done::Passed) => say(&format!("passed   {name} ({seconds} s)")),
            Ok(Done::PassedInPart(without)) => {
                say(&format!("passed   {name} ({seconds} s), in part: {without}"));
            }
            Ok(Done::Skipped(why)) => say(&format!("skipped  {name}: {why}")),
            Err(error) => {
                failed += 1;
                say(&format!("FAILED   {name} ({seconds} s): {error:#}"));
            }
        }
    }
    if only.is_none() {
        for step in OPTIONAL_STEPS {
            say(&format!("skipped  {}: optional, run it with `cargo xtask ci {}`", step.name, step.name));
        }
    }
    if failed > 0 {
        bail!("{failed} of {} steps failed", outcomes.len());
    }
    Ok(())
}

fn timed(step: impl FnOnce() -> Result<Done>) -> (Result<Done>, Duration) {
    let start = Instant::now();
    (step(), start.elapsed())
}

fn with_warnings_denied<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["clippy", "--workspace"];
    all.extend(arguments);
    all.extend(["--", "-D", "warnings"]);
    all
}

/// Runs the client for so many minutes, and writes the plot.
pub(crate) fn soak(root: &Path, minutes: u64) -> Result<()> {
    let minutes = minutes.to_string();
    let command = ["run", "-p", "workspace-tests", "--bin", "soak", "--", &minutes, "docs/soak.svg"];
    cargo(root, &command, &[]).map(drop)
}

/// Runs every example. Each ends by itself, and refuses an account where its test cards would do harm.
fn examples(root: &Path) -> Result<Done> {
    for package in ["cmp", "cmp-store"] {
        let mut examples = Vec::new();
        for entry in std::fs::read_dir(root.join(package).join("examples"))? {
            let path = entry?.path();
            if let Some(name) =
                path.file_stem().filter(|_| path.extension().is_some_and(|ending| ending == "rs"))
            {
                examples.push(name.to_string_lossy().into_owned());
            }
        }
        examples.sort();
        for example in &examples {
            // Without `-p`, they have the features of all tests, and nothing is built again. `each_feature` checks them with it.
            cargo(root, &["run", "-q", "--example", example], &[])?;
            let source = root.join(package).join("examples").join(format!("{example}.rs"));
            let source = std::fs::read_to_string(source)?;
            let mut code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.any(|line| line.contains("::from_env")) {
                refuses_live(root, example)?;
            }
        }
    }
    Ok(Done::Passed)
}

fn refuses_live(root: &Path, example: &str) -> Result<()> {
    say(&format!("\n$ VGS_ENVIRONMENT=live cargo run -q --example {example}"));
    let output = command(env!("CARGO"))
        .args(["run", "-q", "--example", example])
        .envs([("VGS_ENVIRONMENT", "live"), ("VGS_CLIENT_ID", "none"), ("VGS_CLIENT_SECRET", "none")])
        .env("VGS_PAN_ALIAS", "none")
        // Nobody listens there, so an example that does not refuse reaches nothing.
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .current_dir(root)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    say(&said);
    let refuses = !output.status.success() && said.contains("this example ");
    ensure!(refuses, "the example `{example}` uses an account in `live`");
    Ok(())
}

/// A lock file that a manifest has outgrown would be written anew by the next build, with newer versions of what it lacks. Cargo has done
/// so with the workspace's before a step runs, so `.ci/run` looks at it first.
fn lock_files(root: &Path) -> Result<Done> {
    for manifest in ["Cargo.toml", "bench/Cargo.toml", "fleet/Cargo.toml", "fuzz/Cargo.toml"] {
        cargo(root, &["tree", "--locked", "--depth", "0", "--manifest-path", manifest], &[])?;
    }
    Ok(Done::Passed)
}

/// Without what the tests of the workspace turn on.
fn each_feature(root: &Path) -> Result<Done> {
    clippy_cmp(root, &[])?;
    clippy_cmp(root, &["--examples"])?;
    for feature in ["webhooks", "test-util", "opentelemetry", "opentelemetry,webhooks"] {
        clippy_cmp(root, &["--features", feature])?;
    }
    clippy_cmp(root, &["--no-default-features", "--features", "rustls-no-provider"])?;
    cargo(root, &["clippy", "-p", "cmp-simulator", "--lib", "--", "-D", "warnings"], &[])?;
    for features in ["rustls,sqlite", "rustls,postgres"] {
        let arguments =
            ["clippy", "-p", "cmp-store", "--lib", "--no-default-features", "--features", features];
        cargo(root, &[&arguments[..], &["--", "-D", "warnings"]].concat(), &[])?;
    }
    Ok(Done::Passed)
}

/// Any crate of a user's build can turn them on for all. They change how numbers and objects are read.
fn serde_json_features(root: &Path) -> Result<Done> {
    let features = "serde_json/arbitrary_precision,serde_json/preserve_order";
    let packages = ["--package", "cmp", "--package", "cmp-generated", "--package", "workspace-tests"];
    let tests =
        ["client", "webhooks", "decoders", "decoding", "lenient", "redaction"].map(|name| ["--test", name]);
    let arguments =
        [&["test", "--lib", "--features", features][..], &packages, tests.as_flattened()].concat();
    cargo(root, &arguments, &[])
}

/// The program in `fleet/`, a workspace of its own. Its test needs Postgres, and runs with those of the store.
fn fleet(root: &Path) -> Result<Done> {
    cargo(root, &["fmt", "--manifest-path", postgres::FLEET, "--check"], &[])?;
    let lints = ["--all-targets", "--", "-D", "warnings"];
    cargo(root, &[&["clippy"], &postgres::BUILD_FLEET[..], &lints].concat(), &[])
}

fn clippy_cmp(root: &Path, features: &[&str]) -> Result<Done> {
    let arguments = [&["clippy", "-p", "cmp"][..], features, &["--", "-D", "warnings"]].concat();
    cargo(root, &arguments, &[])
}

/// On Linux, native-tls is OpenSSL, whose headers are not part of Rust.
fn native_tls(root: &Path) -> Result<Done> {
    let found = Command::new("pkg-config")
        .args(["--exists", "openssl"])
        .status()
        .is_ok_and(|status| status.success());
    if cfg!(target_os = "linux") && !found {
        return Ok(Done::Skipped("pkg-config doesn't find OpenSSL's headers".to_owned()));
    }
    let features = ["--no-default-features", "--features", "native-tls"];
    clippy_cmp(root, &features)?;
    cargo(
        root,
        &[&["test", "--package", "workspace-tests", "--test", "transport"], &features[..]].concat(),
        &[],
    )
}
