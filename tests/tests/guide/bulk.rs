use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use cmp::{
    CardChanges, CardId, Client, Cvc, Expiry, NewCard, Pan,
    bulk::BulkRun,
    retry::{RetryBudget, RetryPolicy},
};
use cmp_simulator::{Chaos, Enrollment, Fault, Operation, Simulator};
use futures_util::{Stream, StreamExt, stream};

use crate::support::{ACTIVE, FAR_TOO_LONG, builder, client, learn_to_ask_once};

/// Many cards can have one number, so that a test needs only one.
pub(crate) async fn simulator() -> Simulator {
    Simulator::builder().enrollment(Enrollment::Manual).start().await.expect("a free port")
}

pub(crate) async fn store(cmp: &Client, count: usize) -> Vec<CardId> {
    let pan = Pan::new(ACTIVE).expect("a test card");
    let card = NewCard::new(pan, Expiry::new(12, 2030).expect("a date"));
    let stored = stream::iter(0..count)
        .map(|_| async { cmp.cards().create(card.clone()).await.expect("a card that can be stored") });
    stored.buffer_unordered(16).map(|stored| stored.id().clone()).collect().await
}

pub(crate) fn unknown(count: usize) -> impl Iterator<Item = CardId> {
    (0..count).map(|number| format!("CRDunknown-{number}").parse().expect("an id"))
}

#[tokio::test]
async fn each_operation_reaches_each_card() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 20).await;

    let mut provisioned = cmp.bulk().over(ids.clone()).provision();
    while let Some((_, outcome)) = provisioned.next().await {
        assert!(outcome.unwrap().network_token().is_usable());
    }
    let renewed = Expiry::new(1, 2035).unwrap();
    let changes = ids.iter().map(|id| (id.clone(), CardChanges::new().expiry(renewed)));
    let mut updated = cmp.bulk().over(changes).update();
    while let Some((id, outcome)) = updated.next().await {
        assert_eq!((&outcome.as_ref().unwrap().id, outcome.as_ref().unwrap().expiry), (&id, Some(renewed)));
    }
    let mut read = cmp.bulk().over(ids.clone()).get();
    while let Some((_, outcome)) = read.next().await {
        assert!(outcome.unwrap().network_token().is_ok());
    }
    let mut deleted = cmp.bulk().over(ids).delete();
    while let Some((_, outcome)) = deleted.next().await {
        outcome.unwrap();
    }
    assert_eq!(deleted.progress().succeeded, 20);
    assert!(simulator.cards().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_faults_every_id_has_one_outcome() {
    const CARDS: usize = 2_000;
    let simulator = simulator().await;
    let quick = RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(4));
    let cmp = builder(&simulator).retry(quick).build().unwrap();
    // Every tenth id is of no card, so that failures are told apart from one another.
    let ids: BTreeSet<_> = store(&cmp, CARDS * 9 / 10).await.into_iter().chain(unknown(CARDS / 10)).collect();
    assert_eq!(ids.len(), CARDS);
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

    let mut outcomes: BTreeMap<CardId, usize> = BTreeMap::new();
    let mut run = cmp.bulk().concurrency(32).over(ids.clone()).provision();
    while let Some((id, outcome)) = run.next().await {
        if outcome.is_ok() {
            assert!(!id.as_str().starts_with("CRDunknown"));
        }
        *outcomes.entry(id).or_default() += 1;
    }
    assert!(outcomes.values().all(|count| *count == 1), "none is doubled");
    assert!(outcomes.keys().eq(ids.iter()), "none is lost, none is made up");

    let progress = run.progress();
    assert_eq!((progress.finished(), progress.in_flight()), (CARDS as u64, 0));
    // A 500 and garbage are not retried: 2 of 8 faults, at 5 %. What else fails is of no card.
    let spoiled = progress.failed - (CARDS / 10) as u64;
    assert!((4..80).contains(&spoiled), "{spoiled}");
}

#[tokio::test]
async fn ids_are_pulled_only_as_there_is_room() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let pulled = Rc::new(Cell::new(0_u64));
    let counter = Rc::clone(&pulled);
    let endless = (0_u64..).map(move |number| {
        counter.set(number + 1);
        format!("CRDunknown-{number}").parse::<CardId>().unwrap()
    });
    let mut run = cmp.bulk().concurrency(3).over(endless).get();
    for finished in 1..=30 {
        let (_, outcome) = run.next().await.unwrap();
        assert!(outcome.unwrap_err().is_not_found());
        assert!(pulled.get() < finished + 3, "{} pulled for {finished} outcomes", pulled.get());
        assert!(run.progress().in_flight() <= 2);
    }
}

#[tokio::test]
async fn a_stopped_run_finishes_what_it_started_and_can_be_resumed() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids: BTreeSet<_> = store(&cmp, 50).await.into_iter().collect();
    let mut seen = Vec::new();

    let mut run = cmp.bulk().concurrency(4).over(ids.clone()).delete();
    let handle = run.handle();
    while let Some((id, outcome)) = run.next().await {
        outcome.unwrap();
        seen.push(id);
        if seen.len() == 10 {
            handle.stop();
        }
    }
    assert!(handle.is_stopped() && run.progress().in_flight() == 0);
    assert!((10..=13).contains(&seen.len()), "{}", seen.len());

    let remaining = run.into_remaining();
    assert_eq!(remaining.unfinished().count(), 0);
    let mut resumed = cmp.bulk().resume(remaining).delete();
    while let Some((id, outcome)) = resumed.next().await {
        outcome.unwrap();
        seen.push(id);
    }
    assert_eq!(seen.len(), 50, "none is done twice");
    assert!(seen.into_iter().collect::<BTreeSet<_>>() == ids);
}

/// Polls a run whose calls all hang, until `done`.
pub(crate) async fn drive<S, T>(run: &mut BulkRun<S, T>, done: impl Fn() -> bool)
where
    S: Stream<Item = CardId>,
    T: std::fmt::Debug + 'static,
{
    while !done() {
        tokio::select! {
            biased;
            result = run.next() => panic!("{result:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn a_card_that_the_stopped_run_deleted_is_no_failure_of_the_resumed_one() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 5).await;
    simulator.faults().add(Fault::hang().effect_applied().on(Operation::DeleteCard).times(3));

    let mut run = cmp.bulk().concurrency(3).over(ids.into_iter().chain(unknown(1))).delete();
    drive(&mut run, || simulator.cards().len() == 2).await;
    simulator.faults().add(Fault::hang().on(Operation::GetCard).times(3));
    let mut looked_at = cmp.bulk().concurrency(3).resume(run.into_remaining()).get();
    drive(&mut looked_at, || simulator.count(Operation::GetCard) == 3).await;
    let mut run = cmp.bulk().resume(looked_at.into_remaining()).delete();
    // Stopped and resumed before anything was polled: one type, so that this can be a loop.
    for _ in 0..2 {
        run = cmp.bulk().resume(run.into_remaining()).delete();
    }
    let mut failed = Vec::new();
    while let Some((id, outcome)) = run.next().await {
        if let Err(error) = outcome {
            assert!(error.is_not_found(), "{error}");
            failed.push(id);
        }
    }
    assert_eq!(failed, unknown(1).collect::<Vec<_>>(), "only what no run began to delete");
    assert_eq!(run.progress().finished(), 6);
    assert!(simulator.cards().is_empty());
}

#[tokio::test]
async fn a_card_that_was_only_read_and_is_not_there_is_a_failure() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    simulator.faults().add(Fault::hang().on(Operation::GetCard));
    let mut read = cmp.bulk().concurrency(1).over(unknown(1)).get();
    drive(&mut read, || simulator.count(Operation::GetCard) == 1).await;
    let remaining = read.into_remaining();
    assert_eq!(remaining.unfinished().count(), 1);
    let (_, outcome) = cmp.bulk().resume(remaining).delete().next().await.unwrap();
    assert!(outcome.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_was_in_flight_is_among_what_remains() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    learn_to_ask_once(&simulator, &cmp).await;
    let ids = store(&cmp, 6).await;
    simulator.faults().add(Fault::hang().on(Operation::GetCard).after(1));
    let mut run = cmp.bulk().concurrency(3).over(ids.clone()).get();
    let (done, outcome) = run.next().await.unwrap();
    outcome.unwrap();
    // Whatever is in flight hangs; this fills the free place.
    tokio::select! {
        biased;
        result = run.next() => panic!("{result:?}"),
        () = std::future::ready(()) => {}
    }
    let remaining = run.into_remaining();
    assert_eq!(remaining.unfinished().count(), 3);
    let remaining: Vec<_> = remaining.collect().await;
    let expected: Vec<_> = ids.into_iter().filter(|id| *id != done).collect();
    assert_eq!(remaining, expected, "in order, and all but the one that is done");
}

#[tokio::test]
async fn stop_wakes_a_run_that_waits_for_ids() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let mut run = cmp.bulk().over_stream(stream::pending::<CardId>()).get();
    let handle = run.handle();
    let ended = tokio::spawn(async move { run.next().await.is_none() });
    tokio::task::yield_now().await;
    handle.stop();
    let ended = tokio::time::timeout(FAR_TOO_LONG, ended).await.expect("the run was not woken");
    assert!(ended.unwrap());
}

#[tokio::test]
async fn all_calls_share_one_retry_budget() {
    let simulator = simulator().await;
    simulator.faults().add(Fault::status(503).on(Operation::GetCard));
    let quick = RetryPolicy::default().backoff(Duration::ZERO, Duration::ZERO);
    let cmp = builder(&simulator).retry(quick).retry_budget(RetryBudget::new(50)).build().unwrap();
    let mut run = cmp.bulk().over(unknown(200)).get();
    while let Some((_, outcome)) = run.next().await {
        assert_eq!(outcome.unwrap_err().status(), Some(503));
    }
    assert_eq!(simulator.count(Operation::GetCard), 200 + 10, "50 tokens are ten retries");
}

#[tokio::test]
async fn an_update_that_says_nothing_fails_alone() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let ids = store(&cmp, 2).await;
    let changes = [CardChanges::new(), CardChanges::new().cvc(Cvc::new("321").unwrap())];
    let mut run = cmp.bulk().over(ids.clone().into_iter().zip(changes)).update();
    let mut outcomes = BTreeMap::new();
    while let Some((id, outcome)) = run.next().await {
        outcomes.insert(id, outcome.is_ok());
    }
    assert_eq!(outcomes, BTreeMap::from([(ids[0].clone(), false), (ids[1].clone(), true)]));
}

#[tokio::test]
async fn a_run_that_is_gone_has_nothing_in_flight() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    simulator.faults().add(Fault::hang().on(Operation::GetCard));
    for is_dropped in [true, false] {
        simulator.forget_requests();
        let mut run = cmp.bulk().concurrency(3).over(unknown(5)).get();
        let handle = run.handle();
        drive(&mut run, || simulator.count(Operation::GetCard) == 3).await;
        assert_eq!((handle.progress().in_flight(), handle.progress().cancelled), (3, 0));
        if is_dropped {
            drop(run);
        } else {
            assert_eq!(run.into_remaining().count().await, 5);
        }
        let progress = handle.progress();
        assert_eq!((progress.started, progress.finished(), progress.cancelled), (3, 0, 3));
        assert_eq!(progress.in_flight(), 0);
    }
}

#[tokio::test]
async fn any_concurrency_can_be_asked_for() {
    let simulator = simulator().await;
    let cmp = client(&simulator);
    let mut run = cmp.bulk().concurrency(usize::MAX).over(unknown(2)).total(u64::MAX).delete();
    drop(run.checkpoint());
    while run.next().await.is_some() {
        let progress = run.progress();
        drop((run.checkpoint(), progress.remaining_time()));
    }
    let stored = serde_json::to_string(&run.checkpoint()).expect("JSON");
    let checkpoint = serde_json::from_str(&stored).expect("what was stored can be read");
    let run = cmp.bulk().concurrency(0).over(unknown(2)).delete();
    let mut run = run.resume_from(checkpoint).await.expect("the same source");
    assert!(run.next().await.is_none());
}
