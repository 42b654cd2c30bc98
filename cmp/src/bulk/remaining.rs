use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, StreamExt, stream::Fuse};

use super::checkpoint::{Checkpoint, Checksum, MOST, Unfinished};
use crate::{operation::Operation, value::CardId};

/// A source may have millions of items to skip. After so many, other tasks get their turn.
const SKIPPED_AT_ONCE: u32 = 1_024;

/// Deletions can begin after a checkpoint was taken and before the next one is stored. Beyond the concurrency, so many count
/// as begun.
const DELETIONS_AHEAD: u64 = 1_000;

const OTHER_ITEMS: &str = "the source does not yield the items that it yielded before the checkpoint";
const FEWER_ITEMS: &str = "the source yields fewer items than it yielded before the checkpoint";
const BEGUN: &str = "call `resume_from` before the run starts, on a source that was not read yet";

/// An item whose call is due.
pub(super) struct Due<I> {
    /// The number of items before it in the source.
    pub(super) position: u64,
    pub(super) item: I,
    /// A deletion was started and has no outcome.
    pub(super) deletion_begun: bool,
}

/// A 404 for an item whose deletion was started may be the effect of that.
pub(super) fn deletes(operation: Operation) -> bool {
    matches!(operation, Operation::DeleteCard | Operation::UnsubscribeFromCardUpdates)
}

/// The items that a run left undone, for [`Bulk::resume`](super::Bulk::resume).
///
/// As a stream it yields these items. A run over the items themselves is a new one and does not know which calls were
/// started. To resume in another process, store a [`Checkpoint`](super::Checkpoint).
#[must_use = "the items left undone are lost when this is dropped"]
pub struct Remaining<S: Stream> {
    pub(super) unfinished: VecDeque<Due<S::Item>>,
    source: Pin<Box<Fuse<S>>>,
    /// How many items were taken from the source.
    taken: u64,
    checksum: Checksum,
    id_of: fn(&S::Item) -> Option<&CardId>,
    /// An earlier run may have begun to delete the items before this position.
    deletions_below: u64,
}

impl<S: Stream> Remaining<S> {
    pub(super) fn all_of(source: S) -> Self {
        Self {
            unfinished: VecDeque::new(),
            source: Box::pin(source.fuse()),
            taken: 0,
            checksum: Checksum::default(),
            id_of: |_| None,
            deletions_below: 0,
        }
    }

    /// Makes ready for a run whose items have their ids in this place.
    pub(super) fn start(&mut self, id_of: fn(&S::Item) -> Option<&CardId>) {
        self.id_of = id_of;
    }

    /// Skips what is done according to `checkpoint`, and keeps what it has as unfinished. Fails if the source is not that of
    /// the checkpoint.
    pub(super) async fn resume_from(&mut self, mut checkpoint: Checkpoint) -> Result<(), &'static str> {
        if self.taken > 0 {
            return Err(BEGUN);
        }
        poll_fn(|context| self.poll_skip(&mut checkpoint, context)).await?;
        if self.checksum != checkpoint.checksum {
            return Err(OTHER_ITEMS);
        }
        self.deletions_below = checkpoint.deletions_below;
        Ok(())
    }

    fn poll_skip(
        &mut self,
        checkpoint: &mut Checkpoint,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), &'static str>> {
        for _ in 0..SKIPPED_AT_ONCE {
            if self.taken == checkpoint.taken {
                return Poll::Ready(Ok(()));
            }
            let Some((position, item)) = ready!(self.poll_source(context)) else {
                return Poll::Ready(Err(FEWER_ITEMS));
            };
            if let Some(before) = checkpoint.unfinished.remove(&position) {
                if before.id.as_ref() != (self.id_of)(&item) {
                    return Poll::Ready(Err(OTHER_ITEMS));
                }
                let deletion_begun = before.deletion_begun;
                self.unfinished.push_back(Due { position, item, deletion_begun });
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes the next item from the source, with its position.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<(u64, S::Item)>> {
        let Some(item) = ready!(self.source.as_mut().poll_next(context)) else { return Poll::Ready(None) };
        let position = self.taken;
        self.taken += 1;
        if let Some(id) = (self.id_of)(&item) {
            self.checksum.add(id);
        }
        Poll::Ready(Some((position, item)))
    }

    /// Returns the items that were taken from the source and have no outcome, at most as many as the concurrency.
    pub fn unfinished(&self) -> impl Iterator<Item = &S::Item> {
        self.unfinished.iter().map(|card| &card.item)
    }

    /// Returns how many items are left, if the source knows.
    pub(super) fn left(&self) -> Option<u64> {
        let (least, most) = self.source.size_hint();
        let in_source = most.filter(|most| *most == least)? as u64;
        Some(in_source.saturating_add(self.unfinished.len() as u64))
    }

    /// Returns the checkpoint of a run whose items `in_flight` have no acknowledged outcome.
    pub(super) fn checkpoint<'a>(
        &'a self,
        operation: Operation,
        concurrency: usize,
        in_flight: impl Iterator<Item = &'a Due<S::Item>>,
    ) -> Checkpoint {
        let unfinished = in_flight.chain(&self.unfinished).map(|due| {
            let id = (self.id_of)(&due.item).cloned();
            (due.position, Unfinished { id, deletion_begun: due.deletion_begun })
        });
        let mut checkpoint = Checkpoint {
            operation: Some(operation),
            taken: self.taken,
            checksum: self.checksum,
            unfinished: unfinished.collect(),
            deletions_below: self.deletions_below,
        };
        if deletes(operation) {
            // Those that wait may begin before the next checkpoint is stored.
            checkpoint.unfinished.values_mut().for_each(|item| item.deletion_begun = true);
            let ahead = DELETIONS_AHEAD.saturating_add(concurrency as u64);
            checkpoint.deletions_below =
                checkpoint.deletions_below.max(checkpoint.taken.saturating_add(ahead)).min(MOST);
        }
        checkpoint
    }

    pub(super) fn poll_card(&mut self, context: &mut Context<'_>) -> Poll<Option<Due<S::Item>>> {
        if let Some(card) = self.unfinished.pop_front() {
            return Poll::Ready(Some(card));
        }
        let next = ready!(self.poll_source(context));
        Poll::Ready(next.map(|(position, item)| {
            let deletion_begun = position < self.deletions_below;
            Due { position, item, deletion_begun }
        }))
    }
}

impl<S: Stream> Stream for Remaining<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.poll_card(context).map(|next| Some(next?.item))
    }
}

impl<S: Stream> Unpin for Remaining<S> {}

impl<S: Stream> fmt::Debug for Remaining<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remaining").field("unfinished", &self.unfinished.len()).finish_non_exhaustive()
    }
}
