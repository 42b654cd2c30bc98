//! Compares `cmp` with calls written by hand: `cargo xtask bench`.
//!
//! One process serves canned responses, another makes the calls, so that a figure of the second is the client's alone.

mod adoption;
mod clients;
mod compare;
mod documents;
mod gates;
mod measure;
mod page;
mod plot;
mod rounds;
mod server;
mod webhooks;

use adoption::Places;
use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Compares cmp with calls written by hand")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves canned responses until standard input ends.
    Serve,
    /// Does one kind of work with one client and prints what it costs, as JSON.
    Run(measure::Options),
    /// Compares all clients in alternating rounds.
    Compare(compare::Options),
    /// Compares what does not depend on the machine with its bounds.
    Gates(gates::Options),
}

fn main() -> Result<()> {
    match Options::parse().command {
        Command::Serve => server::run(),
        Command::Run(options) => measure::run(&options),
        Command::Compare(options) => Places::with(|places| compare::run(&options, places)),
        Command::Gates(options) => Places::with(|places| gates::run(&options, places)),
    }
}
