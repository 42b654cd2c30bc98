//! Many cards: one operation for each of a stream of card ids.
//!
//! Ids are pulled only as there is room for them, so that memory depends on the concurrency and not on the number of
//! ids. Results come as they are ready, each with its id. All draw on the client's one retry budget, so that an outage
//! is met with one request a card.
//!
//! ```
//! # use cmp_simulator::Simulator;
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let simulator = Simulator::builder().duplicate_detection(false).start().await?;
//! # let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! # let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! # let cmp = cmp::Client::builder(environment).service_account(account).build()?;
//! # let mut ids = Vec::new();
//! # for _ in 0..5 {
//! #     let pan = cmp::Pan::new("5100260000019206")?;
//! #     let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
//! #     ids.push(stored.id().clone());
//! # }
//! let mut run = cmp.bulk().concurrency(4).over(ids).get();
//! while let Some((id, outcome)) = run.next().await {
//!     match outcome {
//!         Ok(card) => assert_eq!(card.id(), &id),
//!         Err(error) => eprintln!("{id}: {error}"),
//!     }
//! }
//! assert_eq!(run.progress().succeeded, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Stopping and resuming
//!
//! [`BulkHandle::stop`] lets what is in flight finish and starts nothing new. [`BulkRun::into_remaining`] then is the
//! stream of what was not started, in order, preceded by what has no outcome yet; it can be given to
//! [`Bulk::over_stream`] again. Dropping a run cancels what is in flight. None of the four operations does harm when it
//! is repeated: see [`RetryClass`](crate::RetryClass).

mod progress;
mod run;

use std::{fmt, future::Future, sync::Arc};

use futures_util::{Stream, stream};
pub use progress::{BulkHandle, BulkProgress};
pub use run::{BulkRun, Remaining};

use crate::{
    call::Core,
    cards::{Card, CardChanges, Cards},
    error::Result,
    network_tokens::{NetworkTokens, Provisioned},
    value::CardId,
};

const CONCURRENCY: usize = 16;

/// Settings for a run over many cards.
#[derive(Debug, Clone)]
#[must_use = "a run starts with an operation"]
pub struct Bulk {
    core: Arc<Core>,
    concurrency: usize,
}

/// The cards of a run, for which an operation is yet to be chosen.
#[must_use = "a run starts with an operation"]
pub struct BulkOver<S> {
    bulk: Bulk,
    source: S,
}

impl Bulk {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, concurrency: CONCURRENCY }
    }

    /// How many calls are in flight at once, at least one; 16 unless set.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Takes card ids, or for [`update`](BulkOver::update) pairs of id and changes, from an iterator.
    pub fn over<I: IntoIterator>(self, items: I) -> BulkOver<stream::Iter<I::IntoIter>> {
        self.over_stream(stream::iter(items))
    }

    /// The same from a stream, such as rows of a database.
    pub fn over_stream<S: Stream>(self, items: S) -> BulkOver<S> {
        BulkOver { bulk: self, source: items }
    }
}

impl<S: Stream<Item = CardId>> BulkOver<S> {
    /// Reads each card: [`Cards::get`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn get(self) -> BulkRun<S, Card> {
        self.run(|core, id| async move {
            let card = Cards::new(&core).get(&id).await;
            (id, card)
        })
    }

    /// Provisions a network token for each card: [`NetworkTokens::provision`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn provision(self) -> BulkRun<S, Provisioned> {
        self.run(|core, id| async move {
            let token = NetworkTokens::new(&core).provision(&id).await;
            (id, token)
        })
    }

    /// Deletes each card: [`Cards::delete`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn delete(self) -> BulkRun<S, ()> {
        self.run(|core, id| async move {
            let deleted = Cards::new(&core).delete(&id).await;
            (id, deleted)
        })
    }
}

impl<S: Stream<Item = (CardId, CardChanges)>> BulkOver<S> {
    /// Changes each card in its own way: [`Cards::update`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn update(self) -> BulkRun<S, Card> {
        self.run(|core, (id, changes)| async move {
            let card = Cards::new(&core).update(&id, changes).await;
            (id, card)
        })
    }
}

impl<S: Stream> BulkOver<S> {
    fn run<T, F, Fut>(self, call: F) -> BulkRun<S, T>
    where
        F: Fn(Arc<Core>, S::Item) -> Fut + Send + 'static,
        Fut: Future<Output = (CardId, Result<T>)> + Send + 'static,
    {
        let core = self.bulk.core;
        let call = move |item| run::boxed(call(Arc::clone(&core), item));
        BulkRun::new(self.source, self.bulk.concurrency, Box::new(call))
    }
}

impl<S> fmt::Debug for BulkOver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkOver").field("concurrency", &self.bulk.concurrency).finish_non_exhaustive()
    }
}
