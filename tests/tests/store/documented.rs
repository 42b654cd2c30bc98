//! The SQL in the documentation of `EventStore` keeps the rules of one.

use std::time::Duration;

use cmp::webhooks::{
    Claim, ClaimOutcome, EventStore, StoreError, StoreFuture,
    conformance::{self, Subject},
};
use sqlx::{
    PgPool, Row as _,
    postgres::{PgPoolOptions, PgRow},
};

use crate::databases::{Database, server};

const SOURCE: &str = include_str!("../../../cmp/src/webhooks/deduplicator.rs");
const LEASE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Documented {
    pool: PgPool,
    /// In the order of the page: claim, is it handled, complete, renew, release.
    statements: Vec<String>,
}

impl Documented {
    async fn rows(&self, statement: usize, id: &str, claim: Option<Claim>) -> Result<Vec<PgRow>, StoreError> {
        // The caller of the documented statement has the digest.
        let statement = self.statements[statement].replace("$1", "sha256($1)");
        let query = sqlx::query(&statement).bind(id.as_bytes());
        let query = claim.into_iter().fold(query, |query, claim| query.bind(claim.0));
        query.fetch_all(&self.pool).await.map_err(|error| StoreError::new(error.to_string()))
    }

    async fn claim_now(&self, id: &str) -> Result<ClaimOutcome, StoreError> {
        if let Some(row) = self.rows(0, id, None).await?.first() {
            return Ok(ClaimOutcome::Claimed(Claim(row.get(0))));
        }
        let is_handled = self.rows(1, id, None).await?.first().is_some_and(|row| row.get(0));
        Ok(if is_handled { ClaimOutcome::Handled } else { ClaimOutcome::InProgress })
    }
}

impl EventStore for Documented {
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(self.claim_now(id))
    }

    fn claim_lifetime(&self) -> Duration {
        LEASE
    }

    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(!self.rows(3, id, Some(claim)).await?.is_empty()) })
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.rows(2, id, Some(claim)).await.map(drop) })
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.rows(4, id, Some(claim)).await.map(drop) })
    }
}

struct Table(Documented);

impl Subject for Table {
    fn store(&self) -> &dyn EventStore {
        &self.0
    }

    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let seconds = by.as_secs_f64();
            let older = format!("UPDATE events SET claimed_at = claimed_at - interval '{seconds} seconds'");
            sqlx::query(&older)
                .execute(&self.0.pool)
                .await
                .map(drop)
                .map_err(|error| StoreError::new(error.to_string()))
        })
    }
}

#[tokio::test]
async fn the_documented_sql_keeps_every_rule() {
    let test = "the_documented_sql";
    let Some(server) = server(test) else { return };
    let database = Database::postgres(&server, test).await;
    let pool = PgPoolOptions::new().connect(&database.url).await.unwrap();

    let sql = SOURCE.split("/// ```sql").nth(1).unwrap().split("/// ```").next().unwrap();
    let sql: Vec<_> = sql.lines().map(|line| line.trim_start_matches("///")).collect();
    let mut statements: Vec<_> = sql.join("\n").split(';').map(str::to_owned).collect();
    assert_eq!(statements.len(), 8, "and nothing behind the last one");
    for statement in statements.drain(..2) {
        sqlx::query(&statement).execute(&pool).await.unwrap();
    }
    // A statement without rows can't say what it changed.
    statements[3].push_str(" RETURNING claim");
    conformance::check(&Table(Documented { pool, statements })).await.unwrap();
}
