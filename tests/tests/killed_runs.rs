//! Bulk runs in a process that is killed at ten points, and resumed each time from the last checkpoint that it wrote.
//!
//! `CARDS=100000 cargo test -p workspace-tests --test killed_runs -- --nocapture` runs more.

use std::collections::BTreeMap;

use cmp_simulator::{Chaos, Enrollment, Fault, Operation, Simulator};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncBufReadExt;
use workspace_tests::worker;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bulk-worker");
const KILLS: usize = 10;
const CONCURRENCY: usize = 32;

fn cards() -> usize {
    std::env::var("CARDS").map_or(2_000, |cards| cards.parse().expect("a number"))
}

/// What the caller has stored: a checkpoint, and the outcomes of each card.
struct Record {
    checkpoint: String,
    outcomes: BTreeMap<String, Vec<String>>,
}

impl Record {
    fn new(keys: &[String]) -> Self {
        let start = serde_json::to_string(&cmp::bulk::Checkpoint::default()).expect("a value to store");
        Self { checkpoint: start, outcomes: keys.iter().map(|key| (key.clone(), Vec::new())).collect() }
    }

    /// Stores a line as a transaction does: all of it or nothing.
    fn store(&mut self, line: &str) {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().expect("a whole line").to_owned();
        let (key, outcome) = (part(), part());
        self.checkpoint = part();
        if key != "start" {
            self.outcomes.get_mut(&key).expect("no card is made up").push(outcome);
        }
    }
}

/// Runs `operation` to the end, with ten kills on the way.
async fn run_with_kills(simulator: &Simulator, operation: &str, keys: &[String]) -> Record {
    let mut random = fastrand::Rng::with_seed(2_025);
    let mut record = Record::new(keys);
    for kill in 0..=KILLS {
        let arguments = [operation, &record.checkpoint];
        let started = worker::start(PROGRAM, simulator, &arguments, keys.to_vec());
        let (mut worker, mut output) = started.expect("the worker starts");
        let lives_for = (kill < KILLS).then(|| random.usize(1..keys.len() / (KILLS + 1) * 2));
        let (mut lines, mut line) = (0, String::new());
        while output.read_line(&mut line).await.expect("text") > 0 {
            // A line that the kill cut off was not stored.
            if let Some(line) = line.strip_suffix('\n') {
                record.store(line);
            }
            line.clear();
            lines += 1;
            if Some(lines) == lives_for {
                worker.start_kill().expect("it runs");
            }
        }
        let exit = worker.wait().await.expect("an exit");
        assert_eq!(exit.success(), kill == KILLS, "{exit}");
    }
    record
}

fn assert_one_outcome_each(record: &Record) {
    for (key, outcomes) in &record.outcomes {
        assert_eq!(outcomes, &["done"], "{key}");
    }
}

/// A killed worker has at most so many requests under way, for each kill.
fn most_requests(cards: usize) -> usize {
    cards + KILLS * CONCURRENCY
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_imported_once_each() {
    let count = cards();
    let builder = Simulator::builder().enrollment(Enrollment::Manual).duplicate_detection(true);
    let simulator = builder.start().await.expect("a free port");
    let rows: Vec<String> = (0..count).map(|row| format!("row-{row}")).collect();

    let record = run_with_kills(&simulator, "create", &rows).await;
    assert_one_outcome_each(&record);
    let stored = simulator.cards();
    assert_eq!(stored.len(), count, "no row is stored twice");
    assert!(simulator.count(Operation::CreateCard) <= most_requests(count));
    println!("{count} imported with {} requests", simulator.count(Operation::CreateCard));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_are_provisioned_and_deleted_once_each() {
    let count = cards();
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.expect("a free port");
    let environment = cmp::Environment::custom(simulator.url(), simulator.token_url()).expect("addresses");
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = cmp::Client::builder(environment).service_account(account).build().expect("a client");
    let card = cmp::NewCard::new(
        cmp::Pan::new("5100260000019206").expect("a test card"),
        cmp::Expiry::new(12, 2030).expect("a date"),
    );
    let storing = stream::iter(0..count).map(|_| async { cmp.cards().create(card.clone()).await });
    let storing = storing.buffer_unordered(CONCURRENCY);
    let ids: Vec<String> = storing.map(|stored| stored.expect("stored").id().to_string()).collect().await;
    let faults = [Fault::status(503), Fault::dropped(), Fault::lost_answer(), Fault::status(502).html()];
    simulator.faults().chaos(Chaos::new(0.02).seed(3).faults(faults));

    let record = run_with_kills(&simulator, "provision", &ids).await;
    assert_one_outcome_each(&record);
    assert!(simulator.cards().iter().all(|card| card.network_tokens.len() == 1), "one token a card");
    let provisioning = simulator.count(Operation::ProvisionNetworkToken);

    let record = run_with_kills(&simulator, "delete", &ids).await;
    assert_one_outcome_each(&record);
    assert!(simulator.cards().is_empty());
    let deleting = simulator.count(Operation::DeleteCard);
    println!("{count} provisioned with {provisioning} requests, and deleted with {deleting}");
    // The faults that are retried meet one request in fifty.
    for requests in [provisioning, deleting] {
        assert!(requests <= most_requests(count) + count / 25, "{requests}");
    }
}
