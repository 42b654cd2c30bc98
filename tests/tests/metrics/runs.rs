//! Work of many calls: bulk runs, and waits for a network token.

use std::time::Duration;

use cmp::{CardId, clock::ManualClock};
use cmp_simulator::{Fault, Operation, Simulator, TokenArrival};

use crate::{
    calls::{measured, stored},
    collected::Collected,
};

const ITEMS: &str = "cmp.bulk.items";
const IN_FLIGHT: &str = "cmp.bulk.in_flight";
const WAITS: &str = "cmp.client.network_token.wait.duration";

#[tokio::test]
async fn items_of_a_bulk_run_are_counted_by_outcome_and_in_flight() {
    let (simulator, collected) = (Simulator::start().await.unwrap(), Collected::new());
    let cmp = measured(&simulator, &ManualClock::new(), &collected);
    let unknown = |number| format!("CRDunknown{number}").parse::<CardId>().unwrap();
    let ids = [stored(&simulator).await, unknown(1), stored(&simulator).await];
    let mut run = cmp.bulk().concurrency(1).over(ids).get();
    while run.next().await.is_some() {}
    assert_eq!(
        collected.of(ITEMS),
        ["cmp.operation=get_card error.type=404: 1", "cmp.operation=get_card: 2"]
    );
    assert_eq!(collected.of(IN_FLIGHT), ["cmp.operation=get_card: 0"]);
}

#[tokio::test]
async fn what_a_dropped_run_had_in_flight_is_cancelled() {
    let (simulator, collected) = (Simulator::start().await.unwrap(), Collected::new());
    let cmp = measured(&simulator, &ManualClock::new(), &collected);
    simulator.faults().add(Fault::hang().on(Operation::GetCard));
    let ids = (0..9).map(|number| format!("CRD{number}").parse::<CardId>().unwrap());
    let mut run = cmp.bulk().concurrency(3).over(ids).get();
    tokio::select! {
        _ = run.next() => panic!("it hangs"),
        () = async {
            while simulator.count(Operation::GetCard) < 3 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert_eq!(collected.of(IN_FLIGHT), ["cmp.operation=get_card: 3"]);
    drop(run);
    assert_eq!(collected.of(IN_FLIGHT), ["cmp.operation=get_card: 0"]);
    assert_eq!(collected.of(ITEMS), ["cmp.operation=get_card error.type=cancelled: 3"]);
}

#[tokio::test]
async fn a_wait_is_measured_from_its_start_to_the_usable_token() {
    let simulator = Simulator::builder().token_arrival(TokenArrival::AfterGets(2)).start().await.unwrap();
    let (clock, collected) = (ManualClock::new(), Collected::new());
    let cmp = measured(&simulator, &clock, &collected);
    let id = stored(&simulator).await;
    cmp.network_tokens().wait_for(&id).await.unwrap();
    let slept: Duration = clock.slept().iter().sum();
    assert!(!slept.is_zero());
    assert_eq!(collected.of(WAITS), [format!("cmp.operation=get_card: 1 of {}", slept.as_secs())]);
}

#[tokio::test]
async fn a_wait_that_fails_says_why() {
    let simulator = Simulator::builder().token_arrival(TokenArrival::Held).start().await.unwrap();
    let collected = Collected::new();
    let cmp = measured(&simulator, &ManualClock::new(), &collected);
    let id = stored(&simulator).await;
    cmp.network_tokens().wait_for(&id).deadline(Duration::from_secs(40)).await.unwrap_err();
    cmp.network_tokens().wait_for(&"CRDunknown".parse().unwrap()).await.unwrap_err();
    assert_eq!(
        collected.of(WAITS),
        [
            "cmp.operation=get_card error.type=404: 1 of 0",
            "cmp.operation=get_card error.type=timeout: 1 of 40"
        ]
    );
}
