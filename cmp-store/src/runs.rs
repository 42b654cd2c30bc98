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
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let claim = store.claim_run("backbook-1").await?;
//!     let run = cmp.bulk().over(ids).provision();
//!     let mut run = run.resume_from(claim.checkpoint.clone()).await?;
//!     while let Some((id, outcome)) = run.next().await {
//!         run.acknowledge();
//!         let checkpoint = run.checkpoint();
//!         store.record(&claim, id, &outcome, &checkpoint).await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A run whose source has changed does not start: [`resume_from`](cmp::bulk::BulkRun::resume_from) fails, and the stored
//! checkpoint and outcomes stay.
//!
//! These programs store every failure as an outcome. After [`leave_unfinished`](cmp::bulk::BulkRun::leave_unfinished), the
//! call is made again by the next process instead, such as after a time-out: `fleet/` does so.
//!
//! An import has keys of its own in the place of ids. **Make them [`ItemKey`]s before the run**, so that no key is refused
//! after its card was created:
//!
//! ```
//! use cmp::{Client, NewCard};
//! use cmp_store::{Store, runs::ItemKey};
//!
//! async fn import(
//!     cmp: &Client,
//!     store: &Store,
//!     rows: Vec<(String, NewCard)>,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut cards = Vec::new();
//!     for (row, card) in rows {
//!         cards.push((ItemKey::new(row)?, card));
//!     }
//!     let claim = store.claim_run("import-1").await?;
//!     let run = cmp.bulk().over(cards).create();
//!     let mut run = run.resume_from(claim.checkpoint.clone()).await?;
//!     while let Some((row, outcome)) = run.next().await {
//!         run.acknowledge();
//!         let checkpoint = run.checkpoint();
//!         store.record(&claim, row, &outcome, &checkpoint).await?;
//!     }
//!     Ok(())
//! }
//! ```
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

use cmp::{CardId, Text, bulk::Checkpoint};
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

/// A key of an item that can be stored in the clear: a card's id, or the caller's own key of a card to create.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey(String);

impl ItemKey {
    /// Takes a key of at most 500 bytes.
    ///
    /// # Errors
    /// [`Error::CardNumber`] if the key [may contain a PAN](Text::may_contain_pan), or [`Error::Unfit`].
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        storable("key of the item", key.into()).map(Self)
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<CardId> for ItemKey {
    fn from(id: CardId) -> Self {
        Self(id.into())
    }
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
/// **Needs a transaction.** After an error, roll the transaction back, or the earlier claim has ended for nothing.
/// [`Store::claim_run`](crate::Store::claim_run) does.
///
/// # Errors
/// An [`Error`] of the database, [`Error::CardNumber`] or [`Error::Unfit`] for the name, or [`Error::UnreadableCheckpoint`].
pub async fn claim<'c>(connection: impl Into<Connection<'c>>, run: &str) -> Result<RunClaim, Error> {
    let run = storable("name of the run", run.to_owned())?;
    let connection = connection.into();
    // Random and not counted: after a removal, a counter would begin again with a number that an older process has.
    let number = random();
    let statement = format!(
        "INSERT INTO cmp_runs (run, checkpoint, claim, changed_at) VALUES ($1, $2, $3, {now})
         ON CONFLICT (run) DO UPDATE SET claim = excluded.claim
         RETURNING checkpoint",
        now = connection.now()
    );
    let start = write(&run, &Checkpoint::default())?;
    let found = on!(connection, Connection, connection => {
        let query = sqlx::query(&statement).bind(&run).bind(start).bind(number);
        query.fetch_one(connection).await.and_then(|row| row.try_get(0))
    });
    let found: String = found.map_err(Error::of("claim a run"))?;
    Ok(RunClaim { checkpoint: read(&run, &found)?, run, number })
}

/// Stores an item's outcome and the run's checkpoint. An earlier outcome of the item is replaced.
///
/// `item` is the card's id, or the [`ItemKey`] of a card to create. It is stored in the clear.
///
/// **Needs a transaction.** In one, both are stored or neither is, and no other process can claim the run in between.
/// [`Store::record`](crate::Store::record) has one of its own.
///
/// # Errors
/// An [`Error`] of the database, or [`Error::TakenOver`] if another process has claimed the run; then nothing is stored.
pub async fn record<'c, T>(
    connection: impl Into<Connection<'c>>,
    claim: &RunClaim,
    item: impl Into<ItemKey>,
    outcome: &cmp::Result<T>,
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    let ItemKey(item) = item.into();
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

/// Together, a name and a key fit into a row of an index of Postgres, whose texts have no NUL.
const LONGEST: usize = 500;

fn storable(name: &'static str, text: String) -> Result<String, Error> {
    let text = Text::from(text);
    if text.may_contain_pan() {
        Err(Error::CardNumber { name })
    } else if text.len() > LONGEST || text.contains('\0') {
        Err(Error::Unfit { name })
    } else {
        Ok(text.into())
    }
}

/// Removes a run's checkpoint and outcomes. In a transaction, so that no other process claims the run in between.
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
