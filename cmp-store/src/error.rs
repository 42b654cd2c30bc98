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
    /// Another process has claimed the run since, or the run was removed. Nothing is stored.
    #[error("another process has claimed the run {run:?} since, or it was removed; nothing is stored")]
    TakenOver {
        /// The caller's name of the run.
        run: String,
    },
    /// The caller's name of a run or key of an item may contain a card's number.
    #[error("the {name} looks like a card number, which is not stored; use a key of your own")]
    CardNumber {
        /// What was refused: a run's name, or an item's key.
        name: &'static str,
    },
    /// The caller's name of a run or key of an item does not fit into every database.
    #[error("the {name} is longer than 500 bytes, or contains a NUL")]
    Unfit {
        /// What was refused: a run's name, or an item's key.
        name: &'static str,
    },
    /// The tables are those of a newer version of this crate.
    #[error("the tables have version {found}, but this cmp-store supports at most {known}; update cmp-store")]
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
    #[error("the URL names no database that this build knows")]
    Url,
    /// The URL or one of its settings can't be read. In a user or password, characters such as `#` and `/` are escaped with `%`.
    #[error(
        "the URL or one of its settings can't be read; escape special characters of the user and password"
    )]
    Settings,
    /// The database could not be reached, or the connection broke.
    #[error("the connection failed ({0})")]
    Connection(io::ErrorKind),
    /// No connection became free in time, or none could be made.
    #[error("no connection came in time: the server can't be reached, or the pool is too small")]
    TimedOut,
    /// The pool was closed.
    #[error("the pool of connections is closed")]
    Closed,
    /// The TLS handshake failed, or this build has no TLS for the database.
    #[error("TLS failed")]
    Tls,
    /// The database refused, with this code: an SQLSTATE of Postgres, or a result code of SQLite.
    #[error("the database refused with code {code}{}", meaning(.0), code = .0)]
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
            sqlx::Error::Configuration(_) => Self::Settings,
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

/// What the most frequent codes mean, since the database's own text may quote a value.
fn meaning(code: &str) -> &'static str {
    // SQLite's codes are numbers whose lowest octet is the kind. Postgres has five letters or digits.
    let sqlite = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff);
    match (sqlite, code) {
        // SQLite has one code for all of these.
        (Some(1), _) => ": a table or column is missing, or exists already; see Store::migrate",
        (_, "42P01" | "42703") => ": a table or column is missing; see Store::migrate",
        (Some(5 | 6), _) | (_, "40001" | "40P01" | "55P03") => ": another transaction was in the way",
        (Some(8), _) | (_, "25006") => ": it can only be read",
        (Some(10), _) | (_, "58030") => ": the disk failed",
        (Some(11), _) | (_, "XX001" | "XX002") => ": it is damaged",
        (Some(13), _) | (_, "53100") => ": the disk is full",
        (Some(14), _) => ": the file can't be opened",
        (Some(26), _) => ": the file is not an SQLite database",
        (_, "28000" | "28P01") => ": the user or password is wrong",
        (_, "3D000") => ": there is no database of this name",
        (Some(3 | 23), _) | (_, "42501") => ": the user has no permission",
        (_, "53300") => ": it has too many connections",
        (_, "57P01" | "57P02" | "57P03") => ": it is stopping or starting",
        _ => "",
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
