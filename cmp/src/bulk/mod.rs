//! Many cards: one operation for each of a stream of card ids.
//!
//! Ids are pulled only as there is room for them, so that memory depends on the concurrency and not on the number of
//! ids. Results come as they are ready, each with its id. All draw on the client's one retry budget, so that an outage
//! is met with one request a card.
//!
//! ```
//! # cmp::example!(|cmp| {
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
//! # });
//! ```
//!
//! **Progress counts calls, not network tokens**: a call that provisioned a token which the card network refused
//! succeeded. See [`BulkOver::provision`].
//!
//! # Stopping and resuming
//!
//! [`BulkHandle::stop`] lets what is in flight finish and starts nothing new. [`BulkRun::into_remaining`] then is what
//! was not started, in order, preceded by what has no outcome yet; [`Bulk::resume`] goes on with it, as often as need
//! be. Dropping a run cancels what is in flight. None of the four operations does harm when it is repeated: see
//! [`RetryClass`](crate::RetryClass).

mod progress;
mod run;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
pub use progress::{BulkHandle, BulkProgress};
use run::Due;
pub use run::{BulkRun, Remaining};

use crate::{
    call::Core,
    cards::{Card, CardChanges, Cards},
    error::Result,
    network_tokens::{NetworkTokens, Provisioned},
    operation::Operation,
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
pub struct BulkOver<S: Stream> {
    bulk: Bulk,
    cards: Remaining<S>,
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
    pub fn over<I: IntoIterator>(self, items: I) -> BulkOver<Items<I::IntoIter>> {
        self.over_stream(Items(items.into_iter()))
    }

    /// The same from a stream, such as rows of a database.
    pub fn over_stream<S: Stream>(self, items: S) -> BulkOver<S> {
        self.resume(Remaining::all_of(items))
    }

    /// Goes on with what a run left undone. The types stay those of that run, so that a loop can stop and resume.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let mut ids = Vec::new();
    /// # for _ in 0..5 {
    /// #     let pan = cmp::Pan::new("5100260000019206")?;
    /// #     let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
    /// #     ids.push(stored.id().clone());
    /// # }
    /// let mut run = cmp.bulk().over(ids).delete();
    /// let mut deleted = 0;
    /// while let Some((_, outcome)) = run.next().await {
    ///     outcome?;
    ///     deleted += 1;
    ///     // Stopped here, with others in flight.
    ///     run = cmp.bulk().resume(run.into_remaining()).delete();
    /// }
    /// assert_eq!(deleted, 5);
    /// # });
    /// ```
    pub fn resume<S: Stream>(self, remaining: Remaining<S>) -> BulkOver<S> {
        BulkOver { bulk: self, cards: remaining }
    }
}

impl<S: Stream<Item = CardId>> BulkOver<S> {
    /// Reads each card: [`Cards::get`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn get(self) -> BulkRun<S, Card> {
        self.run(Operation::GetCard, |core, Due { item: id, .. }| async move {
            let card = Cards::new(&core).get(&id).await;
            (id, card)
        })
    }

    /// Provisions a network token for each card: [`NetworkTokens::provision`].
    ///
    /// An outcome is `Ok`, and counted as a success, where the service answered with a token, **also with one that the
    /// card network refused** and that can't be paid with. `provisioned.network_token().is_usable()` tells:
    ///
    /// ```
    /// # use cmp_simulator::Enrollment;
    /// # cmp::example!(cmp_simulator::Simulator::builder().enrollment(Enrollment::Manual), |simulator, cmp| {
    /// # let mut ids = Vec::new();
    /// # for pan in ["5100260000019206", "5100260000009207"] {
    /// #     let card = cmp::NewCard::new(cmp::Pan::new(pan)?, cmp::Expiry::new(12, 2030)?);
    /// #     ids.push(cmp.cards().create(card).await?.id().clone());
    /// # }
    /// // The second of these two test cards gets none from its network.
    /// let mut run = cmp.bulk().over(ids).provision();
    /// let mut usable = 0;
    /// while let Some((id, outcome)) = run.next().await {
    ///     let provisioned = outcome?;
    ///     match provisioned.network_token() {
    ///         token if token.is_usable() => usable += 1,
    ///         token => println!("{id}: {} {:?}", token.state(), token.reason_code()),
    ///     }
    /// }
    /// assert_eq!((run.progress().succeeded, usable), (2, 1));
    /// # });
    /// ```
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn provision(self) -> BulkRun<S, Provisioned> {
        self.run(Operation::ProvisionNetworkToken, |core, Due { item: id, .. }| async move {
            let token = NetworkTokens::new(&core).provision(&id).await;
            (id, token)
        })
    }

    /// Deletes each card: [`Cards::delete`].
    ///
    /// A card that isn't found is a failure, unless a run that this one resumes had begun to delete it: then it is gone,
    /// as it should be.
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn delete(self) -> BulkRun<S, ()> {
        self.run(Operation::DeleteCard, |core, Due { item: id, deletion_begun }| async move {
            let deleted = match Cards::new(&core).delete(&id).await {
                Err(error) if deletion_begun && error.is_not_found() => Ok(()),
                outcome => outcome,
            };
            (id, deleted)
        })
    }
}

impl<S: Stream<Item = (CardId, CardChanges)>> BulkOver<S> {
    /// Changes each card in its own way: [`Cards::update`].
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// # let id = id.clone();
    /// use cmp::{CardChanges, Expiry};
    ///
    /// let renewed = [(id, CardChanges::new().expiry(Expiry::new(1, 2035)?))];
    /// let mut run = cmp.bulk().over(renewed).update();
    /// while let Some((id, outcome)) = run.next().await {
    ///     let card = outcome?;
    ///     assert_eq!((card.id(), card.expiry()), (&id, Some(Expiry::new(1, 2035)?)));
    /// }
    /// # });
    /// ```
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn update(self) -> BulkRun<S, Card> {
        self.run(Operation::UpdateCard, |core, Due { item: (id, changes), .. }| async move {
            let card = Cards::new(&core).update(&id, changes).await;
            (id, card)
        })
    }
}

impl<S: Stream> BulkOver<S> {
    fn run<T, F, Fut>(self, operation: Operation, call: F) -> BulkRun<S, T>
    where
        F: Fn(Arc<Core>, Due<S::Item>) -> Fut + Send + 'static,
        Fut: Future<Output = (CardId, Result<T>)> + Send + 'static,
    {
        let core = self.bulk.core;
        let call = move |card| run::boxed(call(Arc::clone(&core), card));
        BulkRun::new(self.cards, self.bulk.concurrency, operation, Box::new(call))
    }
}

/// The items of an iterator, as the stream that [`Bulk::over`] makes of it.
#[derive(Debug, Clone)]
pub struct Items<I>(I);

impl<I: Iterator> Stream for Items<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<I> Unpin for Items<I> {}

impl<S: Stream> fmt::Debug for BulkOver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkOver").field("concurrency", &self.bulk.concurrency).finish_non_exhaustive()
    }
}
