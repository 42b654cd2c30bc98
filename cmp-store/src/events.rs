//! Events that are handled or being handled.

use std::time::Duration;

use cmp::webhooks::{Claim, ClaimOutcome, Event, EventStore, StoreError, StoreFuture};
use sha2::{Digest, Sha256};

use crate::{
    Store,
    error::Error,
    pool::{Connection, on, random},
};

/// How many rows one statement of a purge removes, so that it holds no lock for long.
const BATCH: i64 = 1_000;

/// Records in the caller's transaction that an event is handled. Returns `true` the first time.
///
/// `consumer` is a name for the effect, such as `ledger`. Each consumer handles each event once. Two effects in transactions
/// of their own, and two services with the same tables, need two names: with one, the second effect never happens.
///
/// If this returns `false`, end the transaction and accept the delivery. Otherwise let the effect of the event be part of
/// the same transaction: both are committed, or neither is. Of two receivers that record one event at once, the second waits
/// until the transaction of the first ends.
///
/// **Needs a transaction.** An event that is [claimed](Store) by the same [consumer](Store::consumer) counts as not handled: this
/// takes the claim over.
///
/// # Errors
/// An [`Error`] of the database. Answer 503, so that the delivery comes again.
pub async fn record<'c>(
    connection: impl Into<Connection<'c>>,
    consumer: &str,
    event: &Event,
) -> Result<bool, Error> {
    let connection = connection.into();
    let statement = format!(
        "INSERT INTO cmp_events (id, claim, claimed_at, handled_at) VALUES ($1, 0, {now}, {now})
         ON CONFLICT (id) DO UPDATE SET claim = 0, handled_at = excluded.handled_at
         WHERE cmp_events.handled_at IS NULL",
        now = connection.now()
    );
    let rows = on!(connection, Connection, connection => {
        sqlx::query(&statement).bind(key(consumer, &event.id)).execute(connection).await.map(|done| done.rows_affected())
    });
    rows.map(|rows| rows > 0).map_err(Error::of("record an event"))
}

/// Both may be any text, so the first one's length is a part.
fn key(consumer: &str, id: &str) -> String {
    let length = (consumer.len() as u64).to_be_bytes();
    let digest = Sha256::new().chain_update(length).chain_update(consumer).chain_update(id).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn milliseconds(duration: Duration) -> i64 {
    // No clock reaches half of the largest number, so a difference to it can't overflow.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 2)
}

impl Store {
    /// Removes the events that were handled longer ago than the [retention](Self::retention), and what receivers that died
    /// have left. Returns the number of events removed. Run it now and then, such as once an hour, on any replica.
    ///
    /// # Errors
    /// An [`Error`] of the database. What was removed until then stays removed.
    pub async fn purge(&self) -> Result<u64, Error> {
        // As a query, the time is asked for once. The time of each row would be compared without the index.
        let is_old = format!("coalesce(handled_at, claimed_at) < (SELECT {} - $1)", self.pool.now());
        // The condition is repeated because another receiver may claim a row after it was selected.
        let statement = format!(
            "DELETE FROM cmp_events WHERE {is_old} AND id IN
             (SELECT id FROM cmp_events WHERE {is_old} LIMIT {BATCH})"
        );
        let oldest = milliseconds(self.retention.max(self.lease));
        let mut removed = 0;
        loop {
            let rows = on!(&self.pool, Pool, pool => {
                sqlx::query(&statement).bind(oldest).execute(pool).await.map(|done| done.rows_affected())
            });
            let rows = rows.map_err(Error::of("purge events"))?;
            removed += rows;
            if rows == 0 {
                return Ok(removed);
            }
        }
    }

    async fn claim_now(&self, id: &str) -> Result<ClaimOutcome, Error> {
        // A claim is compared with the one other that its row has, so a random number of 63 bits is enough, and needs no
        // counter that all receivers wait for.
        let claim = random();
        // A claim from far in the future was made before the clock was set back. A receiver that lives renews it soon.
        let statement = format!(
            "INSERT INTO cmp_events (id, claim, claimed_at) VALUES ($1, $2, {now})
             ON CONFLICT (id) DO UPDATE SET claim = excluded.claim, claimed_at = excluded.claimed_at
             WHERE cmp_events.handled_at IS NULL AND (cmp_events.claimed_at <= excluded.claimed_at - $3
                 OR cmp_events.claimed_at > excluded.claimed_at + $3)",
            now = self.pool.now()
        );
        let (key, lease, failed) =
            (key(&self.consumer, id), milliseconds(self.lease), || Error::of("claim an event"));
        let rows = on!(&self.pool, Pool, pool => {
            let query = sqlx::query(&statement).bind(&key).bind(claim).bind(lease);
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        if rows.map_err(failed())? > 0 {
            return Ok(ClaimOutcome::Claimed(Claim(claim)));
        }
        let handled = "SELECT id FROM cmp_events WHERE id = $1 AND handled_at IS NOT NULL";
        let is_handled = on!(&self.pool, Pool, pool => {
            sqlx::query(handled).bind(&key).fetch_optional(pool).await.map(|row| row.is_some())
        });
        Ok(if is_handled.map_err(failed())? { ClaimOutcome::Handled } else { ClaimOutcome::InProgress })
    }

    /// Changes the row of a claim. Returns `false` if the event is no longer this claim's.
    async fn change(
        &self,
        action: &'static str,
        change: &str,
        id: &str,
        claim: Claim,
    ) -> Result<bool, StoreError> {
        let statement = format!("{change} WHERE id = $1 AND claim = $2 AND handled_at IS NULL");
        let rows = on!(&self.pool, Pool, pool => {
            let query = sqlx::query(&statement).bind(key(&self.consumer, id)).bind(claim.0);
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        Ok(rows.map_err(Error::of(action))? > 0)
    }
}

impl EventStore for Store {
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async { Ok(self.claim_now(id).await?) })
    }

    fn claim_lifetime(&self) -> Duration {
        self.lease
    }

    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let change = format!("UPDATE cmp_events SET claimed_at = {}", self.pool.now());
            self.change("renew a claim", &change, id, claim).await
        })
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let change = format!("UPDATE cmp_events SET handled_at = {}", self.pool.now());
            self.change("complete an event", &change, id, claim).await.map(drop)
        })
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.change("release an event", "DELETE FROM cmp_events", id, claim).await.map(drop)
        })
    }
}
