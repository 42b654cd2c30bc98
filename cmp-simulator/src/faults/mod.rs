//! Faults as data: what goes wrong, on which operation and how often.

mod action;
mod fault;

use serde::{Deserialize, Serialize};

use crate::faults::fault::Rate;
use crate::operation::Operation;

pub use action::{Action, Answer, AnswerBody, Close, DebugData, RetryAfter};
pub use fault::Fault;

/// The id of a fault that was added, for [`Faults::fired`](crate::Faults::fired).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Entry {
    id: FaultId,
    fault: Fault,
    seen: u32,
    fired: u32,
}

/// The faults that are set, in the order of their addition.
pub(crate) struct FaultList {
    entries: Vec<Entry>,
    next_id: u64,
    chaos: Option<(Chaos, fastrand::Rng)>,
    rng: fastrand::Rng,
}

impl FaultList {
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

    /// Returns each fault and how many requests it met.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&Fault, u32)> {
        self.entries.iter().map(|entry| (&entry.fault, entry.fired))
    }

    /// Returns the fault that meets this request: the first that is due, or one drawn by chaos. A
    /// fault counts only requests that no earlier fault met.
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

/// Random faults for a share of all requests. The same seed gives the same sequence.
///
/// ```
/// use cmp_simulator::{Chaos, Fault};
///
/// let chaos = Chaos::new(0.2).seed(7);
/// let mine = Chaos::new(0.5).faults([Fault::status(503), Fault::dropped()]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    rate: Rate,
    #[serde(default)]
    seed: u64,
    #[serde(default = "all_kinds")]
    faults: Vec<Fault>,
}

impl Chaos {
    /// Creates chaos that meets this share of the requests, 0 to 1. It draws from every kind of
    /// fault that ends by itself.
    ///
    /// # Panics
    /// If the rate is outside that range.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        Self { rate: Rate::must_be(rate), seed: 0, faults: all_kinds() }
    }

    /// Sets the seed of the sequence.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Draws from these faults only. Their `on` applies; `times`, `after` and `rate` do not.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    pub(crate) fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }

    pub(crate) fn draw(&self, rng: &mut fastrand::Rng) -> Option<&Fault> {
        if self.rate.is_met(rng) { self.faults.get(rng.usize(0..self.faults.len().max(1))) } else { None }
    }
}

fn all_kinds() -> Vec<Fault> {
    vec![
        Fault::status(503),
        Fault::status(503).retry_after(1),
        Fault::status(503).html(),
        Fault::status(503).empty(),
        Fault::status(502).html(),
        Fault::status(504).empty(),
        Fault::status(500),
        Fault::status(429).retry_after(1),
        Fault::dropped(),
        Fault::dropped().reset(),
        Fault::lost_answer(),
        Fault::cut_head(20),
        Fault::cut_body(10),
        Fault::cut_body(10).reset(),
        Fault::truncated_json(),
        Fault::garbage(),
        Fault::content_type("text/plain"),
        Fault::stale_connection(),
        Fault::refused_stream(),
        Fault::go_away(DebugData::None),
        Fault::reset_body(10),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statuses(list: &mut FaultList, operation: Operation, requests: usize) -> Vec<Option<&'static str>> {
        (0..requests).map(|_| list.meet(operation).map(|fault| fault.action().name())).collect()
    }

    #[test]
    fn faults_come_in_order_after_and_times() {
        let mut list = FaultList::new(0);
        let first = list.add(Fault::status(503).on(Operation::GetCard).times(2));
        list.add(Fault::dropped().on(Operation::GetCard).after(1).times(1));
        assert_eq!(list.meet(Operation::CreateCard), None);
        let expected = [Some("answer"), Some("answer"), None, Some("drop"), None];
        assert_eq!(statuses(&mut list, Operation::GetCard, 5), expected);
        assert_eq!(list.fired(first), 2);
    }

    #[test]
    fn chaos_has_its_rate_and_its_sequence() {
        let run = |seed| {
            let mut list = FaultList::new(0);
            list.set_chaos(Some(Chaos::new(0.25).seed(seed)));
            statuses(&mut list, Operation::GetCard, 4000)
        };
        let met = run(1).iter().flatten().count();
        assert!((900..1100).contains(&met), "{met}");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
    #[test]
    fn a_rate_outside_of_0_to_1_is_not_read() {
        for rate in [json!(-0.1), json!(1.000_001), json!(100), json!(1e300), json!("0.5"), json!(true)] {
            let fault = json!({ "do": { "hang": {} }, "rate": rate });
            let error = serde_json::from_value::<Fault>(fault).unwrap_err().to_string();
            assert!(error.contains("rate") || error.contains("invalid type"), "{error}");
            serde_json::from_value::<Chaos>(json!({ "rate": rate })).unwrap_err();
        }
        let error = serde_json::from_value::<Chaos>(json!({ "rate": 1.5 })).unwrap_err();
        assert_eq!(error.to_string(), "the rate 1.5 is not in the range from 0 to 1");
        for rate in [0.0, 0.5, 1.0] {
            assert_eq!(serde_json::to_value(Chaos::new(rate)).unwrap()["rate"], rate);
            serde_json::from_value::<Chaos>(json!({ "rate": rate })).unwrap();
        }
        serde_json::from_value::<Chaos>(json!({ "rate": 1 })).unwrap();
    }

    #[test]
    fn a_rate_outside_of_0_to_1_panics() {
        for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(std::panic::catch_unwind(|| Fault::hang().rate(rate)).is_err(), "{rate}");
            assert!(std::panic::catch_unwind(|| Chaos::new(rate)).is_err(), "{rate}");
        }
    }
}
