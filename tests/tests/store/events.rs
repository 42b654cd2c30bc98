use std::{str::FromStr as _, time::Duration};

use cmp::webhooks::{
    ClaimOutcome, Deduplicator, Event, EventStore, Handled, StoreError, StoreFuture,
    conformance::{self, Subject},
};
use cmp_store::{Error, Pool, Store, record};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::databases::{Database, databases, server};

const HOUR: Duration = Duration::from_secs(3600);
const CONSUMER: &str = "effects";

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
        let is_new = record(&mut *transaction, CONSUMER, &event(id)).await?;
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
        let (store, id) = (database.store().consumer(CONSUMER), "1");
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
        let store = database.store().consumer(CONSUMER);
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

#[tokio::test]
async fn each_consumer_handles_each_event() {
    for database in databases("each_consumer").await {
        database.run("CREATE TABLE effects (effect TEXT)").await;
        assert_eq!(handle(&database, "bc", true).await, Ok(true));
        // An effect elsewhere, of the same event. And another service.
        for consumer in ["", "mail", "another service", "a"] {
            let store = database.store().consumer(consumer);
            let once = Deduplicator::new(store);
            for expected in [Handled::Now(()), Handled::Before] {
                let handled = once.handle(&event("bc"), async || Ok::<_, StoreError>(())).await;
                assert_eq!(handled, Ok(expected), "{consumer}");
            }
        }
        let other = database.store().consumer("ab");
        assert!(matches!(other.claim("c").await, Ok(ClaimOutcome::Claimed(_))), "a and bc are not ab and c");
        assert_eq!(handle(&database, "bc", true).await, Ok(false));
    }
}

#[tokio::test]
async fn a_claim_from_before_the_clock_was_set_back_expires() {
    for database in databases("set_back").await {
        let store = database.store().lease(HOUR);
        let ClaimOutcome::Claimed(claim) = store.claim("1").await.unwrap() else { panic!("not new") };
        let later =
            |by: Duration| format!("UPDATE cmp_events SET claimed_at = claimed_at + {}", by.as_millis());
        database.run(&later(HOUR - HOUR / 8)).await;
        assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress));
        database.run(&later(HOUR / 4)).await;
        // A receiver that lives renews it.
        assert_eq!(store.renew("1", claim).await, Ok(true));
        assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress));
        database.run(&later(2 * HOUR)).await;
        assert!(matches!(store.claim("1").await, Ok(ClaimOutcome::Claimed(_))), "its receiver may be dead");
    }
}

#[tokio::test]
async fn a_purge_finds_old_events_by_the_index() {
    let test = "a_purge_by_the_index";
    let Some(server) = server(test) else { return };
    let database = Database::postgres(&server, test).await;
    let options = PgConnectOptions::from_str(&database.url).unwrap();
    // So few rows are read as a whole unless that is forbidden.
    let options = options.options([("search_path", test), ("enable_seqscan", "off")]);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = Store::new(pool.clone());
    store.claim("1").await.unwrap();
    store.purge().await.unwrap();
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&pool).await.unwrap();
    let scans =
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE schemaname = $1 AND indexrelname = 'cmp_events_age'";
    let (scans,): (i64,) = sqlx::query_as(scans).bind(test).fetch_one(&pool).await.unwrap();
    assert!(scans > 0, "each purge reads the whole table");
}
