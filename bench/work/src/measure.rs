//! Does one kind of work with one client, in this process, and says what it costs.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::{Client, Scenario, Work, documents};

/// What a program in `../clients` does. It is the program's one argument, as JSON: a parser of options would be larger than what is
/// compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    pub work: Work,
    pub size: usize,
    /// Where the canned server listens.
    pub url: String,
    /// A file with the server's certificate, in PEM.
    pub certificate: Option<PathBuf>,
    /// How often it is done for the measurement.
    pub calls: usize,
    /// How often it is done before that.
    pub warm_up: usize,
    /// How many calls are in flight.
    pub in_flight: usize,
    /// Counts the allocations, which takes some time of its own. Needs one call in flight.
    pub allocations: bool,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// Calls a second.
    pub throughput: f64,
    /// The median time of a call, in microseconds.
    pub p50: f64,
    /// Processor time a call, in microseconds, user and system.
    pub cpu: f64,
    /// The process's most resident memory, in kibibytes.
    pub peak_memory: f64,
    /// Allocations a call, if they were counted.
    pub allocations: f64,
    /// Allocated octets a call, if they were counted.
    pub allocated: f64,
}

/// Does what the program's argument says with the client `C`, and prints the cost as JSON.
///
/// # Errors
/// If the work fails.
pub fn run<C: Client>() -> Result<()> {
    let argument = std::env::args().nth(1).context("start it with `cargo xtask bench`")?;
    let cost = measure::<C>(&serde_json::from_str(&argument)?)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&cost)?)?;
    Ok(())
}

fn measure<C: Client>(options: &Options) -> Result<Cost> {
    let pem = options.certificate.as_ref().map(std::fs::read_to_string).transpose()?;
    let client = || C::new(&options.url, pem.as_deref());
    let many_threads = options.in_flight > 1 || options.work == Work::Token;
    let mut builder = if many_threads { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = builder.enable_all().build()?;
    let calls = |scenario| {
        let client = runtime.block_on(async { client() })?;
        costs(options, |count| calls(&runtime, &client, scenario, count, options.in_flight))
    };
    match options.work {
        Work::Get => calls(Scenario::Get(options.size)),
        Work::Create => calls(Scenario::Create),
        Work::Cryptogram => calls(Scenario::Cryptogram),
        Work::Subscribe => calls(Scenario::Subscribe),
        Work::Unsubscribe => calls(Scenario::Unsubscribe),
        Work::Check => calls(Scenario::Check),
        Work::Webhook => {
            let receive = C::receiver()?;
            costs(options, |count| repeat(count, &receive))
        }
        Work::Decode => {
            let body = documents::card(options.size);
            costs(options, |count| repeat(count, || C::decode(body.as_bytes(), options.size)))
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
                runtime.block_on(client.bulk(count))?;
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
fn calls<C: Client>(
    runtime: &Runtime,
    client: &C,
    scenario: Scenario,
    count: usize,
    in_flight: usize,
) -> Result<(usize, Vec<f64>)> {
    let each = count / in_flight;
    let work = |client: C| async move {
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
fn tokens<C: Client>(runtime: &Runtime, client: &C, count: usize, tasks: usize) -> Result<(usize, Vec<f64>)> {
    let work = |client: C| async move {
        let start = Instant::now();
        for _ in 0..count {
            client.take_token().await?;
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
