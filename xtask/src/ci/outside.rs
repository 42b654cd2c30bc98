//! The crates as a user gets them: the README's first program, in a crate outside the workspace, built from the
//! packaged files and run against a simulator.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{Done, metadata};

const PACKAGED: [&str; 3] = ["cmp-generated", "cmp", "cmp-simulator"];
const MANIFEST: &str = r#"[package]
name = "outside"
version = "0.0.0"
edition = "2024"

[dependencies]
anyhow = "1"
cmp = { version = "=VERSION", features = ["test-util", "webhooks"] }
cmp-simulator = { version = "=VERSION", features = ["program"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[patch.crates-io]
cmp = { path = "cmp-VERSION" }
cmp-generated = { path = "cmp-generated-VERSION" }
cmp-simulator = { path = "cmp-simulator-VERSION" }

[workspace]
"#;

pub(super) fn check(root: &Path) -> Result<Done> {
    let version = env!("CARGO_PKG_VERSION");
    let metadata = metadata(root, &["--no-deps"])?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo names no target directory")?);
    let folder = target.join("outside");
    // Nothing of an earlier run: a file that is no longer packed must be missed.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("src"))?;
    for package in PACKAGED {
        unpack(target, &folder, &format!("{package}-{version}"))?;
    }
    fs::write(folder.join("Cargo.toml"), MANIFEST.replace("VERSION", version))?;
    fs::write(folder.join("src/main.rs"), first_program(&fs::read_to_string(root.join("README.md"))?)?)?;
    // The same versions as ours, so that what was tested is what is built, and nothing new is fetched.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    run(target, &folder)
}

fn unpack(target: &Path, folder: &Path, name: &str) -> Result<()> {
    let archive = target.join("package").join(format!("{name}.crate"));
    let status = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder).status()?;
    ensure!(status.success(), "{} can't be unpacked", archive.display());
    Ok(())
}

/// The first complete Rust program of the README.
fn first_program(readme: &str) -> Result<&str> {
    let blocks =
        readme.split("```rust").skip(1).filter_map(|block| block.split_once('\n')?.1.split_once("```"));
    let program = blocks.map(|(program, _)| program).find(|program| program.contains("fn main"));
    program.context("the README has no Rust program with a main function")
}

fn run(target: &Path, folder: &Path) -> Result<Done> {
    let runtime = tokio::runtime::Runtime::new()?;
    let simulator = runtime.block_on(cmp_simulator::Simulator::start())?;
    let output = Command::new(env!("CARGO"))
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
}
