//! The two databases behind one set of statements.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    str::FromStr,
    time::Duration,
};

#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use crate::error::{Cause, Error};

/// The sender of a webhook waits for the answer, so a receiver that can't reach its database says so soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections to one of the databases. Made from a pool of sqlx.
#[derive(Clone)]
#[non_exhaustive]
pub enum Pool {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    /// Postgres.
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

/// A connection of the caller, which may have a transaction. Made from `&mut *transaction`.
#[non_exhaustive]
pub enum Connection<'c> {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut SqliteConnection),
    /// Postgres.
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
}

/// Runs the same code with either database's connection.
macro_rules! on {
    ($of:expr, $kind:ident, $name:ident => $body:expr) => {
        match $of {
            #[cfg(feature = "sqlite")]
            $crate::pool::$kind::Sqlite($name) => $body,
            #[cfg(feature = "postgres")]
            $crate::pool::$kind::Postgres($name) => $body,
        }
    };
}
pub(crate) use on;

/// A number for a claim. A generator that the program can seed could give it to two processes.
pub(crate) fn random() -> i64 {
    i64::try_from(RandomState::new().hash_one(()) >> 1).map_or(1, |number| number.max(1))
}

impl Pool {
    pub(crate) async fn open(url: &str) -> Result<Self, Error> {
        let action = "open the database";
        let unknown = Error::Database { action, cause: Cause::Url };
        let unreadable = Error::Database { action, cause: Cause::Settings };
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(|_| unreadable)?;
                // SQLite would open another temporary database for each connection.
                if options.get_filename().as_os_str().is_empty() {
                    return Err(unknown);
                }
                let options = options
                    .create_if_missing(true)
                    .busy_timeout(PATIENCE)
                    .journal_mode(SqliteJournalMode::Wal)
                    // An event whose delivery was accepted must outlive a loss of power.
                    .synchronous(SqliteSynchronous::Full);
                let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE);
                // A database in memory ends with its last connection, and each connection may have its own.
                let is_in_memory = url.contains(":memory:") || url.contains("mode=memory");
                let pool = if is_in_memory {
                    pool.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None)
                } else {
                    pool
                };
                pool.connect_with(options).await.map(Self::Sqlite).map_err(Error::of(action))
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                // A `#` would end the URL, and what is before it in a password could read as host and port.
                if url.contains('#') {
                    return Err(unreadable);
                }
                let options = PgConnectOptions::from_str(url).map_err(|_| unreadable)?;
                let pool = PgPoolOptions::new().acquire_timeout(PATIENCE);
                pool.connect_with(options).await.map(Self::Postgres).map_err(Error::of(action))
            }
            _ => Err(unknown),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "SQLite",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "Postgres",
        }
    }
}

macro_rules! clocks {
    ($($of:ty),*) => {$(
        impl $of {
            /// Returns the SQL of the database's own time, in milliseconds since 1970.
            pub(crate) fn now(&self) -> &'static str {
                match self {
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(_) => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
                    // Not `now()`, which is the time at which the transaction began.
                    #[cfg(feature = "postgres")]
                    Self::Postgres(_) => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
                }
            }
        }
    )*};
}
clocks!(Pool, Connection<'_>);

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Pool {
    fn from(pool: SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

#[cfg(feature = "postgres")]
impl From<PgPool> for Pool {
    fn from(pool: PgPool) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "sqlite")]
impl<'c> From<&'c mut SqliteConnection> for Connection<'c> {
    fn from(connection: &'c mut SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}

#[cfg(feature = "postgres")]
impl<'c> From<&'c mut PgConnection> for Connection<'c> {
    fn from(connection: &'c mut PgConnection) -> Self {
        Self::Postgres(connection)
    }
}
