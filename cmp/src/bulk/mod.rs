//! Bulk runs: one operation for each of many cards.
//!
//! A run pulls ids as calls finish, so its memory depends on the concurrency and not on the number of ids. Outcomes come
//! as they are ready, each with its id. All calls use the client's one retry budget, so an outage costs one request a
//! card.
//!
//! ```
//! use cmp::{CardId, Client};
//!
//! async fn check(cmp: &Client, ids: Vec<CardId>) {
//!     let mut run = cmp.bulk().concurrency(4).over(ids).get();
//!     while let Some((id, outcome)) = run.next().await {
//!         match outcome {
//!             Ok(card) => println!("{id} expires {:?}", card.expiry),
//!             Err(error) => eprintln!("{id}: {error}"),
//!         }
//!     }
//!     println!("{} cards read", run.progress().succeeded);
//! }
//! # cmp::example!(|cmp, id| { check(&cmp, vec![id.clone()]).await; });
//! ```
//!
//! **Progress counts calls, not network tokens.** A call succeeded also if it provisioned a network token that the card
//! network refused. See [`BulkOver::provision`].
//!
//! # Stopping and resuming
//!
//! [`BulkHandle::stop`] lets the calls in flight finish and starts no others. [`BulkRun::into_remaining`] then returns the
//! items without an outcome, in order, and [`Bulk::resume`] goes on with them. Dropping a run cancels the calls in
//! flight. Each of these operations may be repeated: see [`RetryClass`](crate::operation::RetryClass).

mod run;

use std::{fmt, future::Future, sync::Arc};

use futures_util::{FutureExt, Stream, stream};

use self::run::Due;
pub use self::run::{BulkHandle, BulkProgress, BulkRun, Remaining};
use crate::{
    account_updater::AccountUpdater,
    call::Core,
    cards::{Card, CardChanges, CardUpdateSubscription, Cards},
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

/// The cards of a run. Choose an operation next.
#[must_use = "a run starts with an operation"]
pub struct BulkOver<S: Stream> {
    bulk: Bulk,
    cards: Remaining<S>,
}

impl Bulk {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, concurrency: CONCURRENCY }
    }

    /// Sets how many calls are in flight at once, at least one; 16 by default.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Takes card ids from an iterator, or for [`update`](BulkOver::update) pairs of id and changes.
    pub fn over<I: IntoIterator>(self, items: I) -> BulkOver<stream::Iter<I::IntoIter>> {
        self.over_stream(stream::iter(items))
    }

    /// Takes card ids from a stream, such as rows of a database, or for [`update`](BulkOver::update) pairs of id and changes.
    pub fn over_stream<S: Stream>(self, items: S) -> BulkOver<S> {
        self.resume(Remaining::all_of(items))
    }

    /// Goes on with the items that a run left undone. The types stay the same, so a loop can stop and resume.
    ///
    /// ```
    /// use cmp::{CardId, Client};
    ///
    /// async fn delete(cmp: &Client, ids: Vec<CardId>) -> cmp::Result<()> {
    ///     let mut run = cmp.bulk().over(ids).delete();
    ///     while let Some((_, outcome)) = run.next().await {
    ///         outcome?;
    ///         // Stops with other calls in flight, and resumes.
    ///         let remaining = run.into_remaining();
    ///         run = cmp.bulk().resume(remaining).delete();
    ///     }
    ///     Ok(())
    /// }
    /// # cmp::example!(|cmp, id| { delete(&cmp, vec![id.clone()]).await?; });
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
    /// An outcome is `Ok`, and counts as a success, if the service returned a network token. **The card network may have
    /// refused it**, and then it can't be used for a payment:
    ///
    /// ```
    /// use cmp::{CardId, Client};
    ///
    /// async fn provision(cmp: &Client, ids: Vec<CardId>) -> cmp::Result<u64> {
    ///     let (mut run, mut usable) = (cmp.bulk().over(ids).provision(), 0);
    ///     while let Some((id, outcome)) = run.next().await {
    ///         match outcome?.network_token() {
    ///             token if token.is_usable() => usable += 1,
    ///             token => println!("{id}: {}", token.state),
    ///         }
    ///     }
    ///     Ok(usable)
    /// }
    /// # let manual = cmp_simulator::Enrollment::Manual;
    /// # let builder = cmp_simulator::Simulator::builder().enrollment(manual);
    /// # cmp::example!(builder, |simulator, cmp| {
    /// #     let mut ids = Vec::new();
    /// #     // The network of the second test card refuses it.
    /// #     for pan in ["5100260000019206", "5100260000009207"] {
    /// #         let pan = cmp::Pan::new(pan)?;
    /// #         let card = cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?);
    /// #         ids.push(cmp.cards().create(card).await?.id().clone());
    /// #     }
    /// #     assert_eq!(provision(&cmp, ids).await?, 1);
    /// # });
    /// ```
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn provision(self) -> BulkRun<S, Provisioned> {
        self.run(Operation::ProvisionNetworkToken, |core, Due { item: id, .. }| async move {
            let token = NetworkTokens::new(&core).provision(&id).await;
            (id, token)
        })
    }

    /// Subscribes each card to updates: [`AccountUpdater::subscribe`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn subscribe(self) -> BulkRun<S, CardUpdateSubscription> {
        self.run(Operation::SubscribeToCardUpdates, |core, Due { item: id, .. }| async move {
            let subscription = AccountUpdater::new(&core).subscribe(&id).await;
            (id, subscription)
        })
    }

    /// Ends each card's subscription: [`AccountUpdater::unsubscribe`].
    ///
    /// A card without a subscription is a failure, unless an earlier run that this one resumes had started to end it.
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn unsubscribe(self) -> BulkRun<S, ()> {
        self.run(Operation::UnsubscribeFromCardUpdates, |core, Due { item: id, deletion_begun }| async move {
            let ended = AccountUpdater::new(&core).unsubscribe(&id).await;
            (id, done_if_begun(ended, deletion_begun))
        })
    }

    /// Deletes each card: [`Cards::delete`].
    ///
    /// A card that is not found is a failure, unless an earlier run that this one resumes had started to delete it.
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn delete(self) -> BulkRun<S, ()> {
        self.run(Operation::DeleteCard, |core, Due { item: id, deletion_begun }| async move {
            let deleted = Cards::new(&core).delete(&id).await;
            (id, done_if_begun(deleted, deletion_begun))
        })
    }
}

impl<S: Stream<Item = (CardId, CardChanges)>> BulkOver<S> {
    /// Changes each card: [`Cards::update`].
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
        let call = move |card| call(Arc::clone(&core), card).boxed();
        BulkRun::new(self.cards, self.bulk.concurrency, operation, Box::new(call))
    }
}

fn done_if_begun(outcome: Result<()>, begun: bool) -> Result<()> {
    match outcome {
        Err(error) if begun && error.is_not_found() => Ok(()),
        outcome => outcome,
    }
}

impl<S: Stream> fmt::Debug for BulkOver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkOver").field("concurrency", &self.bulk.concurrency).finish_non_exhaustive()
    }
}
