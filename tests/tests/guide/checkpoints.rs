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

    let again = cmp.bulk().over(ids).resume_from(stored(&run.checkpoint())).get().next().await;
    assert!(again.is_none(), "all is done");
}

/// Ends a run after a number of outcomes that `random` gives, again and again, and counts each card's outcomes.
async fn crash_and_resume(cmp: &Client, ids: &[CardId], acknowledge: bool) -> BTreeMap<CardId, usize> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut outcomes = BTreeMap::new();
    let mut last = Checkpoint::default();
    loop {
        let source = stream::iter(ids.to_vec());
        let mut run = cmp.bulk().concurrency(8).over_stream(source).resume_from(stored(&last)).provision();
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
    let mut run = cmp.bulk().concurrency(3).over(ids.clone()).resume_from(at_start.clone()).delete();
    drive(&mut run, || simulator.cards().len() == 2).await;
    let in_between = stored(&run.checkpoint());
    assert_eq!(in_between.unfinished().count(), 3);
    drop(run);

    for checkpoint in [at_start, in_between] {
        let mut run = cmp.bulk().over(ids.clone()).resume_from(checkpoint).delete();
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
    let mut run = cmp.bulk().over(ids).resume_from(checkpoint).delete();
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
    let mut run = cmp.bulk().over(ids.clone()).resume_from(checkpoint).delete();
    let mut failed = BTreeSet::new();
    while let Some((id, outcome)) = run.next().await {
        if outcome.is_err() {
            failed.insert(id);
        }
    }
    assert_eq!(failed, ids[1_010..].iter().cloned().collect());
}

/// The one failure of a run that may not start, and what the run leaves behind.
async fn refused<S: Stream<Item = CardId>, T: std::fmt::Debug + 'static>(
    mut run: BulkRun<S, T>,
) -> (CardId, String, Checkpoint) {
    let (id, outcome) = run.next().await.expect("an outcome");
    let error = outcome.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    while let Some((_, outcome)) = run.next().await {
        outcome.expect("only what was in flight");
    }
    assert!(run.handle().is_stopped());
    (id, error.to_string(), run.checkpoint())
}

#[tokio::test]
async fn a_checkpoint_of_another_operation_or_source_is_refused() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 10).await;
    let mut run = cmp.bulk().concurrency(1).over(ids.clone()).get();
    for _ in 0..6 {
        run.next().await.unwrap().1.unwrap();
    }
    run.acknowledge();
    let checkpoint = stored(&run.checkpoint());
    simulator.forget_requests();
    let resumed =
        |ids: &[CardId]| cmp.bulk().concurrency(1).over(ids.to_vec()).resume_from(checkpoint.clone());

    let (id, message, after) = refused(resumed(&ids).delete()).await;
    assert!(message.contains("is of a run of get_card, and this is a run of delete_card"), "{message}");
    assert_eq!(id, ids[0]);
    assert_eq!(after.acknowledged(), 6);

    let (mut swapped, mut without_one) = (ids.clone(), ids.clone());
    swapped.swap(1, 2);
    without_one.remove(3);
    for source in [&swapped[..], &without_one[..], &ids[..4]] {
        let (_, message, after) = refused(resumed(source).get()).await;
        assert!(message.contains("does not yield the items that it yielded before"), "{message}");
        assert_eq!(after, checkpoint, "it can be resumed with the right source");
    }
    assert_eq!(simulator.requests().len(), 0, "nothing is sent");
    assert_eq!(resumed(&ids).get().collect::<Vec<_>>().await.len(), 4);
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
    let wrong = ids[1..].to_vec();
    let (id, _, after) =
        refused(cmp.bulk().concurrency(1).over(wrong).resume_from(checkpoint.clone()).delete()).await;
    assert_eq!((&id, after), (&ids[1], checkpoint));
    assert_eq!(simulator.cards().len(), 3, "nothing was deleted");
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
    let rest = cmp.bulk().over(ids).resume_from(checkpoint).get().collect::<Vec<_>>().await;
    assert_eq!(rest.len(), 3);
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
    let mut run = cmp.bulk().over(changes()).resume_from(checkpoint).update();
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
    let mut run = cmp.bulk().concurrency(2).over(new_cards(4)).resume_from(checkpoint).create();
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
        // A missing operation is as null: no run has begun.
        assert_eq!(read(&without).is_ok(), member == "operation", "{member}");
    }
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
    let resumed = cmp.bulk().over(unknown(100)).resume_from(checkpoint.clone()).get();
    assert_eq!(resumed.progress().total, Some(10));
    let unsized_source = stream::iter(unknown(100)).filter(|_| std::future::ready(true));
    let resumed = cmp.bulk().over_stream(unsized_source).resume_from(checkpoint);
    assert_eq!(resumed.total(10).get().progress().total, Some(10));
}
