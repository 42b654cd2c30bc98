use std::time::Duration;

use cmp::webhooks::{
    ClaimOutcome, Event, EventStore, StoreFuture,
    conformance::{self, Subject},
};
use cmp_store::{Error, Pool, Store, record};

use crate::databases::{Database, databases};

const HOUR: Duration = Duration::from_secs(3600);

struct Tables<'a> {
    database: &'a Database,
    store: Store,
    retention: Duration,
}

impl Subject for Tables<'_> {
    fn store(&self) -> &dyn EventStore {
        &self.store
    }

    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.database.age(by).await;
            Ok(())
        })
    }

    fn retention(&self) -> Option<Duration> {
        Some(self.retention)
    }

    fn purge(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(self.store.purge().await.map(drop)?) })
    }
}

#[tokio::test]
async fn the_store_keeps_every_rule() {
    for database in databases("the_store_keeps_every_rule").await {
        for retention in [30 * 24 * HOUR, 1000 * 24 * HOUR] {
            database.run("DELETE FROM cmp_events").await;
            let store = database.store().lease(HOUR).retention(retention);
            conformance::check(&Tables { database: &database, store, retention }).await.unwrap();
        }
    }
}

pub(crate) fn event(id: &str) -> Event {
    Event::parse_unverified(format!(r#"{{"id":"{id}","event":"cmp_au_card.closed"}}"#).as_bytes()).unwrap()
}

/// The same statements in either database's transaction.
macro_rules! with_transaction {
    ($database:expr, $transaction:ident => $body:expr) => {
        match &$database.pool {
            Pool::Sqlite(pool) => {
                let mut $transaction = pool.begin().await.unwrap();
                $body
            }
            Pool::Postgres(pool) => {
                let mut $transaction = pool.begin().await.unwrap();
                $body
            }
            _ => unreachable!("another database"),
        }
    };
}

/// Records the event and counts an effect. Commits, or rolls back.
async fn handle(database: &Database, id: &str, commit: bool) -> Result<bool, Error> {
    with_transaction!(database, transaction => {
        let is_new = record(&mut *transaction, &event(id)).await?;
        if is_new {
            sqlx::query("INSERT INTO effects VALUES ('once')").execute(&mut *transaction).await.unwrap();
        }
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        Ok(is_new)
    })
}

async fn effects(database: &Database) -> usize {
    database.texts("SELECT effect FROM effects").await.len()
}

#[tokio::test]
async fn the_record_and_the_effect_are_committed_together() {
    for database in databases("committed_together").await {
        database.run("CREATE TABLE effects (effect TEXT)").await;
        for (commit, is_new, count) in
            [(false, true, 0), (true, true, 1), (true, false, 1), (false, false, 1)]
        {
            assert_eq!(handle(&database, "1", commit).await, Ok(is_new));
            assert_eq!(effects(&database).await, count);
        }
        let (store, id) = (database.store(), "1");
        assert_eq!(store.claim(id).await, Ok(ClaimOutcome::Handled), "a claim sees what was recorded");
    }
}

#[tokio::test]
async fn of_receivers_at_once_one_records_the_event() {
    for database in databases("one_records").await {
        database.run("CREATE TABLE effects (effect TEXT)").await;
        let receivers = (0..8).map(|_| handle(&database, "1", true));
        let recorded = futures_util::future::join_all(receivers).await;
        assert_eq!(recorded.into_iter().filter(|is_new| *is_new == Ok(true)).count(), 1);
        assert_eq!(effects(&database).await, 1);
    }
}

#[tokio::test]
async fn a_record_takes_a_claim_over() {
    for database in databases("takes_over").await {
        database.run("CREATE TABLE effects (effect TEXT)").await;
        let store = database.store();
        let ClaimOutcome::Claimed(claim) = store.claim("1").await.unwrap() else { panic!("not new") };
        assert_eq!(handle(&database, "1", true).await, Ok(true));
        assert_eq!(store.renew("1", claim).await, Ok(false));
        store.release("1", claim).await.unwrap();
        assert_eq!(store.claim("1").await, Ok(ClaimOutcome::Handled), "the late claim released the record");
    }
}

#[tokio::test]
async fn a_purge_removes_all_that_is_old_in_batches() {
    for database in databases("a_purge").await {
        let numbers: Vec<String> = (0..2500).map(|number| format!("('{number}', 1, 0, 0)")).collect();
        let rows = numbers.join(", ");
        database
            .run(&format!("INSERT INTO cmp_events (id, claim, claimed_at, handled_at) VALUES {rows}"))
            .await;
        let store = database.store();
        store.claim("new").await.unwrap();
        assert_eq!(store.purge().await, Ok(2500));
        assert_eq!(store.purge().await, Ok(0));
        assert_eq!(store.claim("new").await, Ok(ClaimOutcome::InProgress));
    }
}
