//! Repeats: the service may deliver one event more than once, and does not say how often or how much later.

mod memory;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

pub use memory::MemoryStore;

use super::Event;

/// The future of a [`SeenEvents`].
pub type SeenFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SeenError>> + Send + 'a>>;

/// A store of the events that were seen, by their ids.
///
/// [`MemoryStore`] serves one process. Several receivers share a store of their own, such as a table with a unique
/// key: `claim` inserts the id with a time, `complete` marks it as done, `release` deletes it. A claim should lapse
/// after a while, because its receiver may have died.
pub trait SeenEvents: fmt::Debug + Send + Sync + 'static {
    /// Notes that handling the event begins, unless it has been handled or is being handled. Must be atomic.
    fn claim<'a>(&'a self, id: &'a str) -> SeenFuture<'a, Sighting>;

    /// Notes that a claimed event has been handled.
    fn complete<'a>(&'a self, id: &'a str) -> SeenFuture<'a, ()>;

    /// Forgets a claimed event that could not be handled, so that its next delivery is the first again.
    fn release<'a>(&'a self, id: &'a str) -> SeenFuture<'a, ()>;
}

/// What a store knows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It is new, and now claimed.
    First,
    /// It is being handled.
    InProgress,
    /// It has been handled.
    Repeat,
}

/// Why a store of seen events failed. The message must not hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of seen events failed: {0}")]
pub struct SeenError(String);

impl SeenError {
    /// Takes a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled<T> {
    /// It was handled, with this result.
    Now(T),
    /// It was handled before: there is nothing to do, and the delivery is to be acknowledged.
    Before,
    /// It is being handled: the delivery is to be refused for now (503), because the handling may still fail.
    InProgress,
}

/// Sees to it that each event is handled once, however often it is delivered.
///
/// Cheap to clone; clones share what they have seen.
///
/// ```
/// use cmp::webhooks::{Deduplicator, Event, Handled, SeenError};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let once = Deduplicator::in_memory(10_000);
/// let event = Event::parse_unverified(br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#)?;
/// for expected in [Handled::Now("noted"), Handled::Before] {
///     let handled = once.handle(&event, async || Ok::<_, SeenError>("noted")).await?;
///     assert_eq!(handled, expected);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Deduplicator(Arc<dyn SeenEvents>);

impl Deduplicator {
    /// Remembers the latest `capacity` events in memory.
    #[must_use]
    pub fn in_memory(capacity: usize) -> Self {
        Self::with_store(MemoryStore::new(capacity))
    }

    /// Remembers events in this store.
    #[must_use]
    pub fn with_store(store: impl SeenEvents) -> Self {
        Self(Arc::new(store))
    }

    /// Runs `work` if the event is new. Where it fails, the event's next delivery is new again; where it is dropped
    /// half-way, once the claim has lapsed.
    ///
    /// # Errors
    /// What `work` gives, or [`SeenError`] if the store fails. After an error the delivery is to be refused, so that
    /// it comes again.
    pub async fn handle<T, E>(
        &self,
        event: &Event,
        work: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Handled<T>, E>
    where
        E: From<SeenError>,
    {
        match self.0.claim(event.id()).await? {
            Sighting::Repeat => return Ok(Handled::Before),
            Sighting::InProgress => return Ok(Handled::InProgress),
            Sighting::First => {}
        }
        match work().await {
            Ok(result) => {
                self.0.complete(event.id()).await?;
                Ok(Handled::Now(result))
            }
            Err(error) => {
                self.0.release(event.id()).await?;
                Err(error)
            }
        }
    }
}
