//! Compares `cmp` with calls written by hand: `cargo xtask bench`.
//!
//! One process serves canned responses, another makes the calls, so that a figure of the second is the client's alone. Each client is a
//! program of its own, in `clients/`.

mod adoption;
mod compare;
mod gates;
mod page;
mod plot;
mod rounds;
mod server;

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
    /// Compares all clients in alternating rounds.
    Compare(compare::Options),
    /// Compares what does not depend on the machine with its bounds.
    Gates(gates::Options),
}

fn main() -> Result<()> {
    match Options::parse().command {
        Command::Serve => server::run(),
        Command::Compare(options) => Places::with(|places| compare::run(&options, places)),
        Command::Gates(options) => Places::with(|places| gates::run(&options, places)),
    }
}
