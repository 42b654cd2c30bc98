//! The contract tool as a program.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use cmp_contract::{CheckOptions, DiffArguments, Spec};

#[derive(Parser)]
#[command(name = "cmp-contract", version, about = "The contract of the VGS Card Management Platform")]
struct Cli {
    /// The workspace to work on. Default: the one around the current folder. `check` needs no workspace.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check whether a service keeps the contract: the simulator, a URL, or an environment of VGS.
    Check(CheckOptions),
    /// Report what a change of the contract means for callers, for readers and for the client's Rust items.
    Diff(DiffArguments),
    /// Import, merge, correct and lower the API's OpenAPI documents.
    #[command(subcommand)]
    Spec(Spec),
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
    let root = cmp_contract::root_of_run(cli.root)?;
    if let Some(root) = &root {
        cmp_contract::settle(root)?;
    }
    let needed = || root.as_deref().context(cmp_contract::NO_WORKSPACE);
    match cli.task {
        Task::Check(options) => return Ok(cmp_contract::check(&options, root.as_deref())),
        Task::Diff(arguments) => cmp_contract::diff(&arguments, needed()?)?,
        Task::Spec(command) => cmp_contract::spec(&command, needed()?)?,
    }
    Ok(ExitCode::SUCCESS)
}
