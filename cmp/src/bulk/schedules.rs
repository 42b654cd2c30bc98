//! Bulk runs and the retry budget under random schedules: sources that pause, attempts that fail, stops and crashes.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use cmp_generated::{ByteStream, Error as Raw, ResponseValue};
use futures_util::{Stream, stream};
use reqwest::{StatusCode, header::HeaderMap};
use tokio::sync::{oneshot, watch};

use super::{BulkHandle, BulkOver, BulkRun, Checkpoint};
use crate::{
    CardId, Client, Environment,
    auth::AccessToken,
    call::{Core, Sent},
    clock::ManualClock,
    error::Result,
    operation::Operation,
    retry::{COST_OF_A_RETRY, RetryBudget, RetryPolicy},
    schedule::{Schedule, each},
};

const ITEMS: usize = 12;
const CONCURRENCY: usize = 3;
/// Enough for three retries
const CAPACITY: u32 = 3 * COST_OF_A_RETRY;
const STEPS: usize = 120;

/// The calls of all runs, whose attempts end when the test says so.
#[derive(Default)]
struct Calls {
    in_flight: AtomicUsize,
    retries: AtomicU32,
    successes: AtomicU32,
    gates: Mutex<Vec<oneshot::Sender<bool>>>,
}

/// A call in flight, also until it is cancelled.
struct InFlight<'c>(&'c Calls);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Calls {
    /// A call as the facade makes it, with attempts that need no socket.
    async fn call(&self, core: &Core) -> Result<()> {
        let before = self.in_flight.fetch_add(1, Relaxed);
        let _in_flight = InFlight(self);
        assert!(before < CONCURRENCY, "{} calls in flight", before + 1);
        let attempts = AtomicU32::new(0);
        let attempt = |_| async {
            if attempts.fetch_add(1, Relaxed) > 0 {
                self.retries.fetch_add(1, Relaxed);
            }
            self.attempt().await
        };
        core.begin().send(Operation::GetCard, attempt, |_, ()| Ok(())).await
    }

    async fn attempt(&self) -> Sent<()> {
        let (sender, end) = oneshot::channel();
        self.gates.lock().unwrap().push(sender);
        if end.await.unwrap_or(false) {
            self.successes.fetch_add(1, Relaxed);
            return Ok(ResponseValue::new((), StatusCode::OK, HeaderMap::new()));
        }
        let body = ByteStream::new(Box::pin(stream::empty()));
        Err(Raw::ErrorResponse(ResponseValue::new(body, StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new())))
    }

    fn open_one(&self, rng: &mut fastrand::Rng, succeeds: bool) {
        let mut gates = self.gates.lock().unwrap();
        if !gates.is_empty() {
            let at = rng.usize(..gates.len());
            // The attempt of a cancelled call is gone.
            let _gone = gates.swap_remove(at).send(succeeds);
        }
    }
}

struct World {
    client: Client,
    budget: RetryBudget,
    calls: Arc<Calls>,
    /// How many items the source has so far
    source: watch::Sender<usize>,
    handle: RefCell<Option<BulkHandle>>,
    /// The run ends after its next outcome, also with calls in flight, and another one goes on with what is left.
    resumes: Cell<bool>,
    /// Each outcome is stored in one transaction with the checkpoint; otherwise the checkpoint is stored now and then.
    is_atomic: bool,
    checkpoint: RefCell<String>,
    /// How often each card had an outcome
    outcomes: RefCell<BTreeMap<CardId, u32>>,
    is_done: Cell<bool>,
}

impl World {
    fn new(is_atomic: bool) -> Self {
        let budget = RetryBudget::new(CAPACITY);
        let environment = Environment::custom("http://127.0.0.1:9", "http://127.0.0.1:9").unwrap();
        let wait = Duration::from_millis(1);
        let client = Client::builder(environment)
            .access_token(AccessToken::new("a-token").unwrap())
            .retry(RetryPolicy::default().max_attempts(3).backoff(wait, wait))
            .retry_budget(budget.clone())
            .clock(ManualClock::new());
        Self {
            client: client.build().unwrap(),
            budget,
            calls: Arc::default(),
            source: watch::Sender::new(0),
            handle: RefCell::default(),
            resumes: Cell::default(),
            is_atomic,
            checkpoint: RefCell::new(serde_json::to_string(&Checkpoint::default()).unwrap()),
            outcomes: RefCell::default(),
            is_done: Cell::new(false),
        }
    }

    /// Yields the same cards each time, as far as the test lets it.
    fn cards(&self) -> impl Stream<Item = CardId> + use<> {
        stream::unfold((0, self.source.subscribe()), |(number, mut source)| async move {
            source.wait_for(|items| *items > number).await.ok().filter(|_| number < ITEMS)?;
            Some((format!("CRD{number}").parse().unwrap(), (number + 1, source)))
        })
    }

    fn run<S: Stream<Item = CardId>>(&self, over: BulkOver<S>) -> BulkRun<S, ()> {
        let calls = Arc::clone(&self.calls);
        let run = over.of_ids(Operation::GetCard, move |core, _| {
            let calls = Arc::clone(&calls);
            async move { calls.call(&core).await }
        });
        *self.handle.borrow_mut() = Some(run.handle());
        run
    }

    /// A process that works until the source ends, from where the one before it crashed.
    async fn process(self: Rc<Self>) {
        let bulk = || self.client.bulk().concurrency(CONCURRENCY);
        let checkpoint = serde_json::from_str(&self.checkpoint.borrow()).unwrap();
        let mut run = self
            .run(bulk().over_stream(self.cards()))
            .resume_from(checkpoint)
            .await
            .expect("the same source");
        loop {
            match run.next().await {
                Some((card, _)) => self.store(&mut run, card),
                None if run.handle().is_stopped() => self.resumes.set(true),
                None => break,
            }
            if self.resumes.take() {
                run = self.run(bulk().resume(run.into_remaining()));
            }
        }
        self.is_done.set(true);
    }

    fn store<S: Stream<Item = CardId>>(&self, run: &mut BulkRun<S, ()>, card: CardId) {
        if self.is_atomic {
            run.acknowledge();
        }
        let checkpoint = run.checkpoint();
        let is_open = checkpoint.unfinished().any(|open| *open == card);
        assert_ne!(is_open, self.is_atomic, "{card} is open, or done too early: {checkpoint:?}");
        let mut outcomes = self.outcomes.borrow_mut();
        *outcomes.entry(card).or_default() += 1;
        let finished = usize::try_from(checkpoint.finished()).unwrap();
        assert!(finished <= outcomes.len(), "done without an outcome: {checkpoint:?}");
        if self.is_atomic || outcomes.len().is_multiple_of(3) {
            *self.checkpoint.borrow_mut() = serde_json::to_string(&checkpoint).unwrap();
        }
    }

    fn check_budget(&self) {
        assert!(self.budget.left() <= CAPACITY, "a budget of {}", self.budget.left());
        let paid = COST_OF_A_RETRY * self.calls.retries.load(Relaxed);
        let had = CAPACITY + self.calls.successes.load(Relaxed);
        assert!(paid <= had, "retries that cost {paid}, from a budget of {had}");
    }
}

#[test]
fn each_card_has_its_outcome_and_each_retry_pays() {
    each(|rng| async move {
        let mut schedule = Schedule::new(rng);
        let world = Rc::new(World::new(schedule.rng.bool()));
        for _ in 0..STEPS {
            if schedule.len() == 0 {
                schedule.add(Rc::clone(&world).process());
            }
            match schedule.rng.u8(..16) {
                0..3 => world.source.send_modify(|items| *items += 1),
                3..7 => {
                    let succeeds = schedule.rng.u8(..3) > 0;
                    world.calls.open_one(&mut schedule.rng, succeeds);
                }
                7 if schedule.rng.u8(..4) == 0 => schedule.cancel_one(),
                8 if schedule.rng.u8(..4) == 0 => world.resumes.set(true),
                9 if schedule.rng.u8(..4) == 0 => {
                    world.handle.borrow().iter().for_each(BulkHandle::stop);
                }
                _ => drop(schedule.step().await),
            }
            world.check_budget();
        }
        world.source.send_replace(ITEMS + 1);
        let mut rounds = 0;
        while !world.is_done.get() {
            if schedule.len() == 0 {
                schedule.add(Rc::clone(&world).process());
            }
            while schedule.step().await {}
            world.calls.open_one(&mut schedule.rng, true);
            rounds += 1;
            assert!(rounds < 1_000, "a card has no outcome");
        }
        world.check_budget();
        let outcomes = world.outcomes.borrow();
        assert_eq!(outcomes.len(), ITEMS, "{outcomes:?}");
        assert!(!world.is_atomic || outcomes.values().all(|count| *count == 1), "{outcomes:?}");
    });
}
