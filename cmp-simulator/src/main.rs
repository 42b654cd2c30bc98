//! The simulator as a program.

use std::path::PathBuf;

use clap::Parser;
use cmp_simulator::program::{self, Options};

/// A stateful simulator of the VGS Card Management Platform, on 127.0.0.1
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Serve this document at /openapi.json
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
}

fn main() -> std::io::Result<()> {
    let cli = Cli::parse();
    let openapi = cli.openapi.map(std::fs::read_to_string).transpose()?;
    program::main(&cli.options, openapi)
}
