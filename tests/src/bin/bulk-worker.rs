//! Runs an operation for each line on its standard input, and writes each outcome to its standard output. A process of its
//! own, so that its memory is the client's alone, and so that it can be killed.
//!
//! Without arguments it provisions a network token for each card id, and the last line is the most memory that it had in
//! use, in bytes. With an operation and a checkpoint (JSON) it goes on from there, and each line ends with the checkpoint
//! after it: a line is what a program would store in one transaction.

#![expect(clippy::print_stdout, reason = "the outcomes go to the test")]

use std::{fmt::Display, time::Duration};

use anyhow::{Result, bail};
use cmp::{
    Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    bulk::{BulkRun, Checkpoint},
    retry::RetryPolicy,
};
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
    let bulk = cmp.bulk().concurrency(32);
    let lines = lines(BufReader::new(stdin()).lines());
    let ids = lines.map(|line| line.parse().expect("the test writes ids"));
    let mut arguments = std::env::args().skip(1);
    let Some(operation) = arguments.next() else {
        let mut run = bulk.over_stream(ids).provision();
        while let Some((id, outcome)) = run.next().await {
            println!("{id} {}", if outcome.is_ok() { "done" } else { "failed" });
        }
        println!("{}", MEMORY.peak_usage());
        return Ok(());
    };
    let checkpoint: Checkpoint = serde_json::from_str(&arguments.next().unwrap_or_default())?;
    match operation.as_str() {
        "provision" => report(bulk.over_stream(ids).provision().resume_from(checkpoint).await?).await,
        "delete" => report(bulk.over_stream(ids).delete().resume_from(checkpoint).await?).await,
        "create" => {
            let rows = ids.map(|row: cmp::CardId| {
                // An alias, since there are not so many test cards.
                let pan = Pan::from_trusted(format!("tok_{:0>12}", row.as_str()));
                (row, NewCard::new(pan, Expiry::new(12, 2030).expect("a date")))
            });
            report(bulk.over_stream(rows).create().resume_from(checkpoint).await?).await;
        }
        _ => bail!("no such operation"),
    }
    Ok(())
}

/// The first line is the checkpoint before the first outcome.
async fn report<S, T, K>(mut run: BulkRun<S, T, K>)
where
    S: Stream<Item: Clone>,
    T: 'static,
    K: Display,
{
    let mut before = "start begun".to_owned();
    loop {
        let checkpoint = serde_json::to_string(&run.checkpoint()).expect("a value to store");
        println!("{before} {checkpoint}");
        let Some((key, outcome)) = run.next().await else { return };
        run.acknowledge();
        before = format!(
            "{key} {}",
            outcome.map_or_else(|error| format!("{:?}", error.kind()), |_| "done".into())
        );
    }
}

fn lines(lines: Lines<BufReader<Stdin>>) -> impl Stream<Item = String> {
    let lines = stream::unfold(lines, async |mut lines| {
        let line = lines.next_line().await.expect("the test writes lines")?;
        Some((line, lines))
    });
    lines.boxed()
}
