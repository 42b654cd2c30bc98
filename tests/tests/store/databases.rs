//! Empty databases for a test.

use std::{
    env,
    io::{Write as _, stderr},
    time::Duration,
};

use cmp_store::{Pool, Store};
use sqlx::{PgPool, SqlitePool};
use tempfile::TempDir;

const SERVER: &str = "CMP_STORE_POSTGRES";

pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: Pool,
    _folder: Option<TempDir>,
}

/// An empty database of each kind. Each test has a name of its own.
pub(crate) async fn databases(test: &str) -> Vec<Database> {
    let mut databases = vec![Database::sqlite().await];
    if let Some(server) = server(test) {
        databases.push(Database::postgres(&server, test).await);
    }
    databases
}

/// The URL of the Postgres server. Without one, says that the test is skipped there.
pub(crate) fn server(test: &str) -> Option<String> {
    let server = env::var(SERVER).ok();
    if server.is_none() {
        // Not a macro: the output of tests that pass is not shown.
        let _ = writeln!(
            stderr(),
            "{test}: skipped on Postgres, because {SERVER} is not set; `cargo xtask ci postgres` starts a server"
        );
    }
    server
}

impl Database {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let _ = Store::open(&url).await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap().into();
        Self { url, pool, _folder: Some(folder) }
    }

    pub(crate) async fn postgres(server: &str, test: &str) -> Self {
        let admin = PgPool::connect(server).await.unwrap();
        for statement in [format!("DROP SCHEMA IF EXISTS {test} CASCADE"), format!("CREATE SCHEMA {test}")] {
            sqlx::query(&statement).execute(&admin).await.unwrap();
        }
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={test}");
        let _ = Store::open(&url).await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap().into();
        Self { url, pool, _folder: None }
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.pool.clone())
    }

    pub(crate) async fn run(&self, statement: &str) {
        match &self.pool {
            Pool::Sqlite(pool) => sqlx::query(statement).execute(pool).await.map(drop).unwrap(),
            Pool::Postgres(pool) => sqlx::query(statement).execute(pool).await.map(drop).unwrap(),
            _ => unreachable!("another database"),
        }
    }

    /// The first column of each row, as text.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        let rows: Vec<(String,)> = match &self.pool {
            Pool::Sqlite(pool) => sqlx::query_as(query).fetch_all(pool).await.unwrap(),
            Pool::Postgres(pool) => sqlx::query_as(query).fetch_all(pool).await.unwrap(),
            _ => unreachable!("another database"),
        };
        rows.into_iter().map(|(text,)| text).collect()
    }

    /// Makes every event older.
    pub(crate) async fn age(&self, by: Duration) {
        let by = by.as_millis();
        let older = format!("claimed_at = claimed_at - {by}, handled_at = handled_at - {by}");
        self.run(&format!("UPDATE cmp_events SET {older}")).await;
    }
}
