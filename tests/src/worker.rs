//! The program `bulk-worker`, as a process that a test reads and can kill.

use std::{io, process::Stdio};

use cmp_simulator::Simulator;
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// Starts the worker with these items on its standard input. Returns it, and its standard output.
///
/// `program` is `env!("CARGO_BIN_EXE_bulk-worker")`, which only tests have.
///
/// # Errors
/// If the process can't be started.
pub fn start(
    program: &str,
    simulator: &Simulator,
    arguments: &[&str],
    items: Vec<String>,
) -> io::Result<(Child, BufReader<ChildStdout>)> {
    let mut worker = Command::new(program)
        .args(arguments)
        .env("VGS_ENVIRONMENT", "custom")
        .env("VGS_API_URL", simulator.url())
        .env("VGS_TOKEN_URL", simulator.token_url())
        .env("VGS_CLIENT_ID", simulator.client_id())
        .env("VGS_CLIENT_SECRET", simulator.client_secret())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (input, output) = (worker.stdin.take(), worker.stdout.take());
    let (Some(mut input), Some(output)) = (input, output) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    tokio::spawn(async move {
        for item in items {
            if input.write_all(format!("{item}\n").as_bytes()).await.is_err() {
                // The worker was killed.
                return;
            }
        }
    });
    Ok((worker, BufReader::new(output)))
}
