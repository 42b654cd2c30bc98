//! An outside opinion on the simulator: Schemathesis, all phases, three seeds.
//!
//! It is a Python program and takes minutes, so it runs only when asked for: `cargo xtask ci schemathesis`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use cmp_simulator::{Enrollment, Simulator};

use super::run::{Done, metadata};

const VERSION: &str = "schemathesis>=4,<5";
const SEEDS: [&str; 3] = ["1", "2", "3"];

pub(super) fn check(root: &Path) -> Result<Done> {
    let metadata = metadata(root, &["--no-deps"])?;
    let target = Path::new(metadata["target_directory"].as_str().context("cargo names no target directory")?);
    let Some(program) = install(&target.join("schemathesis"))? else {
        return Ok(Done::Skipped(
            "Python 3 can't make an environment with Schemathesis in it here".to_owned(),
        ));
    };
    let openapi = std::fs::read_to_string(root.join("openapi/cmp.json"))?;
    let runtime = tokio::runtime::Runtime::new()?;
    for seed in SEEDS {
        let builder =
            Simulator::builder().seed(seed.parse()?).enrollment(Enrollment::OnCreate).control_api(true);
        let simulator = runtime.block_on(builder.openapi(openapi.clone()).start())?;
        run(&program, root, &simulator, seed)?;
    }
    Ok(Done::Passed)
}

/// The program in an environment of its own below the target folder; `None` if it can't be had.
fn install(folder: &Path) -> Result<Option<PathBuf>> {
    let program = folder.join("bin/schemathesis");
    if program.exists() {
        return Ok(Some(program));
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).status().is_ok_and(|s| s.success());
    let pip = folder.join("bin/pip");
    let installed = made && Command::new(pip).args(["install", "--quiet", VERSION]).status()?.success();
    Ok(installed.then_some(program))
}

fn run(program: &Path, root: &Path, simulator: &Simulator, seed: &str) -> Result<()> {
    let status = Command::new(program)
        .args(["--config-file", "schemathesis.toml", "run", "--seed", seed])
        .arg(format!("{}/openapi.json", simulator.url()))
        .current_dir(root.join("cmp-simulator"))
        .status()?;
    ensure!(status.success(), "Schemathesis found something with seed {seed}");
    Ok(())
}
