//! Provisions a network token for each of many cards, with as many worker processes as you like.
//!
//! The jobs are in Postgres, and `graphile_worker` hands them out. A job is a range of the table `cards_to_provision`. Its
//! state is the checkpoint of its run in `cmp_store`, so a worker goes on where a dead one stopped.
//!
//! ```text
//! CREATE TABLE cards_to_provision (position BIGINT PRIMARY KEY, card TEXT NOT NULL);
//!
//! cmp-fleet enqueue 1000   # a job for each 1,000 cards
//! cmp-fleet work           # in each process
//! ```
//!
//! To enqueue again is harmless while no worker runs, with the same size, and if new rows came behind all others.
//! `DATABASE_URL` and the variables of `cmp` (`VGS_CLIENT_ID` …) say where. `FLEET_PER_MINUTE` is this worker's share of the
//! account's rate limit: the limit divided by the number of workers. `docs/fleet.md` has the reasons.

#![expect(clippy::print_stdout, reason = "a worker says what it does")]

use std::{env, str::FromStr as _, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use cmp::{CardId, Client, Environment, ErrorKind, ServiceAccount, retry::Pace};
use cmp_store::Store;
use graphile_worker::{IntoTaskHandlerResult, JobSpec, TaskHandler, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Each worker has one job at a time. It needs a connection to read ids, and one to store outcomes.
const CONNECTIONS: u32 = 4;
/// A worker says how far it is after so many outcomes.
const SAID_EVERY: u64 = 50;
/// A job ends after so many failures that say nothing about the card. Fewer than the calls in flight, so that an outage ends
/// it soon.
const MOST_UNFINISHED: u32 = 10;

/// A job: the cards from one position to another, both included.
#[derive(Debug, Serialize, Deserialize)]
struct Range {
    first: i64,
    last: i64,
}

/// What a worker needs for its jobs.
#[derive(Debug, Clone)]
struct Worker {
    cmp: Client,
    pool: PgPool,
    store: Store,
}

impl TaskHandler for Range {
    const IDENTIFIER: &'static str = "provision";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(worker) = context.get_ext::<Worker>() else { return Err("there is no client".to_owned()) };
        let name = self.name();
        match worker.provision(&name, &self).await {
            Ok(()) => {
                println!("{name}: complete");
                Ok(())
            }
            // Also if another worker has taken the range over: `Ok` would remove the job, which is the other's.
            Err(error) => {
                println!("{name}: ended, {error:#}");
                Err(format!("{error:#}"))
            }
        }
    }
}

impl Range {
    /// The name of the job, and of the run that is its state. Rows at the end of the table change no name. In hexadecimal,
    /// since a position can look like a card number.
    fn name(&self) -> String {
        format!("cards from {:x}", self.first)
    }
}

impl Worker {
    async fn provision(&self, name: &str, range: &Range) -> Result<()> {
        let claim = self.store.claim_run(name).await?;
        println!("{name}: begins with {} done", claim.checkpoint.finished());
        let run = self.cmp.bulk().over(self.ids(range).await?).provision();
        let mut run = run.resume_from(claim.checkpoint.clone()).await?;
        let mut unfinished = 0;
        while let Some((id, outcome)) = run.next().await {
            // With the credentials of another account, no card is found.
            let some_are_found = claim.checkpoint.finished() > 0 || run.progress().succeeded > 0;
            if let Err(error) = &outcome
                && !(is_about_the_card(error) && (some_are_found || !error.is_not_found()))
            {
                println!("{name}: {id} has no outcome, {error}");
                run.leave_unfinished();
                unfinished += 1;
                if unfinished == MOST_UNFINISHED {
                    break;
                }
                continue;
            }
            run.acknowledge();
            self.store.record(&claim, id, &outcome, &run.checkpoint()).await?;
            let finished = run.progress().finished();
            if finished.is_multiple_of(SAID_EVERY) {
                println!("{name}: {finished} more done");
            }
        }
        // The next attempt at the job makes their calls again.
        ensure!(unfinished == 0, "{unfinished} cards have no outcome");
        Ok(())
    }

    /// The same cards in the same order each time, as a checkpoint needs it.
    async fn ids(&self, range: &Range) -> Result<Vec<CardId>> {
        let query = "SELECT position, card FROM cards_to_provision WHERE position BETWEEN $1 AND $2 ORDER BY position";
        let query = sqlx::query_as(query).bind(range.first).bind(range.last);
        let rows: Vec<(i64, String)> = query.fetch_all(&self.pool).await?;
        let id = |(position, id)| CardId::new(id).with_context(|| format!("the row at position {position}"));
        rows.into_iter().map(id).collect()
    }
}

/// Any other failure is about the service, a gateway before it, the account or the network.
fn is_about_the_card(error: &cmp::Error) -> bool {
    // Only the service's own document has details. The page of a gateway has none, nor has the token endpoint's refusal.
    let is_of_the_service = error.kind() == ErrorKind::Service && !error.details().is_empty();
    is_of_the_service && !error.is_retryable() && matches!(error.status(), Some(400 | 404 | 409 | 422 | 424))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["enqueue", size] => enqueue(size.parse().context("the size of a range")?).await,
        ["work"] => work().await,
        _ => bail!("usage: cmp-fleet enqueue SIZE | cmp-fleet work"),
    }
}

async fn enqueue(size: u32) -> Result<()> {
    let pool = PgPool::connect(&database()?).await?;
    // Positions may have gaps, so rows are counted.
    let firsts = "SELECT position FROM
        (SELECT position, row_number() OVER (ORDER BY position) - 1 AS number FROM cards_to_provision) AS cards
        WHERE number % $1 = 0 ORDER BY position";
    let firsts = sqlx::query_as(firsts).bind(i64::from(size.max(1))).fetch_all(&pool).await?;
    let firsts: Vec<(i64,)> = firsts;
    ensure!(!firsts.is_empty(), "the table of cards is empty");
    // The tables of both, before the first worker begins.
    let _ = Store::open(&database()?).await?;
    let jobs = WorkerOptions::default().database_url(&database()?).init().await?.create_utils();
    // The last range has no end.
    let lasts = firsts[1..].iter().map(|(next,)| next - 1).chain([i64::MAX]);
    for ((first,), last) in firsts.iter().copied().zip(lasts) {
        let range = Range { first, last };
        // A key, so that there is one job for each range that is not complete.
        let job = JobSpec { job_key: Some(range.name()), ..JobSpec::default() };
        jobs.add_job(range, job).await?;
    }
    Ok(())
}

async fn work() -> Result<()> {
    let dead_after = Duration::from_secs(number("FLEET_DEAD_AFTER")?.unwrap_or(300).max(1).into());
    let share = number("FLEET_PER_MINUTE")?.context("FLEET_PER_MINUTE is not set")?;
    let builder = Client::builder(Environment::from_env()?).service_account(ServiceAccount::from_env()?);
    let cmp = builder.pace(Pace::per_minute(share)).build()?;

    // A worker that is cut off in the middle of a transaction must not keep its locks for as long as TCP does.
    let idle = format!("{}s", dead_after.as_secs());
    let options = PgConnectOptions::from_str(&database()?)?;
    let options = options.options([("idle_in_transaction_session_timeout", idle)]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
    let store = Store::new(pool.clone());

    let worker = WorkerOptions::default()
        .database_url(&database()?)
        .max_pg_conn(CONNECTIONS)
        .define_job::<Range>()
        .add_extension(Worker { cmp, pool, store })
        // The share is a process's, so a second job at a time would make neither faster.
        .concurrency(1)
        // Recovery is off by default, and a dead worker's jobs would stay locked.
        .heartbeat_interval(dead_after / 10)
        .sweep_interval(dead_after / 5)
        .sweep_threshold(dead_after)
        .recovery_delay(Duration::ZERO)
        .init()
        .await?;
    worker.run().await?;
    Ok(())
}

fn database() -> Result<String> {
    env::var("DATABASE_URL").context("DATABASE_URL")
}

fn number(name: &'static str) -> Result<Option<u32>> {
    let text = env::var(name).ok();
    text.map(|text| text.parse().context(name)).transpose()
}
