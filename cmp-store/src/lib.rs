//! What several processes share, in SQLite or Postgres: which webhooks were handled, views of cards, and how far bulk runs
//! have come ([`runs`]).
//!
//! The service may deliver an event more than once, and each delivery may reach another replica. There are three ways to
//! stay right:
//!
//! 1. **The effect is in the same database:** record the event in the transaction of the effect, with [`record`] and a name
//!    for the effect. Each effect happens exactly once.
//! 2. **The effect is only a [`CardView`]:** do nothing more than [`Store::apply`]. The same events give the same view, in
//!    any order and with any repeats, so a view needs no deduplication.
//! 3. **The effect is elsewhere,** such as an e-mail: claim the event, with a [`Deduplicator`] on a [`Store`]. Each effect
//!    happens at least once. It happens again if a receiver dies between the effect and its record.
//!
//! **An event has one effect for each consumer.** An event with two effects, such as a row and an e-mail, needs two names, and so
//! do two services with the same tables. The name is a parameter of [`record`], and a setting of a store:
//! [`Store::consumer`].
//!
//! # In the caller's transaction
//!
//! ```
//! use cmp::webhooks::Event;
//! use cmp_store::Store;
//! use sqlx::SqlitePool;
//!
//! async fn handle(
//!     pool: &SqlitePool,
//!     event: &Event,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut transaction = pool.begin().await?;
//!     if cmp_store::record(&mut *transaction, "counters", event).await? {
//!         // The effect, in the same transaction:
//!         sqlx::query("UPDATE counters SET events = events + 1")
//!             .execute(&mut *transaction)
//!             .await?;
//!         cmp_store::views::apply(&mut *transaction, event).await?;
//!     }
//!     Ok(transaction.commit().await?)
//! }
//!
//! # use sqlx::sqlite::SqlitePoolOptions;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
//! # sqlx::query("CREATE TABLE counters (events BIGINT)").execute(&pool).await?;
//! # sqlx::query("INSERT INTO counters VALUES (0)").execute(&pool).await?;
//! # Store::new(pool.clone()).migrate().await?;
//! # let body = br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#;
//! # let event = Event::parse_unverified(body)?;
//! # for _ in 0..3 { handle(&pool, &event).await?; }
//! # let (count,): (i64,) = sqlx::query_as("SELECT events FROM counters").fetch_one(&pool).await?;
//! # assert_eq!(count, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Accept the delivery after the commit. After an error answer 503, so that it comes again. Set a time limit around all of it:
//! sqlx waits for a dead connection as long as TCP does. This is the inbox pattern. It needs no crate: with a table of your own
//! for each effect, the same in SQL is
//!
//! ```sql
//! CREATE TABLE inbox (
//!     -- The SHA-256 of the event's id: an id may be long, or contain a NUL.
//!     event_id bytea PRIMARY KEY,
//!     handled_at timestamptz NOT NULL DEFAULT now()
//! );
//!
//! BEGIN;
//! INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING;
//! -- Only if that inserted a row: the effect.
//! COMMIT;
//! ```
//!
//! In SQLite, let the record be the first statement of its transaction, or begin with `BEGIN IMMEDIATE`. A transaction that
//! reads first and writes later fails if another one wrote in between.
//!
//! # Views only
//!
//! ```
//! use cmp::webhooks::{Applied, CardView, Event};
//! use cmp_store::Store;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let store = Store::open("sqlite::memory:").await?;
//! let body = br#"{
//!     "id": "evt-1",
//!     "event": "cmp_network_token.updated",
//!     "timestamp": "2025-01-15T10:00:00.000Z",
//!     "details": {
//!         "card_id": "CRD1",
//!         "network_token_id": "NTK1",
//!         "state": "SUSPENDED"
//!     }
//! }"#;
//! let event = Event::parse_unverified(body)?;
//! assert_eq!(store.apply(&event).await?, Applied::Changed);
//! assert_eq!(store.apply(&event).await?, Applied::Unchanged);
//! let view = store.load(CardView::new("CRD1".parse()?)).await?;
//! assert!(!view.network_token().unwrap().is_usable());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Receivers may change one view at once, and no event is lost. Each replaces only the version that it read, and otherwise
//! merges again. A view that can't be read is an error and stays in its row.
//!
//! # Claims
//!
//! ```
//! use cmp::webhooks::{Deduplicator, Event, Handled};
//! use cmp_store::Store;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let store = Store::open("sqlite::memory:").await?;
//! let once = Deduplicator::new(store.clone());
//! let body = br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#;
//! let event = Event::parse_unverified(body)?;
//! for expected in [Handled::Now(()), Handled::Before] {
//!     let work = async || Ok::<_, cmp::webhooks::StoreError>(());
//!     assert_eq!(once.handle(&event, work).await?, expected);
//! }
//! store.purge().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A claim expires a minute after its last renewal. The deduplicator renews it while the work runs.
//!
//! # How long events are kept
//!
//! [`Store::purge`] removes what was handled more than 30 days ago. VGS does not document for how long a delivery is
//! repeated. Other senders of webhooks repeat it for hours to days, and some for 30 days. People also send old events again
//! after an incident. An event takes about 250 bytes with its indexes, so a million events take 250 MB. With
//! [`Store::retention`], keep events for longer than you would ever send them again.
//!
//! # Tables
//!
//! [`Store::migrate`] makes the tables `cmp_events`, `cmp_views`, `cmp_runs`, `cmp_outcomes` and `cmp_store_version`, with the
//! SQL of [`MIGRATIONS`]. In
//! Postgres they are in the first schema of the `search_path`. Events are stored by a digest of the consumer's name and their ids. No
//! table has a PAN, a network token or another secret. A view of V1 is stored with the card's alias.
//!
//! A service whose own tool runs this SQL has no `cmp_store_version`. It makes its stores with [`Store::new`], and calls neither
//! [`Store::migrate`] nor [`Store::open`].
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `sqlite` (default) | SQLite, compiled in: no server, and no library of the system |
//! | `postgres` | Postgres; for TLS to the server, turn on a feature such as `tls-rustls` of sqlx 0.8 in your `Cargo.toml` |
//! | `rustls` (default), `rustls-no-provider`, `native-tls` | as in `cmp`; without one of them, `cmp` needs one of its features for TLS |
//!
//! The crate needs Rust 1.88, as `cmp` does.
//!
//! [`record`], [`views`] and [`runs`] do the same on your own connection or transaction.
//!
//! [`Deduplicator`]: cmp::webhooks::Deduplicator

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("enable the feature `sqlite` (the default) or `postgres`");

mod error;
mod events;
mod migrate;
mod pool;
pub mod runs;
pub mod views;

use std::time::Duration;

use cmp::{
    bulk::Checkpoint,
    webhooks::{Applied, CardView, Event},
};

pub use self::{
    error::{Cause, Error},
    events::record,
    migrate::MIGRATIONS,
    pool::{Connection, Pool},
};
use self::{
    pool::on,
    runs::{ItemKey, RunClaim},
};

/// How long the deliveries of an event wait after its receiver died.
const LEASE: Duration = Duration::from_secs(60);
/// The page of the crate has the reasons.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The events, views and bulk runs of a database.
///
/// It is an [`EventStore`](cmp::webhooks::EventStore) for a [`Deduplicator`](cmp::webhooks::Deduplicator). Receivers compare
/// times by the database's clock only. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
#[must_use]
pub struct Store {
    pool: Pool,
    lease: Duration,
    retention: Duration,
    consumer: String,
}

impl Store {
    /// Uses the connections of this pool of sqlx. [`migrate`](Self::migrate) makes the tables.
    pub fn new(pool: impl Into<Pool>) -> Self {
        Self { pool: pool.into(), lease: LEASE, retention: RETENTION, consumer: String::new() }
    }

    /// Connects to a database and makes or updates its tables.
    ///
    /// The URL is such as `sqlite:receiver.db`, `sqlite::memory:` or `postgres://user:password@host/database`. A file of
    /// SQLite is created if it is missing. Waiting for a connection ends after five seconds.
    ///
    /// # Errors
    /// An [`Error`], which repeats nothing of the URL.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let store = Self::new(Pool::open(url).await?);
        store.migrate().await?;
        Ok(store)
    }

    /// Makes the tables, or updates those of an older version of this crate. Replicas may do so at once.
    ///
    /// # Errors
    /// [`Error::NewerTables`], or another [`Error`] of the database; then nothing has changed.
    pub async fn migrate(&self) -> Result<(), Error> {
        migrate::migrate(&self.pool).await
    }

    /// Sets the time after which a claim expires and the event is new again; a minute by default.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the time for which handled events are kept; 30 days by default.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the name of the effect or service whose events the store claims; by default the one without a name. Each
    /// consumer handles each event once: see [`record`].
    pub fn consumer(mut self, name: impl Into<String>) -> Self {
        self.consumer = name.into();
        self
    }

    /// Returns the stored view of a card, merged into this one: see [`views::load`].
    ///
    /// # Errors
    /// As [`views::load`].
    pub async fn load(&self, view: CardView) -> Result<CardView, Error> {
        on!(&self.pool, Pool, pool => {
            views::load(&mut *pool.acquire().await.map_err(Error::of("read a view"))?, view).await
        })
    }

    /// Merges a view with the stored one and stores the result: see [`views::save`].
    ///
    /// # Errors
    /// As [`views::save`].
    pub async fn save(&self, view: &CardView) -> Result<CardView, Error> {
        on!(&self.pool, Pool, pool => {
            views::save(&mut *pool.acquire().await.map_err(Error::of("write a view"))?, view).await
        })
    }

    /// Brings the stored view of the event's card up to date: see [`views::apply`].
    ///
    /// # Errors
    /// As [`views::apply`].
    pub async fn apply(&self, event: &Event) -> Result<Applied, Error> {
        on!(&self.pool, Pool, pool => {
            views::apply(&mut *pool.acquire().await.map_err(Error::of("write a view"))?, event).await
        })
    }

    /// Returns how far a bulk run has come: see [`runs::checkpoint`].
    ///
    /// # Errors
    /// As [`runs::checkpoint`].
    pub async fn checkpoint(&self, run: &str) -> Result<Checkpoint, Error> {
        on!(&self.pool, Pool, pool => {
            runs::checkpoint(&mut *pool.acquire().await.map_err(Error::of("read a checkpoint"))?, run).await
        })
    }

    /// Claims a bulk run, to work on it. Earlier claims of the run end: see [`runs::claim`].
    ///
    /// # Errors
    /// As [`runs::claim`]; then the earlier claim holds.
    pub async fn claim_run(&self, run: &str) -> Result<RunClaim, Error> {
        let failed = || Error::of("claim a run");
        on!(&self.pool, Pool, pool => {
            let mut transaction = pool.begin().await.map_err(failed())?;
            let claim = runs::claim(&mut *transaction, run).await?;
            transaction.commit().await.map_err(failed())?;
            Ok(claim)
        })
    }

    /// Stores an item's outcome and the run's checkpoint in one transaction: see [`runs::record`].
    ///
    /// # Errors
    /// As [`runs::record`].
    pub async fn record<T>(
        &self,
        claim: &RunClaim,
        item: impl Into<ItemKey>,
        outcome: &cmp::Result<T>,
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        let failed = || Error::of("record an outcome");
        on!(&self.pool, Pool, pool => {
            let mut transaction = pool.begin().await.map_err(failed())?;
            runs::record(&mut *transaction, claim, item, outcome, checkpoint).await?;
            transaction.commit().await.map_err(failed())
        })
    }

    /// Removes the stored view of a card: see [`views::remove`].
    ///
    /// # Errors
    /// As [`views::remove`].
    pub async fn remove(&self, view: &CardView) -> Result<(), Error> {
        on!(&self.pool, Pool, pool => {
            views::remove(&mut *pool.acquire().await.map_err(Error::of("remove a view"))?, view).await
        })
    }
}
