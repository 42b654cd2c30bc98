//! Receives webhooks from a pipe, and keeps effects and views in a database: `webhook-receiver URL transaction|claims`.
//!
//! A line of the standard input is an event, or `view` and a card's id. Each event is answered `200` or `503`, and each view
//! with its JSON. Before every step the program writes `at` and the step's name, and waits for the line `go`: a test kills it
//! there.

#![expect(clippy::print_stdout, reason = "the steps and answers go to the test")]

use std::env;

use anyhow::{Context as _, Result, bail};
use cmp::webhooks::{CardView, Deduplicator, Event, Handled};
use cmp_store::{Pool, Store, views};
use sqlx::{PgPool, SqlitePool};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin},
    sync::Mutex,
};

const EFFECT: &str = "INSERT INTO effects (event) VALUES ($1)";

struct Receiver {
    pool: Pool,
    store: Store,
    once: Deduplicator,
    input: Mutex<Lines<BufReader<Stdin>>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, mode] = &arguments[..] else { bail!("give a URL and a mode") };
    let pool: Pool = match url.starts_with("sqlite") {
        true => SqlitePool::connect(url).await?.into(),
        false => PgPool::connect(url).await?.into(),
    };
    let store = Store::new(pool.clone());
    let once = Deduplicator::new(store.clone());
    let receiver = Receiver { pool, store, once, input: Mutex::new(BufReader::new(stdin()).lines()) };
    loop {
        let line = receiver.input.lock().await.next_line().await?;
        let Some(line) = line else { return Ok(()) };
        if let Some(card) = line.strip_prefix("view ") {
            let view = receiver.store.load(CardView::new(card.parse()?)).await?;
            println!("{}", serde_json::to_string(&view)?);
            continue;
        }
        let event = Event::parse_unverified(line.as_bytes())?;
        let accepted = match mode.as_str() {
            "transaction" => receiver.in_transaction(&event).await,
            _ => receiver.with_claims(&event).await,
        };
        if let Err(error) = &accepted {
            eprint(error);
        }
        println!("{}", if accepted.unwrap_or(false) { 200 } else { 503 });
    }
}

#[expect(clippy::print_stderr, reason = "a refused event is in the test's output")]
fn eprint(error: &anyhow::Error) {
    eprintln!("refused: {error:#}");
}

/// The same steps in either database's transaction.
macro_rules! in_transaction {
    ($receiver:expr, $pool:expr, $event:expr) => {{
        let mut transaction = $pool.begin().await?;
        $receiver.at("begun").await?;
        if cmp_store::record(&mut *transaction, "effects", $event).await? {
            $receiver.at("recorded").await?;
            sqlx::query(EFFECT).bind(&*$event.id).execute(&mut *transaction).await?;
            $receiver.at("effect").await?;
            views::apply(&mut *transaction, $event).await?;
            $receiver.at("view").await?;
        }
        transaction.commit().await?;
        $receiver.at("committed").await?;
        Ok(true)
    }};
}

impl Receiver {
    async fn at(&self, step: &str) -> Result<()> {
        println!("at {step}");
        let line = self.input.lock().await.next_line().await?;
        anyhow::ensure!(line.context("the test has gone")? == "go", "the test said something else than `go`");
        Ok(())
    }

    async fn in_transaction(&self, event: &Event) -> Result<bool> {
        match &self.pool {
            Pool::Sqlite(pool) => in_transaction!(self, pool, event),
            Pool::Postgres(pool) => in_transaction!(self, pool, event),
            _ => bail!("another database"),
        }
    }

    async fn with_claims(&self, event: &Event) -> Result<bool> {
        self.at("received").await?;
        let work = async || -> Result<()> {
            self.at("claimed").await?;
            match &self.pool {
                Pool::Sqlite(pool) => sqlx::query(EFFECT).bind(&*event.id).execute(pool).await.map(drop)?,
                Pool::Postgres(pool) => sqlx::query(EFFECT).bind(&*event.id).execute(pool).await.map(drop)?,
                _ => bail!("another database"),
            }
            self.at("effect").await?;
            self.store.apply(event).await?;
            self.at("view").await
        };
        match self.once.handle(event, work).await? {
            Handled::Now(()) => {
                self.at("completed").await?;
                Ok(true)
            }
            Handled::Before => Ok(true),
            _ => Ok(false),
        }
    }
}
