//! The simulator as a program.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use cmp_simulator::program::{self, Options};
use cmp_simulator::provoke;

/// A stateful simulator of the VGS Card Management Platform, on 127.0.0.1
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Serve this document at /openapi.json
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
    /// Print every status of every operation and how to provoke it, in Markdown, and exit
    #[arg(long)]
    statuses: bool,
}

fn main() -> ExitCode {
    program::exit(run(Cli::parse()))
}

fn run(cli: Cli) -> io::Result<()> {
    if cli.statuses {
        return io::stdout().write_all(provoke::markdown().as_bytes());
    }
    let openapi = cli.openapi.map(|path| read(&path)).transpose()?;
    program::main(&cli.options, openapi)
}

fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
