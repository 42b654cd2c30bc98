use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    task::{Context, Poll},
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

/// What comes next in a source.
pub(super) enum Next<I> {
    Due(Due<I>),
    /// The checkpoint is not of this source or this operation, which shows at this item.
    Refused(I, String),
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
    /// The checkpoint that the run goes on from; items that it has as done are skipped.
    resumed: Checkpoint,
    last_skipped: Option<S::Item>,
    refusal: Option<String>,
}

impl<S: Stream> Remaining<S> {
    pub(super) fn all_of(source: S) -> Self {
        Self {
            unfinished: VecDeque::new(),
            source: Box::pin(source.fuse()),
            taken: 0,
            checksum: Checksum::default(),
            id_of: |_| None,
            resumed: Checkpoint::default(),
            last_skipped: None,
            refusal: None,
        }
    }

    /// Skips what is done according to `checkpoint`, as items come from the source.
    pub(super) fn skip(&mut self, mut checkpoint: Checkpoint) {
        checkpoint.unfinished = checkpoint.unfinished.split_off(&self.taken);
        self.resumed = checkpoint;
    }

    /// Makes ready for a run of `operation`.
    pub(super) fn start(&mut self, operation: Operation, id_of: fn(&S::Item) -> Option<&CardId>) {
        self.id_of = id_of;
        if let Some(before) = self.resumed.operation.filter(|before| *before != operation) {
            let refusal = format!("the checkpoint is of a run of {before}, and this is a run of {operation}");
            self.refusal = Some(refusal);
        }
    }

    /// Returns the items that were taken from the source and have no outcome, at most as many as the concurrency.
    pub fn unfinished(&self) -> impl Iterator<Item = &S::Item> {
        self.unfinished.iter().map(|card| &card.item)
    }

    /// Returns how many items are left, if the source knows.
    pub(super) fn left(&self) -> Option<u64> {
        let (least, most) = self.source.size_hint();
        let in_source = most.filter(|most| *most == least)? as u64;
        let skipped = self.resumed.taken.saturating_sub(self.taken);
        let to_do_again = self.resumed.unfinished.len() as u64;
        let begun = to_do_again.saturating_add(self.unfinished.len() as u64);
        Some(in_source.saturating_sub(skipped).saturating_add(begun))
    }

    /// Returns the checkpoint of a run whose items `in_flight` have no acknowledged outcome.
    pub(super) fn checkpoint<'a>(
        &'a self,
        operation: Operation,
        concurrency: usize,
        in_flight: impl Iterator<Item = &'a Due<S::Item>>,
    ) -> Checkpoint {
        let (taken, checksum) = if self.taken > self.resumed.taken {
            (self.taken, self.checksum)
        } else {
            (self.resumed.taken, self.resumed.checksum)
        };
        let started = in_flight.chain(&self.unfinished).map(|due| {
            let id = (self.id_of)(&due.item).cloned();
            (due.position, Unfinished { id, deletion_begun: due.deletion_begun })
        });
        let mut unfinished: BTreeMap<_, _> = started.collect();
        unfinished.extend(self.resumed.unfinished.clone());
        let mut checkpoint = Checkpoint {
            operation: Some(operation),
            taken,
            checksum,
            unfinished,
            deletions_below: self.resumed.deletions_below,
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

    /// Refuses this item, and all that follow.
    fn refuse(&mut self, item: S::Item, message: String) -> Next<S::Item> {
        self.last_skipped = None;
        self.refusal = Some(message.clone());
        Next::Refused(item, message)
    }

    pub(super) fn poll_card(&mut self, context: &mut Context<'_>) -> Poll<Option<Next<S::Item>>> {
        if let Some(card) = self.unfinished.pop_front() {
            return Poll::Ready(Some(Next::Due(card)));
        }
        for _ in 0..SKIPPED_AT_ONCE {
            let Some(item) = std::task::ready!(self.source.as_mut().poll_next(context)) else {
                // Fewer items than before. Without any, there is nothing to name.
                let last = self.last_skipped.take().filter(|_| self.taken < self.resumed.taken);
                return Poll::Ready(last.map(|item| self.refuse(item, OTHER_ITEMS.to_owned())));
            };
            if let Some(refusal) = self.refusal.take() {
                return Poll::Ready(Some(self.refuse(item, refusal)));
            }
            let position = self.taken;
            self.taken += 1;
            let id = (self.id_of)(&item);
            if let Some(id) = id {
                self.checksum.add(id);
            }
            if position >= self.resumed.taken {
                self.last_skipped = None;
                let deletion_begun = position < self.resumed.deletions_below;
                return Poll::Ready(Some(Next::Due(Due { position, item, deletion_begun })));
            }
            let before = self.resumed.unfinished.get(&position);
            let is_another = before.is_some_and(|before| before.id.as_ref() != id)
                || self.taken == self.resumed.taken && self.checksum != self.resumed.checksum;
            if is_another {
                return Poll::Ready(Some(self.refuse(item, OTHER_ITEMS.to_owned())));
            }
            if let Some(before) = self.resumed.unfinished.remove(&position) {
                let deletion_begun = before.deletion_begun;
                return Poll::Ready(Some(Next::Due(Due { position, item, deletion_begun })));
            }
            self.last_skipped = Some(item);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream> Stream for Remaining<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.poll_card(context).map(|next| match next? {
            Next::Due(card) => Some(card.item),
            Next::Refused(..) => None,
        })
    }
}

impl<S: Stream> Unpin for Remaining<S> {}

impl<S: Stream> fmt::Debug for Remaining<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remaining").field("unfinished", &self.unfinished.len()).finish_non_exhaustive()
    }
}
