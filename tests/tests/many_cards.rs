//! A run over many cards: each id comes out once, and memory doesn't depend on their number.

use std::collections::BTreeMap;

use cmp::{Client, Environment, Expiry, NewCard, Pan, ServiceAccount};
use cmp_simulator::{Chaos, Enrollment, Fault, Simulator};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncBufReadExt;
use workspace_tests::worker;

/// A documented sandbox test card whose network token becomes active; many cards can have its number here.
const TEST_PAN: &str = "5100260000019206";

struct Ran {
    provisioned: usize,
    failed: usize,
    most_memory: usize,
}

/// Every tenth id is of no card, so that some fail for good.
async fn run(count: usize) -> Ran {
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.expect("a free port");
    let mut outcomes: BTreeMap<String, Vec<String>> = store(&simulator, count * 9 / 10).await;
    outcomes.extend((0..count / 10).map(|number| (format!("CRDunknown-{number}"), Vec::new())));
    assert_eq!(outcomes.len(), count);
    let faults = [
        Fault::status(503),
        Fault::status(502).html(),
        Fault::status(500),
        Fault::dropped(),
        Fault::dropped().reset(),
        Fault::lost_answer(),
        Fault::cut_body(10),
        Fault::garbage(),
    ];
    simulator.faults().chaos(Chaos::new(0.05).seed(11).faults(faults));

    let ids = outcomes.keys().cloned().collect();
    let started = worker::start(env!("CARGO_BIN_EXE_bulk-worker"), &simulator, &[], ids);
    let (mut worker, output) = started.expect("the worker starts");
    let mut lines = output.lines();
    let mut most_memory = None;
    while let Some(line) = lines.next_line().await.expect("lines") {
        match line.split_once(' ') {
            Some((id, outcome)) => {
                outcomes.get_mut(id).expect("none is made up").push(outcome.to_owned());
            }
            None => most_memory = line.parse().ok(),
        }
    }
    assert!(worker.wait().await.expect("an exit").success());

    for (id, outcomes) in &outcomes {
        let [outcome] = outcomes.as_slice() else { panic!("{id} has {} outcomes", outcomes.len()) };
        assert!(outcome == "failed" || !id.starts_with("CRDunknown"), "{id} has a network token");
    }
    let provisioned = outcomes.values().filter(|outcomes| outcomes[0] == "done").count();
    Ran { provisioned, failed: count - provisioned, most_memory: most_memory.expect("the last line") }
}

async fn store(simulator: &Simulator, count: usize) -> BTreeMap<String, Vec<String>> {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).expect("addresses");
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build().expect("a client");
    let pan = Pan::new(TEST_PAN).expect("a test card");
    let card = NewCard::new(pan, Expiry::new(12, 2030).expect("a date"));
    let stored = stream::iter(0..count)
        .map(|_| async { cmp.cards().create(card.clone()).await.expect("a card that can be stored") });
    stored.buffer_unordered(32).map(|stored| (stored.id().to_string(), Vec::new())).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_faults_every_id_has_one_outcome_and_memory_stays_flat() {
    let (few, many) = (run(3_000).await, run(30_000).await);
    println!("{} and {} octets", few.most_memory, many.most_memory);
    for (ran, unknown) in [(&few, 300), (&many, 3_000)] {
        // A 500 and garbage are not retried: a quarter of the faults, which meet one request in twenty.
        let spoiled = ran.failed - unknown;
        assert!(spoiled > 0 && spoiled < ran.provisioned / 20, "{spoiled}");
    }
    // A list of the ids would take more than 24 octets for each.
    let more = many.most_memory.saturating_sub(few.most_memory);
    assert!(more < 27_000 * 16, "{more} octets more than {} for ten times the ids", few.most_memory);
}
