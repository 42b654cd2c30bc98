//! Bulk runs: one operation for each of many cards.
//!
//! A run pulls ids as calls finish, so its memory depends on the concurrency and not on the number of ids. Outcomes come
//! as they are ready, each with its id. All calls use the client's one retry budget, so an outage costs one request a
//! card. [`ClientBuilder::pace`](crate::ClientBuilder::pace) keeps a run within an account's rate limit.
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
//! flight.
//!
//! # Surviving a crash
//!
//! [`BulkRun::checkpoint`] says how far a run has come, as a value to store. After a crash, [`BulkRun::resume_from`] skips
//! what was done, in a source that **yields the same items in the same order**, such as rows in the order of their key. For
//! another source it fails before anything is sent. Store each outcome together with the checkpoint, and every card has
//! exactly one outcome:
//!
//! ```
//! use cmp::{CardId, Client, bulk::Checkpoint};
//!
//! async fn provision(
//!     cmp: &Client,
//!     ids: Vec<CardId>,
//!     db: &mut Database,
//! ) -> cmp::Result<()> {
//!     let run = cmp.bulk().over(ids).provision();
//!     let mut run = run.resume_from(db.checkpoint()).await?;
//!     while let Some((id, outcome)) = run.next().await {
//!         // The outcome and the checkpoint are stored in one transaction.
//!         run.acknowledge();
//!         db.store(&id, outcome.is_ok(), &run.checkpoint());
//!     }
//!     Ok(())
//! }
//! # #[derive(Default)]
//! # struct Database(Option<String>, Vec<(CardId, bool)>);
//! # impl Database {
//! #     fn checkpoint(&self) -> Checkpoint {
//! #         let stored = self.0.as_ref().map(|text| serde_json::from_str(text).unwrap());
//! #         stored.unwrap_or_default()
//! #     }
//! #     fn store(&mut self, id: &CardId, ok: bool, checkpoint: &Checkpoint) {
//! #         self.0 = Some(serde_json::to_string(checkpoint).unwrap());
//! #         self.1.push((id.clone(), ok));
//! #     }
//! # }
//! # cmp::example!(|cmp, id| {
//! #     let mut db = Database::default();
//! #     provision(&cmp, vec![id.clone()], &mut db).await?;
//! #     provision(&cmp, vec![id.clone()], &mut db).await?;
//! #     assert_eq!(db.1, [(id.clone(), true)]);
//! #     assert!(provision(&cmp, vec![], &mut db).await.is_err());
//! # });
//! ```
//!
//! Without [`acknowledge`](BulkRun::acknowledge), an outcome counts from the following call to [`next`](BulkRun::next) on. So
//! a loop can store the outcome first, and a checkpoint now and then. After a crash some cards then have two outcomes, and
//! none is lost. As a [`Stream`], the run acknowledges with each poll, so a combinator that polls ahead, such as
//! `buffered`, acknowledges too early.
//!
//! A failure that says nothing about the card is not always an outcome to store. With
//! [`leave_unfinished`](BulkRun::leave_unfinished), the call is made again when the run is resumed.
//!
//! The calls of a crashed run that have no stored outcome are made again. What that does depends on the operation:
//!
//! | operation | made again |
//! |---|---|
//! | `get` | changes nothing |
//! | `update`, `subscribe` | leaves what one call leaves |
//! | `provision` | returns the network token that exists, as [`Provisioned::Existing`] |
//! | `delete`, `unsubscribe` | a 404 is a success if the deletion may have begun: see [`BulkOver::delete`] |
//! | `create` | returns the card that exists, or stores a second one: see [`BulkOver::create`] |

mod checkpoint;
mod remaining;
mod run;
#[cfg(test)]
mod schedules;

use std::{fmt, future::Future, sync::Arc};

use futures_util::{FutureExt, Stream, stream};

pub use self::{
    checkpoint::Checkpoint,
    remaining::Remaining,
    run::{BulkHandle, BulkProgress, BulkRun},
};
use self::{remaining::Due, run::Task};
use crate::{
    account_updater::AccountUpdater,
    call::Core,
    cards::{Card, CardChanges, CardUpdateSubscription, Cards, NewCard, Stored},
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
    total: Option<u64>,
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

    /// Takes card ids from an iterator; for [`update`](BulkOver::update) pairs of id and changes, and for
    /// [`create`](BulkOver::create) pairs of your own key and the card.
    pub fn over<I: IntoIterator>(self, items: I) -> BulkOver<stream::Iter<I::IntoIter>> {
        self.over_stream(stream::iter(items))
    }

    /// Takes the same from a stream, such as rows of a database.
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
        BulkOver { bulk: self, cards: remaining, total: None }
    }
}

impl<S: Stream<Item = CardId>> BulkOver<S> {
    /// Reads each card: [`Cards::get`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn get(self) -> BulkRun<S, Card> {
        self.of_ids(Operation::GetCard, |core, Due { item: id, .. }| async move {
            Cards::new(&core).get(&id).await
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
        self.of_ids(Operation::ProvisionNetworkToken, |core, Due { item: id, .. }| async move {
            NetworkTokens::new(&core).provision(&id).await
        })
    }

    /// Subscribes each card to updates: [`AccountUpdater::subscribe`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn subscribe(self) -> BulkRun<S, CardUpdateSubscription> {
        self.of_ids(Operation::SubscribeToCardUpdates, |core, Due { item: id, .. }| async move {
            AccountUpdater::new(&core).subscribe(&id).await
        })
    }

    /// Ends each card's subscription: [`AccountUpdater::unsubscribe`].
    ///
    /// A card without a subscription is a failure, unless an earlier run that this one resumes may have started to end it,
    /// as with [`delete`](Self::delete).
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn unsubscribe(self) -> BulkRun<S, ()> {
        self.of_ids(
            Operation::UnsubscribeFromCardUpdates,
            |core, Due { item: id, deletion_begun, .. }| async move {
                done_if_begun(AccountUpdater::new(&core).unsubscribe(&id).await, deletion_begun)
            },
        )
    }

    /// Deletes each card: [`Cards::delete`].
    ///
    /// A card that is not found is a failure, unless an earlier run that this one resumes may have started to delete it.
    ///
    /// A [`Checkpoint`] knows the deletions that were started. Others may start before the next checkpoint is stored. So it
    /// also counts the next 1,000 items, plus the concurrency, as started. After a crash a 404 for one of them is a
    /// success, even if there never was such a card. Store the first checkpoint before the first call to
    /// [`next`](BulkRun::next), and then at least one for every 1,000 outcomes. Otherwise a card that the crashed run
    /// deleted can come out as not found.
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn delete(self) -> BulkRun<S, ()> {
        self.of_ids(Operation::DeleteCard, |core, Due { item: id, deletion_begun, .. }| async move {
            done_if_begun(Cards::new(&core).delete(&id).await, deletion_begun)
        })
    }

    fn of_ids<T, F, Fut>(self, operation: Operation, call: F) -> BulkRun<S, T>
    where
        F: Fn(Arc<Core>, Due<CardId>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        self.run(operation, Clone::clone, |id| Some(id), call)
    }
}

impl<S: Stream<Item = (CardId, CardChanges)>> BulkOver<S> {
    /// Changes each card: [`Cards::update`].
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn update(self) -> BulkRun<S, Card> {
        let call = |core: Arc<Core>, Due { item: (id, changes), .. }: Due<(CardId, CardChanges)>| async move {
            Cards::new(&core).update(&id, changes).await
        };
        self.run(Operation::UpdateCard, |(id, _)| id.clone(), |(id, _)| Some(id), call)
    }
}

impl<S, K> BulkOver<S>
where
    S: Stream<Item = (K, NewCard)>,
    K: Clone + Send + 'static,
{
    /// Stores each card: [`Cards::create`]. Each outcome comes with your own key of the card, such as a row's.
    ///
    /// **After a crash, a card can be stored twice.** The crashed run may have stored cards whose outcome you did not
    /// store: at most those in flight, and those whose outcome came after the last stored checkpoint. The resumed run sends
    /// them again.
    ///
    /// * An account that detects duplicates answers with the card that exists, as [`Stored::Existing`]. Turn this on for an
    ///   import.
    /// * Any other account stores a second card, and nobody knows the first one's id. There is no idempotency key, and no
    ///   call lists cards. If this must not happen, let your source mark an item as sent when the run takes it: items are
    ///   taken only as their calls start. After a crash, resume with the items that are not marked, and clear up by hand
    ///   those with a mark and no outcome.
    ///
    /// The same holds for items in flight at [`into_remaining`](BulkRun::into_remaining). Within one run no card is sent
    /// again unless nothing can have happened, as with [`Cards::create`].
    ///
    /// A [`Checkpoint`] of this run holds positions and nothing of the cards or keys. So it can't find out whether the
    /// source yields other items than before, but only whether it yields fewer.
    ///
    /// ```
    /// use cmp::{Client, NewCard, bulk::Checkpoint};
    ///
    /// async fn import(cmp: &Client, rows: Vec<(u32, NewCard)>) {
    ///     let mut run = cmp.bulk().over(rows).create();
    ///     while let Some((row, outcome)) = run.next().await {
    ///         match outcome {
    ///             Ok(stored) => println!("row {row}: {}", stored.id()),
    ///             Err(error) => println!("row {row}: {error}"),
    ///         }
    ///     }
    /// }
    /// # cmp::example!(|cmp| {
    /// #     let pan = cmp::Pan::new("5100260000019206")?;
    /// #     import(&cmp, vec![(7, NewCard::new(pan, cmp::Expiry::new(12, 2030)?))]).await;
    /// # });
    /// ```
    #[must_use = "nothing is sent unless the run is polled"]
    pub fn create(self) -> BulkRun<S, Stored, K> {
        let call = |core: Arc<Core>, Due { item: (_, card), .. }: Due<(K, NewCard)>| async move {
            Cards::new(&core).create(card).await
        };
        self.run(Operation::CreateCard, |(key, _)| key.clone(), |_| None, call)
    }
}

impl<S: Stream> BulkOver<S> {
    /// Sets how many calls this run makes in all, for [`BulkProgress::remaining_time`], where the source doesn't know.
    pub fn total(mut self, calls: u64) -> Self {
        self.total = Some(calls);
        self
    }

    fn run<T, K, F, Fut>(
        self,
        operation: Operation,
        key_of: fn(&S::Item) -> K,
        id_of: fn(&S::Item) -> Option<&CardId>,
        call: F,
    ) -> BulkRun<S, T, K>
    where
        F: Fn(Arc<Core>, Due<S::Item>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let core = Arc::clone(&self.bulk.core);
        let start = Box::new(move |card| call(Arc::clone(&core), card).boxed());
        let task = Task { operation, start, key_of, id_of };
        BulkRun::new(self.cards, self.bulk.concurrency, task, self.total, self.bulk.core)
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
