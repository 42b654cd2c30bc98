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
//!     let checkpoint = store.checkpoint("backbook-1").await?;
//!     let cards = cmp.bulk().over(ids).resume_from(checkpoint);
//!     let mut run = cards.provision();
//!     while let Some((id, outcome)) = run.next().await {
//!         run.acknowledge();
//!         let checkpoint = run.checkpoint();
//!         let item = id.as_str();
//!         store.record("backbook-1", item, &outcome, &checkpoint).await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A name belongs to one run, one source and one process at a time: two that share it overwrite each other's checkpoint. So
//! give each range of a large import a name of its own. To see what failed, ask
//! `SELECT item, error FROM cmp_outcomes WHERE run = $1 AND error IS NOT NULL`.

use cmp::bulk::Checkpoint;
use sqlx::Row;

use crate::{
    error::Error,
    pool::{Connection, on},
};

/// Returns the checkpoint of a run: the start of its source if none is stored.
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
    let Some(text) = found else { return Ok(Checkpoint::default()) };
    serde_json::from_str(&text).map_err(|_| Error::UnreadableCheckpoint { run: run.to_owned() })
}

/// Stores an item's outcome and the run's checkpoint. An earlier outcome of the item is replaced.
///
/// `item` is the card's id, or the key of a card to create. It is stored as it is, so it must not be a card's number.
///
/// In a transaction, both are stored or neither is. [`Store::record`](crate::Store::record) has one of its own.
///
/// # Errors
/// An [`Error`] of the database.
pub async fn record<'c, T>(
    connection: impl Into<Connection<'c>>,
    run: &str,
    item: &str,
    outcome: &cmp::Result<T>,
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    let mut connection = connection.into();
    let now = connection.now();
    let outcome_statement = format!(
        "INSERT INTO cmp_outcomes (run, item, error, changed_at) VALUES ($1, $2, $3, {now})
         ON CONFLICT (run, item) DO UPDATE SET error = excluded.error, changed_at = excluded.changed_at"
    );
    let run_statement = format!(
        "INSERT INTO cmp_runs (run, checkpoint, changed_at) VALUES ($1, $2, {now})
         ON CONFLICT (run) DO UPDATE SET checkpoint = excluded.checkpoint, changed_at = excluded.changed_at"
    );
    let error = outcome.as_ref().err().map(ToString::to_string);
    let unwritable = |_| Error::UnreadableCheckpoint { run: run.to_owned() };
    let checkpoint = serde_json::to_string(checkpoint).map_err(unwritable)?;
    let done = on!(&mut connection, Connection, connection => {
        let query = sqlx::query(&outcome_statement).bind(run).bind(item).bind(error);
        match query.execute(&mut **connection).await {
            Ok(_) => {
                let query = sqlx::query(&run_statement).bind(run).bind(checkpoint);
                query.execute(&mut **connection).await.map(drop)
            }
            Err(error) => Err(error),
        }
    });
    done.map_err(Error::of("record an outcome"))
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
