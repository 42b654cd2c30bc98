//! What can go wrong. No text of the database gets into an error: it may quote values, names and URLs.

use std::io;

use cmp::{CardId, webhooks::StoreError};

/// An error of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database did not do what it was asked.
    #[error("could not {action}: {cause}")]
    Database {
        /// What the store wanted to do.
        action: &'static str,
        /// Why it failed.
        cause: Cause,
    },
    /// The stored view is damaged, or a newer version of `cmp` wrote it. It is left as it is.
    #[error("the stored view of {} can't be read and is left as it is: {rule}", show(.card.as_ref()))]
    Unreadable {
        /// The card; `None` for a view of an alias.
        card: Option<CardId>,
        /// What is wrong with the row.
        rule: &'static str,
    },
    /// The stored checkpoint is damaged, or a newer version of `cmp` wrote it. It is left as it is.
    #[error("the stored checkpoint of the run {run:?} can't be read and is left as it is")]
    UnreadableCheckpoint {
        /// The caller's name of the run.
        run: String,
    },
    /// The tables are those of a newer version of this crate.
    #[error("the tables have version {found}, and this version of cmp-store knows {known}")]
    NewerTables {
        /// The version of the tables.
        found: i64,
        /// The latest version that this crate knows.
        known: i64,
    },
}

/// Why the database failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The URL names no database that this build knows. Postgres needs the feature `postgres`.
    #[error("the URL is not one of a database that this build knows")]
    Url,
    /// The database could not be reached, or the connection broke.
    #[error("the connection failed ({0})")]
    Connection(io::ErrorKind),
    /// No connection became free in time, or none could be made.
    #[error("no connection came in time")]
    TimedOut,
    /// The pool was closed.
    #[error("the pool of connections is closed")]
    Closed,
    /// The TLS handshake failed, or this build has no TLS for the database.
    #[error("TLS failed")]
    Tls,
    /// The database refused, with this code: an SQLSTATE of Postgres, or a result code of SQLite.
    #[error("the database refused with code {0}")]
    Code(String),
    /// Anything else.
    #[error("the driver failed")]
    Driver,
}

fn show(card: Option<&CardId>) -> String {
    card.map_or_else(|| "an alias".to_owned(), |card| format!("card {}", card.as_str()))
}

impl Error {
    pub(crate) fn of(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| Self::Database { action, cause: Cause::of(&error) }
    }
}

impl Cause {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(_) => Self::Url,
            sqlx::Error::Io(error) => Self::Connection(error.kind()),
            sqlx::Error::PoolTimedOut => Self::TimedOut,
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Tls(_) => Self::Tls,
            sqlx::Error::Database(error) => {
                error.code().and_then(|code| code_of(&code)).unwrap_or(Self::Driver)
            }
            _ => Self::Driver,
        }
    }
}

/// A code is short. Anything longer is a text.
fn code_of(code: &str) -> Option<Cause> {
    let is_code = (1..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| Cause::Code(code.to_owned()))
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_is_repeated() {
        assert_eq!(code_of("28P01"), Some(Cause::Code("28P01".to_owned())));
        assert_eq!(code_of("2067"), Some(Cause::Code("2067".to_owned())));
        for text in ["", "hunter2", "a b", "4111111111111111", "é"] {
            assert_eq!(code_of(text), None, "{text}");
        }
    }
}
