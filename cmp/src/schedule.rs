//! Runs tests under random schedules: tasks are polled one at a time, in an order that follows from a seed.
//!
//! tokio's channels work under any executor, so the code under test is the real one. What varies is the order at the
//! places where a task waits; code between two of them runs as it is written. A task is polled only if it was woken, so
//! a lost wake-up shows as a task that never ends.
//!
//! `SEED=… cargo test -p cmp --lib schedules` repeats one schedule, and `SCHEDULES=100000` runs more of them.

use std::{
    env,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use fastrand::Rng;

/// How many schedules each test runs with every change
const SCHEDULES: u64 = 1_000;

/// Runs `test` once for each seed. A failure names the seed.
pub(crate) fn each<F: Future<Output = ()>>(test: impl Fn(Rng) -> F) {
    let number = |name| env::var(name).ok().map(|value| value.parse().expect("a number"));
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHEDULES").unwrap_or(SCHEDULES),
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // What waits by the machine's clock, such as the renewal of a claim, only has to be able to wait.
    runtime.enable_time();
    for seed in seeds {
        let runtime = runtime.build().expect("a runtime");
        let run = AssertUnwindSafe(|| runtime.block_on(test(Rng::with_seed(seed))));
        if let Err(panic) = catch_unwind(run) {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            panic!("SEED={seed}: {text}");
        }
    }
}

/// Lets the tasks of the runtime run, those that the code under test has spawned.
pub(crate) async fn turn() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Tasks that this polls.
pub(crate) struct Schedule {
    pub(crate) rng: Rng,
    tasks: Vec<Task>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Schedule {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, tasks: Vec::new() }
    }

    pub(crate) fn add(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.push(Task { future: Box::pin(task), woken: Arc::new(Woken(AtomicBool::new(true))) });
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Polls one of the woken tasks. Returns `false` if there is none.
    pub(crate) async fn step(&mut self) -> bool {
        let woken = |task: &Task| task.woken.0.load(Ordering::Acquire);
        let ready: Vec<usize> = (0..self.tasks.len()).filter(|at| woken(&self.tasks[*at])).collect();
        let Some(at) = self.rng.choice(ready) else { return false };
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task.woken));
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(self.tasks.swap_remove(at));
        }
        turn().await;
        true
    }

    /// Drops a task in the middle of what it does.
    pub(crate) fn cancel_one(&mut self) {
        if !self.tasks.is_empty() {
            let at = self.rng.usize(..self.tasks.len());
            drop(self.tasks.swap_remove(at));
        }
    }
}
