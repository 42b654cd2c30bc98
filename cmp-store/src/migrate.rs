//! The tables, and their changes from one version of this crate to the next.

use sqlx::{Executor, Row};

use crate::{error::Error, pool::Pool};

/// The SQL of each version of the tables, in order, for services that run migrations with a tool of their own. Each is the
/// same for both databases.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/1.sql"),
    include_str!("../migrations/2.sql"),
    include_str!("../migrations/3.sql"),
];

/// Any number: replicas that start together take this lock of Postgres one after the other.
#[cfg(feature = "postgres")]
const LOCK: i64 = 0x636d_7073_746f_7265;

/// Runs in a transaction that no other replica has at the same time.
macro_rules! bring_up_to_date {
    ($transaction:ident) => {{
        let failed = || Error::of("create the tables");
        let table = "CREATE TABLE IF NOT EXISTS cmp_store_version (version BIGINT NOT NULL)";
        (&mut *$transaction).execute(table).await.map_err(failed())?;
        let row =
            sqlx::query("SELECT max(version) FROM cmp_store_version").fetch_one(&mut *$transaction).await;
        let found: i64 =
            row.and_then(|row| row.try_get(0)).map(Option::unwrap_or_default).map_err(failed())?;
        let known = MIGRATIONS.len() as i64;
        if found > known {
            return Err(Error::NewerTables { found, known });
        }
        for (version, migration) in (1_i64..).zip(MIGRATIONS) {
            if version > found {
                (&mut *$transaction).execute(*migration).await.map_err(failed())?;
                let record = sqlx::query("INSERT INTO cmp_store_version (version) VALUES ($1)").bind(version);
                record.execute(&mut *$transaction).await.map_err(failed())?;
            }
        }
        $transaction.commit().await.map_err(failed())
    }};
}

pub(crate) async fn migrate(pool: &Pool) -> Result<(), Error> {
    let failed = || Error::of("create the tables");
    match pool {
        #[cfg(feature = "sqlite")]
        Pool::Sqlite(pool) => {
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
            bring_up_to_date!(transaction)
        }
        #[cfg(feature = "postgres")]
        Pool::Postgres(pool) => {
            let mut transaction = pool.begin().await.map_err(failed())?;
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
            lock.execute(&mut *transaction).await.map_err(failed())?;
            bring_up_to_date!(transaction)
        }
    }
}
