//! Does one kind of work with one client, in this process, and says what it costs.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use cmp::CardId;
use futures_util::{StreamExt, stream};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::clients::{Client, Scenario, Side};
use crate::documents::{self, CardAttributes, card_id};
use crate::webhooks::Receiver;

/// How many calls of a bulk run are in flight; the client's default.
const BULK_CONCURRENCY: usize = 16;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Gets a card; the size is the number of its included network tokens.
    Get,
    /// Stores a card.
    Create,
    /// Requests a cryptogram.
    Cryptogram,
    /// Subscribes a card to updates.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
    /// Asks for a card's latest update.
    Check,
    /// Verifies and reads a webhook.
    Webhook,
    /// Reads the response of a get; the size is the number of included network tokens.
    Decode,
    /// Takes the access token from the cache; the size is the number of tasks that do so.
    Token,
    /// Gets many cards; the size is their number.
    Bulk,
    /// Makes a client.
    Construct,
}

impl Work {
    /// Who can do it. The client's own reading is private, so [`Decode`](Self::Decode) is the generated client's.
    pub(crate) fn sides(self) -> &'static [Side] {
        match self {
            Self::Webhook | Self::Bulk => &[Side::Reqwest, Side::Cmp],
            Self::Decode => &[Side::Reqwest, Side::Generated],
            Self::Token => &[Side::Cmp],
            _ => &Side::ALL,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    pub(crate) work: Work,
    #[arg(long, default_value_t = 1)]
    pub(crate) size: usize,
    #[arg(long)]
    pub(crate) side: Side,
    /// Where the canned server listens.
    #[arg(long, default_value = "https://localhost:1")]
    pub(crate) url: String,
    /// A file with the server's certificate, in PEM.
    #[arg(long)]
    pub(crate) certificate: Option<PathBuf>,
    /// How often it is done for the measurement.
    #[arg(long, default_value_t = 1000)]
    pub(crate) calls: usize,
    /// How often it is done before that.
    #[arg(long, default_value_t = 200)]
    pub(crate) warm_up: usize,
    /// How many calls are in flight.
    #[arg(long, default_value_t = 1)]
    pub(crate) in_flight: usize,
    /// Counts the allocations, which takes some time of its own. Needs one call in flight.
    #[arg(long)]
    pub(crate) allocations: bool,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Calls a second.
    pub(crate) throughput: f64,
    /// The median time of a call, in microseconds.
    pub(crate) p50: f64,
    /// Processor time a call, in microseconds, user and system.
    pub(crate) cpu: f64,
    /// The process's most resident memory, in kibibytes.
    pub(crate) peak_memory: f64,
    /// Allocations a call, if they were counted.
    pub(crate) allocations: f64,
    /// Allocated octets a call, if they were counted.
    pub(crate) allocated: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&measure(options)?)?)?;
    Ok(())
}

fn measure(options: &Options) -> Result<Cost> {
    let pem = options.certificate.as_ref().map(std::fs::read_to_string).transpose()?;
    let client = || Client::new(options.side, &options.url, pem.as_deref());
    let many_threads = options.in_flight > 1 || options.work == Work::Token;
    let mut builder = if many_threads { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = builder.enable_all().build()?;
    match options.work {
        Work::Get | Work::Create | Work::Cryptogram | Work::Subscribe | Work::Unsubscribe | Work::Check => {
            let scenario = match options.work {
                Work::Get => Scenario::Get(options.size),
                Work::Create => Scenario::Create,
                Work::Subscribe => Scenario::Subscribe,
                Work::Unsubscribe => Scenario::Unsubscribe,
                Work::Check => Scenario::Check,
                _ => Scenario::Cryptogram,
            };
            let client = runtime.block_on(async { client() })?;
            let calls = |count| calls(&runtime, &client, scenario, count, options.in_flight);
            costs(options, calls)
        }
        Work::Webhook => {
            let receiver = Receiver::new(options.side)?;
            costs(options, |count| repeat(count, || receiver.receive()))
        }
        Work::Decode => {
            let body = documents::card(options.size);
            let read = || match options.side {
                Side::Generated => {
                    let read: cmp_generated::types::CardResourceResponse =
                        cmp_generated::lenient::decode(body.as_bytes())?;
                    ensure!(read.included.map_or(0, |included| included.len()) == options.size, "another");
                    Ok(())
                }
                _ => documents::read::<CardAttributes>(body.as_bytes(), options.size).map(drop),
            };
            costs(options, |count| repeat(count, read))
        }
        Work::Construct => {
            let _inside = runtime.enter();
            costs(options, |count| repeat(count, || client().map(drop)))
        }
        Work::Token => {
            let client = runtime.block_on(async { client() })?;
            costs(options, |count| tokens(&runtime, &client, count, options.size))
        }
        Work::Bulk => {
            let client = runtime.block_on(async { client() })?;
            let once = |count: usize| {
                let start = Instant::now();
                runtime.block_on(bulk(&client, count))?;
                Ok((count, vec![start.elapsed().as_secs_f64() * 1e6 / count as f64]))
            };
            costs(options, once)
        }
    }
}

/// Measures `work`, which does something so often and returns how often it did and how many microseconds each took.
fn costs(options: &Options, work: impl Fn(usize) -> Result<(usize, Vec<f64>)>) -> Result<Cost> {
    if options.warm_up > 0 {
        work(options.warm_up)?;
    }
    let (cpu, start) = (cpu_microseconds(), Instant::now());
    let mut outcome = None;
    let counted = if options.allocations {
        allocation_counter::measure(|| outcome = Some(work(options.calls)))
    } else {
        outcome = Some(work(options.calls));
        allocation_counter::AllocationInfo::default()
    };
    let (took, cpu) = (start.elapsed().as_secs_f64(), cpu_microseconds() - cpu);
    let (done, mut times) = outcome.context("nothing was done")??;
    times.sort_by(f64::total_cmp);
    let done = done as f64;
    Ok(Cost {
        throughput: done / took,
        p50: times.get(times.len() / 2).copied().unwrap_or_default(),
        cpu: cpu / done,
        peak_memory: peak_memory()?,
        allocations: counted.count_total as f64 / done,
        allocated: counted.bytes_total as f64 / done,
    })
}

fn repeat(count: usize, work: impl Fn() -> Result<()>) -> Result<(usize, Vec<f64>)> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok((count, times))
}

/// Makes `count` calls, `in_flight` at a time.
fn calls(
    runtime: &Runtime,
    client: &Client,
    scenario: Scenario,
    count: usize,
    in_flight: usize,
) -> Result<(usize, Vec<f64>)> {
    let each = count / in_flight;
    let work = |client: Client| async move {
        let mut times = Vec::with_capacity(each);
        for _ in 0..each {
            let start = Instant::now();
            client.call(scenario).await?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        anyhow::Ok(times)
    };
    let times = runtime.block_on(async {
        if in_flight == 1 {
            return work(client.clone()).await;
        }
        let tasks: Vec<_> = (0..in_flight).map(|_| tokio::spawn(work(client.clone()))).collect();
        let mut times = Vec::with_capacity(count);
        for task in tasks {
            times.extend(task.await??);
        }
        Ok(times)
    })?;
    Ok((times.len(), times))
}

/// Takes the access token `count` times in each of so many tasks.
fn tokens(runtime: &Runtime, client: &Client, count: usize, tasks: usize) -> Result<(usize, Vec<f64>)> {
    let Client::Cmp(client) = client else { anyhow::bail!("only cmp has a cache") };
    let work = |client: cmp::Client| async move {
        let start = Instant::now();
        for _ in 0..count {
            client.warm_up().await?;
        }
        anyhow::Ok(start.elapsed().as_secs_f64() * 1e6 / count as f64)
    };
    let times = runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(work(client.clone()))).collect();
        let mut times = Vec::with_capacity(tasks.len());
        for task in tasks {
            times.push(task.await??);
        }
        anyhow::Ok(times)
    })?;
    Ok((count * tasks, times))
}

/// Gets so many cards, [`BULK_CONCURRENCY`] at a time.
async fn bulk(client: &Client, ids: usize) -> Result<()> {
    match client {
        Client::Cmp(client) => {
            let id: CardId = card_id(1).parse()?;
            let ids = (0..ids).map(move |_| id.clone());
            let mut run = client.bulk().concurrency(BULK_CONCURRENCY).over(ids).get();
            while let Some((_, outcome)) = run.next().await {
                outcome?;
            }
        }
        _ => {
            let calls = stream::iter((0..ids).map(|_| client.call(Scenario::Get(1))));
            let mut run = calls.buffer_unordered(BULK_CONCURRENCY);
            while let Some(outcome) = run.next().await {
                outcome?;
            }
        }
    }
    Ok(())
}

/// The processor time of all threads of this process.
fn cpu_microseconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn peak_memory() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
