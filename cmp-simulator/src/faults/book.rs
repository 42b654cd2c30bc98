use super::chaos::Chaos;
use super::fault::Fault;
use crate::operation::Operation;

/// A fault that was added; [`Faults::fired`](crate::Faults::fired) takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Entry {
    id: FaultId,
    fault: Fault,
    seen: u32,
    fired: u32,
}

/// All faults that are set, in the order in which they were added.
pub(crate) struct FaultBook {
    entries: Vec<Entry>,
    next_id: u64,
    chaos: Option<(Chaos, fastrand::Rng)>,
    rng: fastrand::Rng,
}

impl FaultBook {
    pub(crate) fn new(seed: u64) -> Self {
        Self { entries: Vec::new(), next_id: 1, chaos: None, rng: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        let id = FaultId(self.next_id);
        self.next_id += 1;
        self.entries.push(Entry { id, fault, seen: 0, fired: 0 });
        id
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.chaos = None;
    }

    pub(crate) fn set_chaos(&mut self, chaos: Option<Chaos>) {
        self.chaos = chaos.map(|chaos| {
            let rng = chaos.rng();
            (chaos, rng)
        });
    }

    pub(crate) fn fired(&self, id: FaultId) -> u32 {
        self.entries.iter().find(|entry| entry.id == id).map_or(0, |entry| entry.fired)
    }

    /// The faults, and how often each was met.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&Fault, u32)> {
        self.entries.iter().map(|entry| (&entry.fault, entry.fired))
    }

    /// The fault that meets this request: the first that is due, else chaos. A fault counts only the requests
    /// that no earlier fault met.
    pub(crate) fn meet(&mut self, operation: Operation) -> Option<Fault> {
        for entry in self.entries.iter_mut().filter(|entry| entry.fault.concerns(operation)) {
            let is_due = entry.fault.is_due(entry.seen, entry.fired, &mut self.rng);
            entry.seen += 1;
            if is_due {
                entry.fired += 1;
                return Some(entry.fault.clone());
            }
        }
        let (chaos, rng) = self.chaos.as_mut()?;
        chaos.draw(rng).filter(|fault| fault.concerns(operation)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(book: &mut FaultBook, operation: Operation, requests: usize) -> Vec<Option<&'static str>> {
        (0..requests).map(|_| book.meet(operation).map(|fault| fault.action().name())).collect()
    }

    #[test]
    fn faults_come_in_order_after_and_times() {
        let mut book = FaultBook::new(0);
        let first = book.add(Fault::status(503).on(Operation::GetCard).times(2));
        book.add(Fault::dropped().on(Operation::GetCard).after(1).times(1));
        assert_eq!(book.meet(Operation::CreateCard), None);
        let expected = [Some("answer"), Some("answer"), None, Some("drop"), None];
        assert_eq!(statuses(&mut book, Operation::GetCard, 5), expected);
        assert_eq!(book.fired(first), 2);
    }

    #[test]
    fn chaos_has_its_rate_and_its_sequence() {
        let run = |seed| {
            let mut book = FaultBook::new(0);
            book.set_chaos(Some(Chaos::new(0.25).seed(seed)));
            statuses(&mut book, Operation::GetCard, 4000)
        };
        let met = run(1).iter().flatten().count();
        assert!((900..1100).contains(&met), "{met}");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
