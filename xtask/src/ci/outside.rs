//! The crates as a user without a registry gets them: the README's first program with the README's `Cargo.toml`, in a crate
//! outside the workspace, built from the packaged files and run against a simulator.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::run::{Done, command, metadata};

/// Where the README's `Cargo.toml` has the unpacked crates.
const VENDOR: &str = "vendor";

/// The first program does without the store, and its own tables of dependencies can't be repeated.
const STORE: &str =
    "[target.'cfg(all())'.dev-dependencies]\ncmp-store = { version = \"*\", features = [\"postgres\"] }";

/// As in the workspace, whose target folder is shared: cargo builds the same dependencies again for another profile.
const PROFILE: &str =
    "[profile.dev]\ndebug = \"line-tables-only\"\n[profile.dev.package.\"*\"]\ndebug = false";

pub(super) fn check(root: &Path) -> Result<Done> {
    let metadata = metadata(root, &["--no-deps"])?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo names no target directory")?);
    let folder = target.join("outside");
    // Nothing of an earlier run: a file that is no longer packed must be missed.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("src"))?;
    fs::create_dir_all(folder.join(VENDOR))?;
    let readme = fs::read_to_string(root.join("README.md"))?;
    let manifest = manifest(&readme)?;
    let version = version(&metadata)?;
    for package in packages(manifest) {
        // An older package may still lie there.
        ensure!(is_of(package, version), "README.md names {package}, and Cargo.toml the version {version}");
        unpack(target, &folder.join(VENDOR), package)?;
    }
    // Outside for cargo, too: the folder is below the workspace's.
    fs::write(folder.join("Cargo.toml"), format!("{manifest}\n{STORE}\n{PROFILE}\n[workspace]\n"))?;
    fs::write(folder.join("src/main.rs"), first_program(&readme)?)?;
    // The same versions as ours, so that what was tested is what is built, and nothing new is fetched.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    build_everything(target, &folder)?;
    run(target, &folder)
}

/// The version in the metadata of the workspace, which all its packages share.
fn version(metadata: &Value) -> Result<&str> {
    metadata["packages"][0]["version"].as_str().context("cargo metadata names no version")
}

fn is_of(package: &str, version: &str) -> bool {
    package.strip_suffix(version).is_some_and(|name| name.ends_with('-'))
}

fn unpack(target: &Path, folder: &Path, name: &str) -> Result<()> {
    let archive = target.join("package").join(format!("{name}.crate"));
    // `m`: a package's files are all of one old date, and cargo would take those of an earlier run for built.
    let status = Command::new("tar").arg("-xzmf").arg(&archive).arg("-C").arg(folder).status()?;
    ensure!(status.success(), "{} can't be unpacked", archive.display());
    Ok(())
}

/// The first complete Rust program of the README.
fn first_program(readme: &str) -> Result<&str> {
    let mut programs = blocks(readme, "rust").filter(|block| block.contains("fn main"));
    programs.next().context("the README has no Rust program with a main function")
}

/// The `Cargo.toml` of the README that patches the packaged crates in.
fn manifest(readme: &str) -> Result<&str> {
    let mut manifests = blocks(readme, "toml").filter(|block| block.contains("[patch."));
    manifests.next().context("the README has no Cargo.toml with a patch")
}

/// The unpacked crates that a manifest refers to, such as `cmp-0.1.0`.
fn packages(manifest: &str) -> impl Iterator<Item = &str> {
    let paths = manifest.split("path = \"").skip(1).filter_map(|rest| rest.split_once('"'));
    paths.filter_map(|(path, _)| path.strip_prefix(VENDOR)?.strip_prefix('/'))
}

fn blocks<'a>(readme: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let blocks = readme.split(&format!("```{language}")).skip(1).collect::<Vec<_>>().into_iter();
    blocks.filter_map(|block| Some(block.split_once('\n')?.1.split_once("```")?.0))
}

/// Also what the program doesn't use: the other features, and the simulator that is there for its tests.
fn build_everything(target: &Path, folder: &Path) -> Result<()> {
    let status = command(env!("CARGO"))
        .args([
            "check",
            "--quiet",
            "--tests",
            "--features",
            "cmp/opentelemetry,cmp/test-util,cmp-simulator/program,cmp-simulator/tls",
        ])
        .env("CARGO_TARGET_DIR", target)
        .current_dir(folder)
        .status()?;
    ensure!(status.success(), "the packaged crates don't build with all features");
    Ok(())
}

fn run(target: &Path, folder: &Path) -> Result<Done> {
    let runtime = tokio::runtime::Runtime::new()?;
    let simulator = runtime.block_on(cmp_simulator::Simulator::start())?;
    let output = command(env!("CARGO"))
        .args(["run", "--quiet"])
        .env("CARGO_TARGET_DIR", target)
        .env("VGS_ENVIRONMENT", "custom")
        .env("VGS_API_URL", simulator.url())
        .env("VGS_TOKEN_URL", simulator.token_url())
        .env("VGS_CLIENT_ID", simulator.client_id())
        .env("VGS_CLIENT_SECRET", simulator.client_secret())
        .current_dir(folder)
        .output()?;
    ensure!(
        output.status.success(),
        "the README's first program failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        simulator.count(cmp_simulator::Operation::CreateCard) > 0,
        "the README's first program did not reach the simulator"
    );
    Ok(Done::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_whole_program_is_taken() {
        let readme = "```rust\nlet x = 1;\n```\ntext\n```rust,no_run\nfn main() {}\n```\n```rust\nfn main() { 2 }\n```\n";
        assert_eq!(first_program(readme).unwrap(), "fn main() {}\n");
        assert!(first_program("no code").is_err());
    }

    #[test]
    fn the_manifest_with_the_patch_says_what_to_unpack() {
        let patched = "[patch.somewhere]\na = { path = \"vendor/a-1.0.0\" }\nb = { path = \"../b\" }\n";
        let readme = format!("```toml\n[dependencies]\n```\n```toml\n{patched}```\n");
        assert_eq!(manifest(&readme).unwrap(), patched);
        assert_eq!(packages(patched).collect::<Vec<_>>(), ["a-1.0.0"]);
        assert!(manifest("```toml\n[dependencies]\n```").is_err());
        assert!(is_of("a-1.0.0", "1.0.0") && !is_of("a-1.0.0", "1.1.0") && !is_of("a-11.0.0", "1.0.0"));
    }
}
