//! Maintenance tasks of the workspace: `cargo xtask <task>`.

mod ci;
mod mutants;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use cmp_contract::{CheckOptions, Spec};
use cmp_simulator::program;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Maintenance tasks of the cmp workspace")]
struct Cli {
    /// The workspace to work on; this one unless given.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Import, merge, correct and lower the API's OpenAPI documents.
    #[command(subcommand)]
    Spec(Spec),
    /// Run the simulator as a program, with this workspace's contract at /openapi.json
    Simulator(program::Options),
    /// Write the public APIs of `cmp` and `cmp-store` to their public-api.txt
    Api,
    /// Compare the client with calls written by hand: see docs/performance.md
    Bench {
        /// Check that everything runs, with too few calls for a figure to mean something.
        #[arg(long)]
        quick: bool,
        /// Write the tables and plots of docs/performance.md
        #[arg(long)]
        write: bool,
        /// Only this part: counts, calls, growth, adoption or tls.
        #[arg(long)]
        only: Option<String>,
        /// Write the bounds of `cargo xtask ci cost` anew instead, from what is measured.
        #[arg(long, conflicts_with_all = ["quick", "write", "only"])]
        tighten: bool,
    },
    /// Change the client in many small ways, and write to docs/mutants.md which changes no test notices.
    Mutants {
        /// Only these modules of `cmp/src`, such as retry or webhooks/verifier
        modules: Vec<String>,
        /// One part of the changes, from 0/8 to 7/8: a part takes up to an hour.
        #[arg(long)]
        shard: Option<String>,
        /// Change the files of this workspace, and take each change back. Saves a copy and its first build.
        #[arg(long)]
        in_place: bool,
    },
    /// Run the client for long against a simulator that fails: SECURITY.md has the figures
    Soak {
        /// How long
        #[arg(long, default_value_t = 60)]
        minutes: u64,
    },
    /// Check whether a service keeps the contract: the simulator, a URL, or an environment of VGS.
    Contract(CheckOptions),
    /// Run everything that must hold before a change lands.
    Ci {
        /// Only the steps whose name contains this.
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            // A closed standard error leaves nobody to read the message.
            let _ = writeln!(io::stderr(), "Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let root = cmp_contract::root_of_run(cli.root)?.context(cmp_contract::NO_WORKSPACE)?;
    cmp_contract::settle(&root)?;
    match cli.task {
        Task::Spec(command) => cmp_contract::spec(&command, &root)?,
        Task::Simulator(options) => {
            let contract = root.join("openapi/cmp.json");
            let openapi = fs::read_to_string(&contract).with_context(|| contract.display().to_string())?;
            return Ok(program::exit(program::main(&options, Some(openapi))));
        }
        Task::Api => ci::api::write(&root)?,
        Task::Bench { tighten: true, .. } => ci::cost::bench(&root, &["gates", "--tighten"])?,
        Task::Bench { quick, write, only, .. } => {
            let mut arguments = vec!["compare"];
            arguments.extend(quick.then_some("--quick"));
            arguments.extend(write.then_some("--write"));
            arguments.extend(only.iter().flat_map(|only| ["--only", only]));
            ci::cost::bench(&root, &arguments)?;
        }
        Task::Mutants { modules, shard, in_place } => {
            mutants::run(&root, &modules, shard.as_deref(), in_place)?;
        }
        Task::Soak { minutes } => ci::soak(&root, minutes)?,
        Task::Contract(options) => return Ok(cmp_contract::check(&options, Some(&root))),
        Task::Ci { only } => ci::run(&root, only.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}
