//! The deduplicator and its memory store under random schedules of deliveries, failures, cancelled work and time.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{Deduplicator, Event, Handled, MemoryStore, StoreError};
use crate::{
    clock::{Clock, ManualClock},
    schedule::{Schedule, each},
};

const LEASE: Duration = Duration::from_secs(60);
const EVENTS: usize = 3;
const STEPS: usize = 150;

/// What the receivers did with one event.
#[derive(Default)]
struct Record {
    /// When each work began that has not ended
    works: Vec<Instant>,
    handled: bool,
    /// Handled by a receiver that outlived its claim, which the store may not know.
    handled_late: bool,
}

/// The ends of the works under way.
type Gates = Rc<RefCell<Vec<oneshot::Sender<bool>>>>;

struct World {
    clock: ManualClock,
    once: Deduplicator,
    events: Vec<Event>,
    records: Vec<RefCell<Record>>,
    gates: Gates,
}

/// Takes its work off the list, also where it is cancelled.
struct Working<'w>(&'w RefCell<Record>, Instant);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().works.retain(|since| *since != self.1);
    }
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::new(100).lease(LEASE).clock(clock.clone());
        let event = |number| {
            let body = format!(r#"{{"id":"evt-{number}","event":"cmp_au_card.closed"}}"#);
            Event::parse_unverified(body.as_bytes()).unwrap()
        };
        Self {
            clock,
            once: Deduplicator::new(store),
            events: (0..EVENTS).map(event).collect(),
            records: (0..EVENTS).map(|_| RefCell::default()).collect(),
            gates: Gates::default(),
        }
    }

    async fn deliver(self: Rc<Self>, number: usize) {
        let (record, began) = (&self.records[number], self.clock.now());
        let was_handled = record.borrow().handled;
        let outcome = self.once.handle(&self.events[number], async || self.work(number).await).await;
        match outcome {
            Ok(Handled::Now(())) if self.clock.now() - began < LEASE => record.borrow_mut().handled = true,
            Ok(Handled::Now(())) => record.borrow_mut().handled_late = true,
            Ok(Handled::Before) => {
                let mut record = record.borrow_mut();
                assert!(record.handled || record.handled_late, "it was not handled before");
                record.handled = true;
            }
            Ok(Handled::InProgress) => assert!(!was_handled, "in progress, and it was handled before"),
            Err(_) => assert!(!was_handled, "handled again"),
        }
    }

    async fn work(&self, number: usize) -> Result<(), StoreError> {
        let (record, now) = (&self.records[number], self.clock.now());
        {
            let record = record.borrow();
            assert!(!record.handled, "handled a second time");
            let at_once = record.works.iter().find(|since| now - **since < LEASE);
            assert!(at_once.is_none(), "two receivers at a time");
        }
        record.borrow_mut().works.push(now);
        let _working = Working(record, now);
        let (sender, end) = oneshot::channel();
        self.gates.borrow_mut().push(sender);
        if end.await.unwrap_or(false) { Ok(()) } else { Err(StoreError::new("the work fails")) }
    }

    fn open_one(&self, rng: &mut fastrand::Rng, succeeds: bool) {
        let mut gates = self.gates.borrow_mut();
        if !gates.is_empty() {
            let at = rng.usize(..gates.len());
            let _gone = gates.swap_remove(at).send(succeeds);
        }
    }
}

#[test]
fn each_event_is_handled_once_and_none_is_lost() {
    each(|rng| async move {
        let mut schedule = Schedule::new(rng);
        let world = Rc::new(World::new());
        for _ in 0..STEPS {
            match schedule.rng.u8(..12) {
                0..3 if schedule.len() < 12 => {
                    let number = schedule.rng.usize(..EVENTS);
                    schedule.add(Rc::clone(&world).deliver(number));
                }
                3 => schedule.cancel_one(),
                4 => world.clock.advance(Duration::from_secs(schedule.rng.u64(1..40))),
                5..7 => {
                    let succeeds = schedule.rng.u8(..4) == 0;
                    world.open_one(&mut schedule.rng, succeeds);
                }
                _ => drop(schedule.step().await),
            }
        }
        // From here on all work succeeds. What is cancelled or fails is delivered again until it is handled.
        let mut rounds = 0;
        while schedule.len() > 0 || world.records.iter().any(|record| !record.borrow().handled) {
            for (number, record) in world.records.iter().enumerate() {
                if !record.borrow().handled {
                    schedule.add(Rc::clone(&world).deliver(number));
                }
            }
            while schedule.step().await {
                world.open_one(&mut schedule.rng, true);
            }
            while !world.gates.borrow().is_empty() {
                world.open_one(&mut schedule.rng, true);
            }
            while schedule.step().await {}
            world.clock.advance(LEASE);
            rounds += 1;
            assert!(rounds < 20, "an event is never handled");
        }
    });
}
