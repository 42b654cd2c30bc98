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
//! To enqueue again is harmless while no worker runs, and with the same size. `DATABASE_URL` and the variables of `cmp` (`VGS_CLIENT_ID` …) say where. `FLEET_PER_MINUTE` is this worker's share of the
//! account's rate limit: the limit divided by the number of workers. `docs/fleet.md` has the reasons.

#![expect(clippy::print_stdout, reason = "a worker says what it does")]

use std::{env, str::FromStr as _, time::Duration};

use anyhow::{Context as _, Result, bail};
use cmp::{CardId, Client, Environment, ServiceAccount, retry::Pace};
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
    /// The name of the job, and of the run that is its state.
    fn name(&self) -> String {
        format!("cards {} to {}", self.first, self.last)
    }
}

impl Worker {
    async fn provision(&self, name: &str, range: &Range) -> Result<()> {
        let claim = self.store.claim_run(name).await?;
        println!("{name}: begins with {} done", claim.checkpoint.finished());
        let cards = self.cmp.bulk().over(self.ids(range).await?);
        let mut run = cards.resume_from(claim.checkpoint.clone()).provision();
        while let Some((id, outcome)) = run.next().await {
            // Any other failure is no outcome. The job ends, and its next attempt begins here.
            if let Err(error) = &outcome
                && !is_about_the_card(error)
            {
                bail!("{id}: {error}");
            }
            run.acknowledge();
            self.store.record(&claim, id.as_str(), &outcome, &run.checkpoint()).await?;
            let finished = run.progress().finished();
            if finished.is_multiple_of(SAID_EVERY) {
                println!("{name}: {finished} more done");
            }
        }
        Ok(())
    }

    /// The same cards in the same order each time, as a checkpoint needs it.
    async fn ids(&self, range: &Range) -> Result<Vec<CardId>> {
        let query = "SELECT card FROM cards_to_provision WHERE position BETWEEN $1 AND $2 ORDER BY position";
        let query = sqlx::query_as(query).bind(range.first).bind(range.last);
        let rows: Vec<(String,)> = query.fetch_all(&self.pool).await?;
        rows.into_iter().map(|(id,)| Ok(CardId::new(id)?)).collect()
    }
}

/// Any other failure is about the service, the account, the network, or a source that has changed.
fn is_about_the_card(error: &cmp::Error) -> bool {
    !error.is_retryable() && matches!(error.status(), Some(400 | 404 | 409 | 422 | 424))
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

async fn enqueue(size: i64) -> Result<()> {
    let pool = PgPool::connect(&database()?).await?;
    let ends = sqlx::query_as("SELECT min(position), max(position) FROM cards_to_provision").fetch_one(&pool);
    let (first, last): (Option<i64>, Option<i64>) = ends.await?;
    let (Some(mut first), Some(last)) = (first, last) else { bail!("the table of cards is empty") };
    // The tables of both, before the first worker begins.
    let _ = Store::open(&database()?).await?;
    let jobs = WorkerOptions::default().database_url(&database()?).init().await?.create_utils();
    while first <= last {
        let range = Range { first, last: first + size.max(1) - 1 };
        first = range.last + 1;
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
