//! Runs that end like a crash, and go on from their last stored checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cmp::{
    CardChanges, CardId, Client, ErrorKind, Expiry, NewCard, Pan, Stored,
    bulk::{BulkRun, Checkpoint},
    clock::ManualClock,
};
use cmp_simulator::{Enrollment, Fault, Operation, Simulator};
use futures_util::{FutureExt, Stream, StreamExt, stream};

use crate::{
    bulk::{drive, simulator, store, unknown},
    support::{ACTIVE, builder, client},
};

/// What a crash leaves: the text of the last stored checkpoint.
fn stored(checkpoint: &Checkpoint) -> Checkpoint {
    let text = serde_json::to_string(checkpoint).expect("a value to store");
    serde_json::from_str(&text).expect("what was stored")
}

#[tokio::test]
async fn an_outcome_counts_once_it_is_acknowledged_or_the_next_one_is_asked_for() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 3).await;
    let mut run = cmp.bulk().concurrency(1).over(ids.clone()).get();
    assert_eq!(run.checkpoint().acknowledged(), 0);
    let (first, _) = run.next().await.unwrap();
    let at_risk = run.checkpoint();
    assert_eq!((at_risk.acknowledged(), at_risk.unfinished().collect::<Vec<_>>()), (0, vec![&first]));
    run.acknowledge();
    assert_eq!((run.checkpoint().acknowledged(), run.checkpoint().unfinished().count()), (1, 0));
    let (second, _) = run.next().await.unwrap();
    assert_eq!(run.checkpoint().unfinished().collect::<Vec<_>>(), [&second]);
    let _outcome = run.next().await.unwrap();
    assert_eq!(run.checkpoint().acknowledged(), 2);
    assert!(run.next().await.is_none());
    assert_eq!((run.checkpoint().acknowledged(), run.checkpoint().finished()), (3, 3));

    let mut again = cmp.bulk().over(ids).get().resume_from(stored(&run.checkpoint())).await.unwrap();
    assert!(again.next().await.is_none(), "all is done");
}

/// Ends a run after a number of outcomes that `random` gives, again and again, and counts each card's outcomes.
async fn crash_and_resume(cmp: &Client, ids: &[CardId], acknowledge: bool) -> BTreeMap<CardId, usize> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut outcomes = BTreeMap::new();
    let mut last = Checkpoint::default();
    loop {
        let source = stream::iter(ids.to_vec());
        let run = cmp.bulk().concurrency(8).over_stream(source).provision();
        let mut run = run.resume_from(stored(&last)).await.expect("the same source");
        for _ in 0..random.usize(1..30) {
            let Some((id, outcome)) = run.next().await else { return outcomes };
            outcome.expect("a card that can have a token");
            if acknowledge {
                run.acknowledge();
            }
            *outcomes.entry(id).or_default() += 1;
            last = run.checkpoint();
            assert!(last.unfinished().count() <= 9, "no more than the concurrency and the last outcome");
        }
    }
}

#[tokio::test]
async fn with_outcome_and_checkpoint_in_one_transaction_each_card_has_one_outcome() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 200).await;
    let outcomes = crash_and_resume(&cmp, &ids, true).await;
    assert_eq!(outcomes, ids.iter().map(|id| (id.clone(), 1)).collect());
}

#[tokio::test]
async fn without_acknowledging_no_card_is_without_outcome() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 200).await;
    let outcomes = crash_and_resume(&cmp, &ids, false).await;
    assert!(outcomes.keys().eq(&ids.into_iter().collect::<BTreeSet<_>>()));
    assert!(outcomes.values().sum::<usize>() > 200, "a crash between outcome and checkpoint gives two");
}

#[tokio::test]
async fn a_deletion_that_the_crashed_run_began_is_no_failure() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 5).await;
    let before = cmp.bulk().concurrency(3).over(ids.clone()).delete();
    let at_start = stored(&before.checkpoint());
    simulator.faults().add(Fault::hang().effect_applied().on(Operation::DeleteCard).times(3));
    let run = cmp.bulk().concurrency(3).over(ids.clone()).delete();
    let mut run = run.resume_from(at_start.clone()).await.unwrap();
    drive(&mut run, || simulator.cards().len() == 2).await;
    let in_between = stored(&run.checkpoint());
    assert_eq!(in_between.unfinished().count(), 3);
    drop(run);

    for checkpoint in [at_start, in_between] {
        let mut run = cmp.bulk().over(ids.clone()).delete().resume_from(checkpoint).await.unwrap();
        while let Some((id, outcome)) = run.next().await {
            outcome.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        assert_eq!(run.progress().succeeded, 5);
    }
    assert!(simulator.cards().is_empty());
    let (_, outcome) = cmp.bulk().over(ids).delete().next().await.unwrap();
    assert!(outcome.unwrap_err().is_not_found(), "a new run knows of no deletion");
}

#[tokio::test]
async fn a_deletion_that_begins_after_the_checkpoint_is_no_failure_either() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 3).await;
    simulator.faults().add(Fault::hang().on(Operation::GetCard).times(3));
    let mut read = cmp.bulk().concurrency(3).over(ids.clone()).get();
    drive(&mut read, || simulator.count(Operation::GetCard) == 3).await;
    let mut run = cmp.bulk().concurrency(1).resume(read.into_remaining()).delete();
    // All three wait in the run, and none has begun.
    let checkpoint = stored(&run.checkpoint());
    while let Some((_, outcome)) = run.next().await {
        outcome.unwrap();
    }
    let mut run = cmp.bulk().over(ids).delete().resume_from(checkpoint).await.unwrap();
    while let Some((id, outcome)) = run.next().await {
        outcome.unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    assert_eq!(run.progress().succeeded, 3);
}

#[tokio::test]
async fn a_card_that_no_run_can_have_begun_to_delete_and_is_not_there_is_a_failure() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids: Vec<_> = unknown(1_020).collect();
    let checkpoint = stored(&cmp.bulk().concurrency(10).over(ids.clone()).delete().checkpoint());
    let mut run = cmp.bulk().over(ids.clone()).delete().resume_from(checkpoint).await.unwrap();
    let mut failed = BTreeSet::new();
    while let Some((id, outcome)) = run.next().await {
        if outcome.is_err() {
            failed.insert(id);
        }
    }
    assert_eq!(failed, ids[1_010..].iter().cloned().collect());
}

/// The message of a run that may not go on from this checkpoint.
async fn refused<S: Stream, T, K>(run: BulkRun<S, T, K>, checkpoint: &Checkpoint) -> String {
    let error = run.resume_from(checkpoint.clone()).await.expect_err("a refusal");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    assert!(error.operation().is_some());
    error.to_string()
}

/// The checkpoint after six of these cards. The second is the only one of the six without an outcome.
async fn after_six(cmp: &Client, ids: &[CardId]) -> Checkpoint {
    let mut run = cmp.bulk().concurrency(1).over(ids.to_vec()).get();
    for number in 0..6 {
        run.next().await.expect("an outcome").1.expect("a card that is stored");
        if number == 1 {
            run.leave_unfinished();
        }
    }
    run.acknowledge();
    stored(&run.checkpoint())
}

#[tokio::test]
async fn a_checkpoint_of_another_operation_is_refused() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 10).await;
    let checkpoint = after_six(&cmp, &ids).await;
    simulator.forget_requests();
    let over = || cmp.bulk().over(ids.clone());
    let changes = ids.iter().map(|id| (id.clone(), CardChanges::new()));
    for (name, message) in [
        ("delete_card", refused(over().delete(), &checkpoint).await),
        ("provision_network_token", refused(over().provision(), &checkpoint).await),
        ("subscribe_to_card_updates", refused(over().subscribe(), &checkpoint).await),
        ("unsubscribe_from_card_updates", refused(over().unsubscribe(), &checkpoint).await),
        ("update_card", refused(cmp.bulk().over(changes).update(), &checkpoint).await),
        ("create_card", refused(cmp.bulk().over(new_cards(10)).create(), &checkpoint).await),
    ] {
        let expected = format!("the checkpoint is of a run of get_card, and this is a run of {name}");
        assert!(message.contains(&expected), "{message}");
    }
    assert_eq!(simulator.requests().len(), 0, "nothing is sent");
}

#[tokio::test]
async fn a_source_that_does_not_yield_what_it_yielded_before_is_refused() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 10).await;
    let checkpoint = after_six(&cmp, &ids).await;
    simulator.forget_requests();

    let (mut swapped, mut without_one) = (ids.clone(), ids.clone());
    swapped.swap(2, 3);
    without_one.remove(3);
    // Without the items that are done, only the unfinished one is left.
    let unfinished_alone = [ids[1].clone()];
    for (source, expected) in [
        (&swapped[..], "does not yield the items"),
        (&without_one[..], "does not yield the items"),
        (&ids[1..], "does not yield the items"),
        (&unfinished_alone[..], "fewer items"),
        (&ids[..5], "fewer items"),
        (&ids[..2], "fewer items"),
        (&ids[..0], "fewer items"),
    ] {
        let run = cmp.bulk().concurrency(1).over(source.to_vec()).get();
        let message = refused(run, &checkpoint).await;
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(simulator.requests().len(), 0, "nothing is sent");
    let run = cmp.bulk().concurrency(1).over(ids).get().resume_from(checkpoint).await.unwrap();
    assert_eq!(run.progress().total, Some(5));
    assert_eq!(run.collect::<Vec<_>>().await.len(), 5);
}

#[tokio::test]
async fn an_import_whose_source_shrank_is_refused() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let mut run = cmp.bulk().concurrency(1).over(new_cards(4)).create();
    for _ in 0..3 {
        run.next().await.unwrap().1.unwrap();
    }
    run.acknowledge();
    let checkpoint = stored(&run.checkpoint());
    for count in 0..3 {
        let message = refused(cmp.bulk().over(new_cards(count)).create(), &checkpoint).await;
        assert!(message.contains("fewer items"), "{message}");
    }
    assert!(cmp.bulk().over(new_cards(3)).create().resume_from(checkpoint).await.is_ok());
}

#[tokio::test]
async fn another_card_in_the_place_of_an_unfinished_one_is_refused() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 4).await;
    let mut run = cmp.bulk().concurrency(1).over(ids.clone()).delete();
    run.next().await.unwrap().1.unwrap();
    let checkpoint = stored(&run.checkpoint());
    drop(run);
    let message = refused(cmp.bulk().over(ids[1..].to_vec()).delete(), &checkpoint).await;
    assert!(message.contains("does not yield the items"), "{message}");
    assert_eq!(simulator.cards().len(), 3, "nothing was deleted");
}

#[tokio::test]
async fn a_run_that_has_begun_does_not_resume_from_a_checkpoint() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 3).await;
    let mut run = cmp.bulk().concurrency(1).over(ids.clone()).get();
    run.next().await.unwrap().1.unwrap();
    let checkpoint = run.checkpoint();
    let remaining = run.into_remaining();
    let message = refused(cmp.bulk().resume(remaining).get(), &checkpoint).await;
    assert!(message.contains("before the run starts"), "{message}");
}

#[tokio::test]
async fn an_item_that_is_left_unfinished_is_made_again() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 10).await;
    let checkpoint = after_six(&cmp, &ids).await;
    assert_eq!((checkpoint.finished(), checkpoint.acknowledged()), (5, 1));
    assert_eq!(checkpoint.unfinished().collect::<Vec<_>>(), [&ids[1]]);
    let run = cmp.bulk().concurrency(1).over(ids.clone()).get();
    let mut run = run.resume_from(checkpoint).await.unwrap();
    let mut made = Vec::new();
    while let Some((id, outcome)) = run.next().await {
        outcome.unwrap();
        made.push(id);
        if made.len() == 1 {
            run.leave_unfinished();
            run.acknowledge();
        }
    }
    assert_eq!(made, [&ids[1..2], &ids[6..]].concat());
    assert_eq!(run.checkpoint().unfinished().collect::<Vec<_>>(), [&ids[1]], "left a second time");
    // In the same process, too.
    let rest = cmp.bulk().resume(run.into_remaining()).get().collect::<Vec<_>>().await;
    assert_eq!(rest.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ids[1..2]);
}

#[tokio::test]
async fn a_source_with_many_items_to_skip_lets_other_tasks_run() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let checkpoint = serde_json::json!({
        "version": 1, "operation": "create_card", "taken": 5_000, "checksum": "cbf29ce484222325",
        "unfinished": [], "deletions_below": 0,
    });
    let checkpoint = serde_json::from_value(checkpoint).unwrap();
    let mut resuming = std::pin::pin!(cmp.bulk().over(new_cards(5_000)).create().resume_from(checkpoint));
    let mut turns = 0;
    while resuming.as_mut().now_or_never().is_none() {
        turns += 1;
    }
    assert_eq!(turns, 4);
}

#[tokio::test]
async fn a_run_resumed_in_the_same_process_counts_on_in_its_source() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 6).await;
    let mut run = cmp.bulk().concurrency(2).over(ids.clone()).get();
    for _ in 0..2 {
        let _outcome = run.next().await.unwrap();
    }
    let mut run = cmp.bulk().concurrency(2).resume(run.into_remaining()).get();
    let _outcome = run.next().await.unwrap();
    run.acknowledge();
    let checkpoint = stored(&run.checkpoint());
    assert_eq!(checkpoint.finished(), 3);
    let run = cmp.bulk().over(ids).get().resume_from(checkpoint).await.unwrap();
    assert_eq!(run.collect::<Vec<_>>().await.len(), 3);
}

#[tokio::test]
async fn changes_go_on_where_they_stopped() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 5).await;
    let changes = || {
        let months = (1..).map(|month| CardChanges::new().expiry(Expiry::new(month, 2035).unwrap()));
        ids.clone().into_iter().zip(months)
    };
    let mut run = cmp.bulk().concurrency(2).over(changes()).update();
    run.next().await.unwrap().1.unwrap();
    let checkpoint = stored(&run.checkpoint());
    drop(run);
    let mut run = cmp.bulk().over(changes()).update().resume_from(checkpoint).await.unwrap();
    while let Some((id, outcome)) = run.next().await {
        let month = 1 + ids.iter().position(|known| *known == id).unwrap() as u8;
        assert_eq!(outcome.unwrap().expiry, Some(Expiry::new(month, 2035).unwrap()));
    }
    assert_eq!(run.progress().succeeded, 5, "the first outcome was not acknowledged");
}

fn new_cards(count: usize) -> impl Iterator<Item = (usize, NewCard)> {
    let card = NewCard::new(Pan::new(ACTIVE).expect("a test card"), Expiry::new(12, 2030).expect("a date"));
    (0..count).map(move |row| (row, card.clone().meta("row", row.to_string())))
}

/// Creates four cards. The run ends when the simulator has stored two whose answers did not come.
async fn crashed_import(simulator: &Simulator) -> (Vec<(usize, Stored)>, String) {
    let cmp = client(simulator);
    simulator.faults().add(Fault::hang().effect_applied().on(Operation::CreateCard).times(2));
    let mut run = cmp.bulk().concurrency(2).over(new_cards(4)).create();
    let before = simulator.cards().len();
    let wanted = |stored| simulator.count(Operation::CreateCard) == 2 && stored > before;
    while !wanted(simulator.cards().len()) {
        assert!(run.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let text = serde_json::to_string(&run.checkpoint()).expect("a value to store");
    drop(run);
    let checkpoint = serde_json::from_str(&text).expect("what was stored");
    let run = cmp.bulk().concurrency(2).over(new_cards(4)).create();
    let mut run = run.resume_from(checkpoint).await.expect("the same rows");
    let mut outcomes = Vec::new();
    while let Some((row, outcome)) = run.next().await {
        outcomes.push((row, outcome.expect("a card that can be stored")));
    }
    outcomes.sort_by_key(|(row, _)| *row);
    (outcomes, text)
}

#[tokio::test]
async fn an_import_resumed_after_a_crash_gets_the_cards_that_exist() {
    let builder = Simulator::builder().duplicate_detection(true);
    let simulator = builder.start().await.expect("a free port");
    let (outcomes, text) = crashed_import(&simulator).await;
    assert_eq!(outcomes.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(outcomes.iter().all(|(_, stored)| !stored.is_created()), "one number, so one card");
    assert_eq!(simulator.cards().len(), 1);
    assert!(!text.contains("9206") && !text.contains("row"), "{text}");
}

#[tokio::test]
async fn where_duplicates_are_not_detected_a_resumed_import_stores_what_was_in_flight_again() {
    let simulator = simulator().await;
    let (outcomes, _) = crashed_import(&simulator).await;
    assert_eq!(outcomes.len(), 4);
    assert!(outcomes.iter().all(|(_, stored)| stored.is_created()));
    assert_eq!(simulator.cards().len(), 6, "two more than rows, as the documentation says");
}

#[tokio::test]
async fn what_is_stored_is_written_down() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    simulator.faults().add(Fault::hang().on(Operation::DeleteCard));
    let mut run = cmp.bulk().concurrency(1).over(unknown(3)).delete();
    drive(&mut run, || simulator.count(Operation::DeleteCard) == 1).await;
    let text = serde_json::to_string(&run.checkpoint()).unwrap();
    let expected = r#"{"version":1,"operation":"delete_card","taken":1,"checksum":"CHECKSUM","unfinished":[{"position":0,"id":"CRDunknown-0","deletion_begun":true}],"deletions_below":1002}"#;
    let checksum = serde_json::from_str::<serde_json::Value>(&text).unwrap()["checksum"].clone();
    assert_eq!(text, expected.replace("CHECKSUM", checksum.as_str().unwrap()));
}

#[test]
fn what_no_run_of_this_version_stored_is_an_error() {
    let good = serde_json::json!({
        "version": 1, "operation": "get_card", "taken": 2, "checksum": "0000000000000001",
        "unfinished": [{"position": 1, "id": "CRD1", "deletion_begun": false}], "deletions_below": 0,
    });
    let read = |value: &serde_json::Value| serde_json::from_value::<Checkpoint>(value.clone());
    assert_eq!(read(&good).unwrap().acknowledged(), 1);
    let with = |member: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[member] = value;
        read(&changed).unwrap_err().to_string()
    };
    use serde_json::json;
    assert!(with("version", json!(2)).contains("has version 2"));
    assert!(with("version", json!("1")).contains("not one that a run returned"));
    assert!(with("later", json!(true)).contains("other members"));
    assert!(with("checksum", json!("1")).contains("other members"));
    assert!(with("operation", json!("burn_card")).contains("does not know"));
    let at = |position: u64| json!({"position": position, "id": null, "deletion_begun": false});
    assert!(with("unfinished", json!([at(2)])).contains("not one that a run returned"));
    assert!(with("unfinished", json!([at(1), at(1)])).contains("not one that a run returned"));
    for secret in ["operation", "taken", "unfinished"] {
        let message = with(secret, json!("4111111111111111"));
        assert!(!message.contains("4111"), "{message}");
    }
    for member in ["version", "operation", "taken", "checksum", "unfinished", "deletions_below"] {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(member);
        assert!(read(&without).is_err(), "{member}");
    }
    assert!(with("operation", json!(null)).contains("not one that a run returned"), "of any operation");
    for other in ["null", "[]", "7", "\"4111111111111111\""] {
        let error = serde_json::from_str::<Checkpoint>(other).unwrap_err().to_string();
        assert!(error.contains("checkpoint") && !error.contains("4111"), "{other}: {error}");
    }
}

#[tokio::test]
async fn progress_has_a_rate_and_the_time_that_is_left() {
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.expect("a free port");
    let clock = ManualClock::new();
    let cmp = builder(&simulator).clock(clock.clone()).build().unwrap();
    let mut run = cmp.bulk().concurrency(1).over(unknown(100)).get();
    assert_eq!((run.progress().total, run.progress().remaining_time()), (Some(100), None));
    for _ in 0..20 {
        clock.advance(Duration::from_millis(500));
        let _outcome = run.next().await.unwrap();
    }
    let progress = run.progress();
    assert!((progress.per_second - 2.0).abs() < 0.01, "{progress:?}");
    assert_eq!(progress.remaining_time().unwrap().as_secs(), 40);
    // The rate of long ago counts no more.
    for _ in 0..70 {
        clock.advance(Duration::from_secs(2));
        let _outcome = run.next().await.unwrap();
    }
    let progress = run.progress();
    assert!((progress.per_second - 0.5).abs() < 0.02, "{progress:?}");
    assert_eq!(progress.remaining_time().unwrap().as_secs(), 20);
    run.acknowledge();
    let checkpoint = run.checkpoint();
    let resumed = cmp.bulk().over(unknown(100)).get().resume_from(checkpoint.clone()).await.unwrap();
    assert_eq!(resumed.progress().total, Some(10));
    let unsized_source = stream::iter(unknown(100)).filter(|_| std::future::ready(true));
    let run = cmp.bulk().over_stream(unsized_source).total(10).get();
    assert_eq!(run.resume_from(checkpoint).await.unwrap().progress().total, Some(10));
}
