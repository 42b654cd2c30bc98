//! Provisions a network token for each card id on its standard input, and writes each outcome to its standard output; the
//! last line is the most memory that it had in use, in bytes. A process of its own, so that this is the client's alone.

#![expect(clippy::print_stdout, reason = "the outcomes go to the test")]

use std::time::Duration;

use anyhow::Result;
use cmp::{CardId, Client, Environment, ServiceAccount, retry::RetryPolicy};
use futures_util::{Stream, StreamExt, stream};
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let quick = RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(4));
    let builder = Client::builder(Environment::from_env()?).service_account(ServiceAccount::from_env()?);
    let cmp = builder.retry(quick).build()?;
    let mut run = cmp.bulk().concurrency(32).over_stream(ids(BufReader::new(stdin()).lines())).provision();
    while let Some((id, outcome)) = run.next().await {
        println!("{id} {}", if outcome.is_ok() { "provisioned" } else { "failed" });
    }
    println!("{}", MEMORY.peak_usage());
    Ok(())
}

fn ids(lines: Lines<BufReader<Stdin>>) -> impl Stream<Item = CardId> {
    let ids = stream::unfold(lines, async |mut lines| {
        let line = lines.next_line().await.expect("the test writes lines")?;
        Some((line.parse().expect("the test writes ids"), lines))
    });
    ids.boxed()
}
