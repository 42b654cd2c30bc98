//! What it costs to depend on the client: crates, time to build, size.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Where things are.
pub(crate) struct Places {
    /// This package.
    pub(crate) bench: PathBuf,
    /// Where cargo builds it.
    pub(crate) target: PathBuf,
    /// A folder for this run.
    pub(crate) run: PathBuf,
}

impl Places {
    /// Builds the programs of the clients, runs `work`, and then removes the folder of the run.
    pub(crate) fn with(work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let bench =
            std::env::var("CARGO_MANIFEST_DIR").context("start it with cargo: `cargo xtask bench`")?;
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).context("the program is in no target folder")?;
        let run = target.join(format!("run-{}", std::process::id()));
        let places = Self { bench: bench.into(), target: target.to_owned(), run };
        for package in CLIENTS {
            Program { package, features: "" }.build(&places.bench, &places.target)?;
        }
        std::fs::create_dir_all(&places.run)?;
        let result = work(&places);
        std::fs::remove_dir_all(&places.run)?;
        result
    }
}

/// The programs below `clients/`. Each is built alone, so that no other client's features are in it.
const CLIENTS: [&str; 4] = ["bench-reqwest", "bench-hyper", "bench-generated", "bench-cmp"];

/// A program below `minimal/` or `clients/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) features: &'static str,
}

pub(crate) const WITH_CMP: Program = Program { package: "minimal-cmp", features: "" };
pub(crate) const WITH_REQWEST: Program = Program { package: "minimal-reqwest", features: "" };
pub(crate) const TLS: [Program; 3] = [
    Program { package: "minimal-tls", features: "aws-lc" },
    Program { package: "minimal-tls", features: "ring" },
    Program { package: "minimal-tls", features: "native-tls" },
];

/// What building a program from nothing took.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) cpu_seconds: f64,
    pub(crate) seconds: f64,
    /// The stripped program's size in megabytes.
    pub(crate) megabytes: f64,
}

impl Program {
    /// Builds it for release into `target`, and returns the program.
    pub(crate) fn build(self, bench: &Path, target: &Path) -> Result<PathBuf> {
        let mut cargo = self.cargo(bench, "build");
        let status = cargo.args(["--release", "--quiet", "--target-dir"]).arg(target).status()?;
        ensure!(status.success(), "{} can't be built", self.package);
        Ok(target.join("release").join(self.package))
    }

    /// Builds it into the empty folder `target`, and measures that.
    pub(crate) fn clean_build(self, bench: &Path, target: &Path) -> Result<(PathBuf, Build)> {
        if target.exists() {
            std::fs::remove_dir_all(target)?;
        }
        let (cpu, start) = (cpu_seconds_of_children()?, Instant::now());
        let program = self.build(bench, target)?;
        let build = Build {
            cpu_seconds: cpu_seconds_of_children()? - cpu,
            seconds: start.elapsed().as_secs_f64(),
            megabytes: megabytes(&program)?,
        };
        Ok((program, build))
    }

    /// The crates that end up in the program.
    pub(crate) fn crates(self, bench: &Path) -> Result<BTreeSet<String>> {
        let mut cargo = self.cargo(bench, "tree");
        let output = cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "none"]).output()?;
        ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout)?;
        let versioned = lines.lines().filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some(format!("{name} {}", rest.split(' ').next()?))
        });
        Ok(versioned.filter(|name| !name.starts_with("minimal-")).collect())
    }

    fn cargo(self, bench: &Path, command: &str) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = Command::new(cargo);
        cargo.arg(command).arg("--manifest-path").arg(bench.join("Cargo.toml"));
        cargo.args(["--package", self.package]);
        if !self.features.is_empty() {
            cargo.args(["--no-default-features", "--features", self.features]);
        }
        cargo
    }
}

pub(crate) fn megabytes(file: &Path) -> Result<f64> {
    Ok(std::fs::metadata(file)?.len() as f64 / 1e6)
}

/// The processor time of all child processes that have ended, and of theirs.
fn cpu_seconds_of_children() -> Result<f64> {
    /// A part of Linux's interface to programs.
    const TICKS_A_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").context("Linux only")?;
    // The program's name ends with the last parenthesis; `cutime` and `cstime` are the 14th and 15th after it.
    let (_, fields) = text.rsplit_once(')').context("an odd /proc/self/stat")?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(13).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}
