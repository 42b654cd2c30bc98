//! Bulk runs that survive a crash: each outcome and the run's checkpoint, stored together.
//!
//! ```
//! use cmp::{CardId, Client};
//! use cmp_store::{Error, Store};
//!
//! /// Goes on where an earlier process stopped, if there was one.
//! async fn provision(
//!     cmp: &Client,
//!     store: &Store,
//!     ids: Vec<CardId>,
//! ) -> Result<(), Error> {
//!     let claim = store.claim_run("backbook-1").await?;
//!     let cards = cmp.bulk().over(ids);
//!     let cards = cards.resume_from(claim.checkpoint.clone());
//!     let mut run = cards.provision();
//!     while let Some((id, outcome)) = run.next().await {
//!         run.acknowledge();
//!         let checkpoint = run.checkpoint();
//!         let item = id.as_str();
//!         store.record(&claim, item, &outcome, &checkpoint).await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! An error of the kind [`InvalidInput`](cmp::ErrorKind::InvalidInput) is the last item of a run whose source has changed. It is
//! about the source and not about the card, so a run that stores it hides what is wrong.
//!
//! A name belongs to one run and one source. So give each range of a large import a name of its own. To see what failed, ask
//! `SELECT item, error FROM cmp_outcomes WHERE run = $1 AND error IS NOT NULL`.
//!
//! # Two processes
//!
//! **The process that claimed a run last is the only one that stores.** A process that was cut off or paused may come back
//! after another one has taken its run over. Then its outcomes are refused with [`Error::TakenOver`], in the database and
//! whatever the clocks say. It ends its run, and its calls in flight are cancelled. What it sent before is sent once more by
//! its successor: the page of [`cmp::bulk`] says what each operation does then.
//!
//! A claim doesn't expire and needs no renewal. Who works on which run is for the caller to decide, such as with a job queue.

use cmp::{Text, bulk::Checkpoint};
use sqlx::Row;

use crate::{
    error::Error,
    pool::{Connection, on, random},
};

/// The claim of a run: the right to store its outcomes, until another process claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunClaim {
    /// The caller's name of the run.
    pub run: String,
    /// How far the run had come when it was claimed: the start of its source if nothing is stored.
    pub checkpoint: Checkpoint,
    number: i64,
}

/// Returns the checkpoint of a run: the start of its source if none is stored. To work on the run, [`claim`] it.
///
/// # Errors
/// An [`Error`] of the database, or [`Error::UnreadableCheckpoint`].
pub async fn checkpoint<'c>(connection: impl Into<Connection<'c>>, run: &str) -> Result<Checkpoint, Error> {
    let found = on!(connection.into(), Connection, connection => {
        let query = sqlx::query("SELECT checkpoint FROM cmp_runs WHERE run = $1").bind(run);
        match query.fetch_optional(connection).await {
            Ok(row) => row.map(|row| row.try_get(0)).transpose(),
            Err(error) => Err(error),
        }
    });
    let found: Option<String> = found.map_err(Error::of("read a checkpoint"))?;
    found.map_or_else(|| Ok(Checkpoint::default()), |text| read(run, &text))
}

/// Claims a run. Earlier claims of it end.
///
/// After an error, roll the transaction back, or the earlier claim has ended for nothing.
/// [`Store::claim_run`](crate::Store::claim_run) does.
///
/// # Errors
/// An [`Error`] of the database, [`Error::CardNumber`], or [`Error::UnreadableCheckpoint`].
pub async fn claim<'c>(connection: impl Into<Connection<'c>>, run: &str) -> Result<RunClaim, Error> {
    refuse_card_number("name of the run", run)?;
    let connection = connection.into();
    // Random and not counted: after a removal, a counter would begin again with a number that an older process has.
    let number = random();
    let statement = format!(
        "INSERT INTO cmp_runs (run, checkpoint, claim, changed_at) VALUES ($1, $2, $3, {now})
         ON CONFLICT (run) DO UPDATE SET claim = excluded.claim
         RETURNING checkpoint",
        now = connection.now()
    );
    let start = write(run, &Checkpoint::default())?;
    let found = on!(connection, Connection, connection => {
        let query = sqlx::query(&statement).bind(run).bind(start).bind(number);
        query.fetch_one(connection).await.and_then(|row| row.try_get(0))
    });
    let found: String = found.map_err(Error::of("claim a run"))?;
    Ok(RunClaim { run: run.to_owned(), checkpoint: read(run, &found)?, number })
}

/// Stores an item's outcome and the run's checkpoint. An earlier outcome of the item is replaced.
///
/// `item` is the card's id, or the key of a card to create. It is stored in the clear. Check the keys of an import with
/// [`Text::may_contain_pan`] before the run: here the card exists already when its key is refused.
///
/// In a transaction, both are stored or neither is. [`Store::record`](crate::Store::record) has one of its own.
///
/// # Errors
/// An [`Error`] of the database. [`Error::TakenOver`] if another process has claimed the run, and [`Error::CardNumber`]; then
/// nothing is stored.
pub async fn record<'c, T>(
    connection: impl Into<Connection<'c>>,
    claim: &RunClaim,
    item: &str,
    outcome: &cmp::Result<T>,
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    refuse_card_number("key of the item", item)?;
    let RunClaim { run, number, .. } = claim;
    let mut connection = connection.into();
    let now = connection.now();
    // The first statement of the two: it waits for another claim that is being made, and holds off later ones.
    let run_statement =
        format!("UPDATE cmp_runs SET checkpoint = $3, changed_at = {now} WHERE run = $1 AND claim = $2");
    let outcome_statement = format!(
        "INSERT INTO cmp_outcomes (run, item, error, changed_at) VALUES ($1, $2, $3, {now})
         ON CONFLICT (run, item) DO UPDATE SET error = excluded.error, changed_at = excluded.changed_at"
    );
    let error = outcome.as_ref().err().map(ToString::to_string);
    let checkpoint = write(run, checkpoint)?;
    let is_claimed = on!(&mut connection, Connection, connection => {
        let query = sqlx::query(&run_statement).bind(run).bind(number).bind(checkpoint);
        match query.execute(&mut **connection).await {
            Ok(done) if done.rows_affected() == 0 => Ok(false),
            Ok(_) => {
                let query = sqlx::query(&outcome_statement).bind(run).bind(item).bind(error);
                query.execute(&mut **connection).await.map(|_| true)
            }
            Err(error) => Err(error),
        }
    });
    if is_claimed.map_err(Error::of("record an outcome"))? {
        Ok(())
    } else {
        Err(Error::TakenOver { run: run.clone() })
    }
}

fn read(run: &str, text: &str) -> Result<Checkpoint, Error> {
    serde_json::from_str(text).map_err(|_| Error::UnreadableCheckpoint { run: run.to_owned() })
}

fn write(run: &str, checkpoint: &Checkpoint) -> Result<String, Error> {
    serde_json::to_string(checkpoint).map_err(|_| Error::UnreadableCheckpoint { run: run.to_owned() })
}

fn refuse_card_number(name: &'static str, text: &str) -> Result<(), Error> {
    if Text::from(text).may_contain_pan() { Err(Error::CardNumber { name }) } else { Ok(()) }
}

/// Removes a run's checkpoint and outcomes.
///
/// # Errors
/// An [`Error`] of the database.
pub async fn remove<'c>(connection: impl Into<Connection<'c>>, run: &str) -> Result<(), Error> {
    let mut connection = connection.into();
    for statement in ["DELETE FROM cmp_runs WHERE run = $1", "DELETE FROM cmp_outcomes WHERE run = $1"] {
        let done = on!(&mut connection, Connection, connection => {
            sqlx::query(statement).bind(run).execute(&mut **connection).await.map(drop)
        });
        done.map_err(Error::of("remove a run"))?;
    }
    Ok(())
}
