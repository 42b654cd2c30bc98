//! The contract check as a program of its own, for the test that reads all that it prints.

use std::process::ExitCode;

use clap::Parser;
use cmp_contract::CheckOptions;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: CheckOptions,
}

fn main() -> ExitCode {
    cmp_contract::check(&Cli::parse().options, None)
}
