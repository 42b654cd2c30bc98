//! When a request is sent again, and when not.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use cmp::{
    CardChanges, Delivery, ErrorKind, Expiry, ServiceAccount,
    auth::{AccessToken, AccessTokenFuture, AccessTokenProvider},
    clock::{Clock, ManualClock, Tick},
    error::StopReason,
    operation::{Operation, RetryClass},
    retry::{Pace, RetryBudget, RetryPolicy},
};
use cmp_simulator::{Fault, Operation as Simulated, Protocol, Simulator};

use crate::{
    script::{Act, Script, answer, with_header},
    support::{JSON_API, builder, card_id, new_card, simulated, simulated_builder},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn retry_after_is_waited_for() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).retry_after(2).on(Simulated::CreateCard).times(1));
    let clock = ManualClock::new();
    simulated(&simulator, &clock).cards().create(new_card()).await.unwrap();
    assert_eq!(clock.slept(), [2 * SECOND]);
    assert_eq!(simulator.count(Simulated::CreateCard), 2);
}

#[tokio::test]
async fn without_retry_after_the_waits_grow() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).on(Simulated::GetCard).times(3));
    let clock = ManualClock::new();
    let error = simulated(&simulator, &clock).cards().get(&card_id()).await.unwrap_err();
    assert!(error.is_not_found(), "the fourth attempt gets through: {error}");
    assert_eq!(clock.slept(), [SECOND / 4, SECOND / 2, SECOND]);
}

#[tokio::test]
async fn a_server_error_is_never_retried() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let card = card_id();
    let changes = CardChanges::new().expiry(Expiry::new(1, 2031).unwrap());
    cmp.warm_up().await.unwrap();
    simulator.faults().add(Fault::status(500));
    let errors = [
        (Operation::CreateCard, cmp.cards().create(new_card()).await.unwrap_err()),
        (Operation::GetCard, cmp.cards().get(&card).await.unwrap_err()),
        (Operation::UpdateCard, cmp.cards().update(&card, changes).await.unwrap_err()),
        (Operation::DeleteCard, cmp.cards().delete(&card).await.unwrap_err()),
        (Operation::ProvisionNetworkToken, cmp.network_tokens().provision(&card).await.unwrap_err()),
        (Operation::DeleteNetworkToken, cmp.network_tokens().delete(&card).await.unwrap_err()),
        (Operation::RequestCryptogram, cmp.network_tokens().cryptogram(&card).await.unwrap_err()),
    ];
    for (operation, error) in errors {
        assert_eq!((error.operation(), error.status(), error.attempts()), (Some(operation), Some(500), 1));
        assert_eq!(error.stopped_because(), Some(StopReason::NotTransient));
        assert!(!error.is_timeout());
        assert!(format!("{error:?}").contains("kind: Service"), "{error:?}");
        let open = operation.retry_class() != RetryClass::Safe;
        assert_eq!(error.delivery() == Delivery::OutcomeUnknown, open, "{operation}");
        assert_eq!(error.next_step().is_some(), open, "{operation}");
    }
}

#[tokio::test]
async fn a_gateway_error_is_retried_by_class() {
    for status in [502, 504] {
        let simulator = Simulator::start().await.unwrap();
        let cmp = simulated(&simulator, &ManualClock::new());
        let stored = cmp.cards().create(new_card()).await.unwrap();
        let before = simulator.count(Simulated::CreateCard);
        simulator.faults().add(Fault::status(status).html().times(1));
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.attempts(), error.delivery()), (1, Delivery::OutcomeUnknown));
        assert_eq!(error.stopped_because(), Some(StopReason::MayHaveTakenEffect));
        assert!(!error.is_retryable());
        assert_eq!(simulator.count(Simulated::CreateCard), before + 1);
        simulator.faults().add(Fault::status(status).html().times(1));
        cmp.cards().get(stored.id()).await.unwrap();
        simulator.faults().add(Fault::status(status).html().times(1));
        cmp.network_tokens().cryptogram(stored.id()).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_can_not_be_made_sent_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let url = simulator.url().to_owned();
    drop(simulator);
    let clock = ManualClock::new();
    let cmp = builder(&url, &clock).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery(), error.attempts()),
        (ErrorKind::Connection, Delivery::NotSent, 4)
    );
    assert!(error.is_retryable() && error.to_string().contains("refused"), "{error}");
    assert_eq!(clock.slept().len(), 3);
}

#[tokio::test]
async fn the_budget_is_consulted_and_shared_by_clones() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503));
    let budget = RetryBudget::new(10);
    let cmp = builder(simulator.url(), &ManualClock::new()).retry_budget(budget.clone()).build().unwrap();
    let first = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!((first.attempts(), first.stopped_because()), (3, Some(StopReason::BudgetExhausted)));
    let second = cmp.clone().with_retry(RetryPolicy::default()).cards().get(&card_id()).await.unwrap_err();
    assert_eq!((second.attempts(), second.stopped_because()), (1, Some(StopReason::BudgetExhausted)));
    assert_eq!(budget.left(), 0);
}

#[tokio::test]
async fn a_call_that_succeeds_gives_back_to_the_budget() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).on(Simulated::CreateCard).times(1));
    let cmp = simulated(&simulator, &ManualClock::new());
    let before = cmp.retry_budget().left();
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(cmp.retry_budget().left(), before - 5 + 1);
}

#[tokio::test]
async fn a_wait_beyond_the_policy_is_told_instead() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).retry_after(3600));
    let clock = ManualClock::new();
    let cmp = builder(simulator.url(), &clock).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!(error.stopped_because(), Some(StopReason::RetryAfterTooLong));
    assert_eq!(error.retry_after(), Some(3600 * SECOND));
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn one_deadline_ends_it_all() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::hang().on(Simulated::CreateCard));
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    cmp.warm_up().await.unwrap();
    let call = tokio::spawn({
        let cmp = cmp.with_retry(RetryPolicy::default().deadline(5 * SECOND));
        async move { cmp.cards().create(new_card()).await }
    });
    while simulator.count(Simulated::CreateCard) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    clock.advance(5 * SECOND);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery(), error.attempts()),
        (ErrorKind::Timeout, Delivery::OutcomeUnknown, 1)
    );
    assert_eq!(simulator.count(Simulated::CreateCard), 1);
}

#[tokio::test]
async fn a_read_without_an_answer_has_changed_nothing_and_says_so() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = builder(simulator.url(), &ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
    simulator.faults().add(Fault::dropped());
    let read = cmp.cards().get(&card_id()).await.unwrap_err();
    let deleted = cmp.cards().delete(&card_id()).await.unwrap_err();
    assert_eq!((read.delivery(), deleted.delivery()), (Delivery::OutcomeUnknown, Delivery::OutcomeUnknown));
    assert!(read.to_string().ends_with("; nothing was changed"), "{read}");
    assert!(deleted.to_string().ends_with("; the outcome is unknown"), "{deleted}");
}

#[tokio::test]
async fn a_deadline_that_has_passed_sends_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    cmp.warm_up().await.unwrap();
    let cmp = cmp.with_retry(RetryPolicy::default().deadline(Duration::ZERO));
    for _ in 0..100 {
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::NotSent));
    }
    assert_eq!(simulator.count(Simulated::CreateCard), 0);
}

#[tokio::test]
async fn never_is_a_time_like_any_other() {
    let never = RetryPolicy::default()
        .deadline(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .backoff(Duration::MAX, Duration::MAX)
        .longest_retry_after(Duration::MAX)
        .max_attempts(u32::MAX);
    for protocol in [Protocol::Http1, Protocol::TlsHttp1, Protocol::TlsHttp2] {
        let simulator = Simulator::builder().protocol(protocol).start().await.unwrap();
        let mut builder = simulated_builder(&simulator, &ManualClock::new())
            .retry(never.clone())
            .connect_timeout(Duration::MAX)
            .pool_idle_timeout(Duration::MAX)
            .http2_keep_alive_interval(Duration::MAX)
            .http2_keep_alive_timeout(Duration::MAX);
        if let Some(certificate) = simulator.root_certificate() {
            builder = builder.root_certificate(certificate).token_root_certificate(certificate);
        }
        let cmp = builder.build().unwrap();
        cmp.warm_up().await.unwrap();
        cmp.cards().create(new_card()).await.unwrap();
        for _ in 0..3 {
            assert!(cmp.cards().get(&card_id()).await.unwrap_err().is_not_found());
        }
        // A back-off without a bound ends the call: it is longer than any deadline.
        simulator.faults().add(Fault::status(503));
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_settles_only_the_attempt_that_it_answers() {
    for status in [401, 403] {
        let simulator = Simulator::start().await.unwrap();
        let cmp = simulated(&simulator, &ManualClock::new());
        let stored = cmp.cards().create(new_card()).await.unwrap();
        simulator.faults().add(Fault::lost_answer().on(Simulated::DeleteCard).times(1));
        simulator.faults().add(Fault::status(status).on(Simulated::DeleteCard));
        let error = cmp.cards().delete(stored.id()).await.unwrap_err();
        assert_eq!((error.status(), error.delivery()), (Some(status), Delivery::OutcomeUnknown));
    }
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_repeated_where_that_is_harmless() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.faults().add(Fault::hang().on(Simulated::GetCard).times(1));
    let call = tokio::spawn(async move { cmp.cards().get(stored.id()).await });
    while simulator.count(Simulated::GetCard) == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(20 * SECOND);
    call.await.unwrap().unwrap();
    assert_eq!(simulator.count(Simulated::GetCard), 2);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_a_success() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.faults().add(Fault::lost_answer().on(Simulated::DeleteCard).times(1));
    cmp.cards().delete(stored.id()).await.unwrap();
    assert_eq!(simulator.count(Simulated::DeleteCard), 2);
    let error = cmp.cards().delete(stored.id()).await.unwrap_err();
    assert!(error.is_not_found(), "a card that this call did not delete is not found");
}

#[tokio::test]
async fn retry_after_never_shortens_a_wait() {
    let simulator = Simulator::start().await.unwrap();
    let long_ago = "Fri, 17 Jan 2025 11:00:00 GMT";
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    simulator.faults().add(Fault::status(503).retry_after(0).on(Simulated::GetCard).times(1));
    simulator.faults().add(Fault::status(503).retry_after(long_ago).on(Simulated::GetCard).times(1));
    simulator.faults().add(Fault::status(503).retry_after("soon").on(Simulated::GetCard).times(1));
    assert!(cmp.cards().get(&card_id()).await.unwrap_err().is_not_found());
    assert_eq!(clock.slept(), [SECOND / 4, SECOND / 2, SECOND]);
}

#[tokio::test]
async fn a_429_is_waited_for_on_the_scale_of_a_minute() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    for retry_after in [None, Some(0)] {
        let limited = Fault::status(429).on(Simulated::CreateCard).times(2);
        let slept = clock.slept().len();
        simulator.faults().add(match retry_after {
            Some(seconds) => limited.retry_after(seconds),
            None => limited,
        });
        cmp.cards().create(new_card()).await.unwrap();
        assert_eq!(clock.slept()[slept..], [10 * SECOND, 20 * SECOND], "{retry_after:?}");
    }
    let limited = Fault::status(429).retry_after(2).on(Simulated::CreateCard).times(1);
    let slept = clock.slept().len();
    simulator.faults().add(limited);
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(clock.slept()[slept..], [SECOND * 22 / 10], "spread by a tenth");
}

#[tokio::test]
async fn a_429_holds_back_every_clone_of_the_client() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    let once = cmp.with_retry(RetryPolicy::none());
    cmp.warm_up().await.unwrap();
    simulator.faults().add(Fault::status(429).on(Simulated::GetCard).times(1));
    let limited = once.cards().get(&card_id()).await.unwrap_err();
    assert_eq!((limited.status(), limited.attempts()), (Some(429), 1));

    // Too late for this one, which is not sent.
    let hurried = cmp.with_retry(RetryPolicy::default().deadline(5 * SECOND));
    let error = hurried.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Throttled, Delivery::NotSent));
    assert_eq!((error.attempts(), error.retry_after()), (0, Some(5 * SECOND)));
    assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose));
    assert!(error.is_retryable() && error.status().is_none());
    assert!(clock.slept().is_empty());
    assert_eq!(simulator.count(Simulated::CreateCard), 0);

    // This one waits.
    once.cards().create(new_card()).await.unwrap();
    assert_eq!(clock.slept(), [10 * SECOND]);
    assert_eq!(simulator.count(Simulated::CreateCard), 1);
}

/// A clock whose sleeps last until the test moves it, so that many calls sleep side by side.
#[derive(Debug, Clone, Default)]
struct Held {
    clock: ManualClock,
    sleeps: Arc<Mutex<Vec<Duration>>>,
}

impl Clock for Held {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn utc(&self) -> DateTime<Utc> {
        self.clock.utc()
    }

    fn sleep(&self, duration: Duration) -> Tick {
        self.sleeps.lock().unwrap().push(duration);
        self.clock.alarm(self.clock.now() + duration)
    }

    fn alarm(&self, at: Instant) -> Tick {
        self.clock.alarm(at)
    }
}

#[tokio::test]
async fn sixty_four_calls_in_flight_cost_one_pause_and_do_not_start_together() {
    let simulator = Simulator::start().await.unwrap();
    let stored = simulated(&simulator, &ManualClock::new()).cards().create(new_card()).await.unwrap();
    let (held, drawn) = (Held::default(), AtomicU32::new(0));
    // Numbers that are spread over the whole, and no two in a row alike.
    let spread = move || f64::from(drawn.fetch_add(1, Ordering::SeqCst) % 64) / 64.0;
    let environment = cmp::Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = cmp::Client::builder(environment).service_account(account).clock(held.clone());
    let cmp = cmp.randomness(spread).build().unwrap();
    cmp.warm_up().await.unwrap();
    simulator.faults().add(Fault::status(429).on(Simulated::GetCard).times(64));
    simulator.forget_requests();
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (cmp, id) = (cmp.clone(), stored.id().clone());
            tokio::spawn(async move { cmp.cards().get(&id).await })
        })
        .collect();
    while held.sleeps.lock().unwrap().len() < 64 {
        tokio::task::yield_now().await;
    }
    assert_eq!(simulator.count(Simulated::GetCard), 64);
    let mut waits = held.sleeps.lock().unwrap().clone();
    waits.sort();
    waits.dedup();
    assert!(*waits.first().unwrap() >= 5 * SECOND && *waits.last().unwrap() <= 10 * SECOND, "{waits:?}");
    assert!(waits.len() >= 16, "{waits:?}");

    held.clock.advance(10 * SECOND);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(simulator.count(Simulated::GetCard), 128, "each was sent twice");
}

#[tokio::test]
async fn attempts_keep_to_the_pace_and_retries_count() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let quick = RetryPolicy::default().backoff(Duration::from_millis(10), Duration::from_millis(10));
    let cmp = simulated_builder(&simulator, &clock).retry(quick).pace(Pace::per_second(10));
    let cmp = cmp.build().unwrap();
    cmp.warm_up().await.unwrap();
    simulator.faults().add(Fault::status(503).on(Simulated::DeleteCard).times(1));
    for client in [&cmp, &cmp.clone(), &cmp.with_retry(RetryPolicy::none())] {
        assert!(client.cards().delete(&card_id()).await.unwrap_err().is_not_found());
    }
    // The back-off, the rest of a tenth of a second, and then a tenth before each call.
    assert_eq!(clock.slept(), [10, 90, 100, 100].map(Duration::from_millis));
    assert_eq!(simulator.count(Simulated::DeleteCard), 4);

    let slow = simulated_builder(&simulator, &clock).pace(Pace::per_minute(10)).build().unwrap();
    assert!(slow.cards().delete(&card_id()).await.unwrap_err().is_not_found());
    let hurried = slow.with_retry(RetryPolicy::default().deadline(5 * SECOND));
    let error = hurried.cards().delete(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Throttled, Delivery::NotSent));
    assert_eq!((error.attempts(), error.retry_after()), (0, Some(6 * SECOND)));
    assert!(error.to_string().contains("the client's pace"), "{error}");
    assert_eq!(simulator.count(Simulated::DeleteCard), 5);
}

#[tokio::test]
async fn a_bulk_run_starts_calls_as_the_pace_has_room_so_none_waits_past_its_deadline() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated_builder(&simulator, &clock).pace(Pace::per_minute(10)).build().unwrap();
    let ids = (0..30).map(|number| format!("CRDunknown-{number}").parse().unwrap());
    let mut run = cmp.bulk().concurrency(3).over(ids).delete();
    while let Some((_, outcome)) = run.next().await {
        assert!(outcome.unwrap_err().is_not_found());
    }
    assert_eq!(clock.slept(), [6 * SECOND; 29], "three minutes, and a call has one");
    assert_eq!(simulator.count(Simulated::DeleteCard), 30);
}

impl Held {
    /// Ends when so many sleeps have begun.
    async fn asleep(&self, sleeps: usize) {
        while self.sleeps.lock().unwrap().len() < sleeps {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn callers_who_leave_take_no_time_of_the_pace() {
    let server = Script::start([answer(404, JSON_API, "{}")]).await;
    let held = Held::default();
    let builder = builder(&server.url, &held.clock).clock(held.clone());
    let cmp = builder.pace(Pace::per_second(1)).build().unwrap();
    let id = card_id();
    let get = || cmp.cards().get(&id).into_future();
    assert_eq!(get().await.unwrap_err().status(), Some(404));
    for sleeps in 1..=30 {
        tokio::select! {
            biased;
            outcome = get() => panic!("{outcome:?}"),
            () = held.asleep(sleeps) => {}
        }
    }
    tokio::select! {
        biased;
        outcomes = futures_util::future::join_all((0..30).map(|_| get())) => panic!("{outcomes:?}"),
        () = held.asleep(60) => {}
    }
    let patient = cmp.with_retry(RetryPolicy::default().deadline(5 * SECOND));
    let call = async { patient.cards().get(&id).await };
    let (outcome, ()) = tokio::join!(call, async { held.clock.advance(SECOND) });
    assert_eq!(outcome.as_ref().unwrap_err().status(), Some(404), "{outcome:?}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_retry_gives_back_to_the_budget() {
    let server = Script::start([answer(503, JSON_API, "{}")]).await;
    let policy = RetryPolicy::default().max_attempts(2).backoff(SECOND, SECOND).deadline(600 * SECOND);
    let (held, budget) = (Held::default(), RetryBudget::new(10));
    let builder = builder(&server.url, &held.clock).clock(held.clone()).pace(Pace::per_minute(1));
    let cmp = builder.retry_budget(budget.clone()).retry(policy).build().unwrap();
    let id = card_id();
    // In the back-off.
    tokio::select! {
        biased;
        outcome = cmp.cards().get(&id).into_future() => panic!("{outcome:?}"),
        () = held.asleep(1) => {}
    }
    assert_eq!(budget.left(), 10);
    // In the wait for the pace that follows.
    held.clock.advance(60 * SECOND);
    tokio::select! {
        biased;
        outcome = cmp.cards().get(&id).into_future() => panic!("{outcome:?}"),
        () = async {
            held.asleep(2).await;
            assert_eq!(budget.left(), 5);
            held.clock.advance(SECOND);
            held.asleep(3).await;
        } => {}
    }
    assert_eq!(budget.left(), 10);
    // What is sent is paid for.
    held.clock.advance(60 * SECOND);
    let (outcome, ()) = tokio::join!(cmp.cards().get(&id).into_future(), async {
        held.asleep(4).await;
        held.clock.advance(SECOND);
        held.asleep(5).await;
        held.clock.advance(60 * SECOND);
    });
    assert_eq!((outcome.unwrap_err().attempts(), budget.left()), (2, 5));
}

#[tokio::test]
async fn a_retry_for_which_the_pace_has_no_time_ends_with_the_failure_before_it() {
    for (act, kind, delivery, status, left) in [
        (Act::Close, ErrorKind::Connection, Delivery::OutcomeUnknown, None, SECOND * 239 / 4),
        (answer(503, JSON_API, "{}"), ErrorKind::Service, Delivery::Answered, Some(503), SECOND * 239 / 4),
        // The token may be replaced, so there is no back-off.
        (answer(401, JSON_API, "{}"), ErrorKind::Service, Delivery::Answered, Some(401), 60 * SECOND),
    ] {
        let server = Script::start([act]).await;
        let cmp = builder(&server.url, &ManualClock::new()).pace(Pace::per_minute(1)).build().unwrap();
        let error = cmp.cards().delete(&card_id()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery(), error.status()), (kind, delivery, status), "{error}");
        assert_eq!((error.attempts(), server.asked().len()), (1, 1), "{error}");
        assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose), "{error}");
        assert_eq!(error.retry_after(), Some(left), "{error}");
        assert!(!error.to_string().contains("not sent"), "{error}");
    }
}

#[tokio::test]
async fn a_retry_that_the_pause_of_another_call_holds_back_ends_with_the_failure_before_it() {
    for late in [1, 3600] {
        let simulator = Simulator::start().await.unwrap();
        let held = Held::default();
        let cmp = simulated_builder(&simulator, &held.clock).clock(held.clone()).build().unwrap();
        cmp.warm_up().await.unwrap();
        simulator.faults().add(Fault::status(503).on(Simulated::CreateCard).times(1));
        let once = cmp.with_retry(RetryPolicy::none());
        let create = async { cmp.cards().create(new_card()).await };
        let (outcome, ()) = tokio::join!(create, async {
            held.asleep(1).await;
            simulator.faults().add(Fault::status(429).retry_after(60).on(Simulated::GetCard).times(1));
            assert_eq!(once.cards().get(&card_id()).await.unwrap_err().status(), Some(429));
            held.clock.advance(late * SECOND);
        });
        let error = outcome.unwrap_err();
        assert_eq!((error.status(), error.delivery()), (Some(503), Delivery::Answered), "{error}");
        assert!(error.trace_id().is_some() && error.is_retryable(), "{error}");
        assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose), "{error}");
        // The deadline passed during the longer wait, and the pause with it.
        assert_eq!(error.retry_after(), (late == 1).then_some(59 * SECOND), "{error}");
        assert_eq!((error.attempts(), simulator.count(Simulated::CreateCard)), (1, 1));
    }
}

/// Hands out one token that lives for three seconds, and then none before the clock's next hour.
#[derive(Debug)]
struct OneToken(ManualClock, AtomicU32);

impl AccessTokenProvider for OneToken {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            if self.1.fetch_add(1, Ordering::SeqCst) > 0 {
                self.0.advance(3600 * SECOND);
                std::future::pending::<()>().await;
            }
            Ok(AccessToken::new("a-token")?.lifetime(3 * SECOND))
        })
    }
}

#[tokio::test]
async fn a_retry_that_gets_no_token_in_time_ends_with_the_failure_before_it() {
    let server = Script::start([with_header(503, "retry-after: 5", "{}")]).await;
    let clock = ManualClock::new();
    let builder = builder(&server.url, &clock).token_provider(OneToken(clock.clone(), AtomicU32::new(0)));
    let cmp = builder.retry(RetryPolicy::default().deadline(10 * SECOND)).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(503)), "{error}");
    assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose));
    assert_eq!((error.attempts(), error.retry_after(), server.asked().len()), (1, None, 1));
}

#[tokio::test]
async fn a_401_whose_replay_gets_no_token_in_time_is_retryable() {
    let server = Script::start([answer(401, JSON_API, "{}")]).await;
    let clock = ManualClock::new();
    let builder = builder(&server.url, &clock).token_provider(OneToken(clock.clone(), AtomicU32::new(0)));
    let cmp = builder.retry(RetryPolicy::default().deadline(10 * SECOND)).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(401)), "{error}");
    assert!(error.is_unauthorized() && error.is_retryable(), "{error}");
    assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose));
    assert_eq!((error.attempts(), error.delivery(), server.asked().len()), (1, Delivery::Answered, 1));
}

/// Hands out tokens. The second does not come within the time of a call.
#[derive(Debug)]
struct SlowTokens(ManualClock, AtomicU32);

impl AccessTokenProvider for SlowTokens {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            let number = self.1.fetch_add(1, Ordering::SeqCst);
            if number == 1 {
                self.0.advance(11 * SECOND);
                std::future::pending::<()>().await;
            }
            Ok(AccessToken::new(format!("token-{number}"))?.lifetime(3600 * SECOND))
        })
    }
}

#[tokio::test]
async fn a_wait_goes_on_after_a_401_whose_replay_came_too_late() {
    let card = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards","included":[{"type":"network_tokens","id":"NT1",
        "attributes":{"network_token":"4124980000004244","state":"active"}}]}}"#;
    let server = Script::start([answer(401, JSON_API, "{}"), answer(200, JSON_API, card)]).await;
    let clock = ManualClock::new();
    let builder = builder(&server.url, &clock).token_provider(SlowTokens(clock.clone(), AtomicU32::new(0)));
    let cmp = builder.retry(RetryPolicy::default().deadline(10 * SECOND)).build().unwrap();
    let token = cmp.network_tokens().wait_for(&card_id()).deadline(600 * SECOND).await.unwrap();
    assert!(token.is_usable());
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_slowed_pace_recovers_by_any_answer_of_the_service() {
    for status in [404, 422] {
        let simulator = Simulator::start().await.unwrap();
        let clock = ManualClock::new();
        let cmp = simulated_builder(&simulator, &clock).pace(Pace::per_second(10)).build().unwrap();
        simulator.faults().add(Fault::status(429).retry_after(1).on(Simulated::DeleteCard).times(1));
        simulator.faults().add(Fault::status(status).on(Simulated::DeleteCard));
        for _ in 0..40 {
            let error = cmp.cards().delete(&card_id()).await.unwrap_err();
            assert_eq!(error.status(), Some(status));
        }
        assert_eq!(clock.slept().last(), Some(&(SECOND / 10)), "{status}");
        // These say nothing about the limit.
        simulator.faults().clear();
        for status in [401, 500, 502] {
            simulator.faults().add(Fault::status(429).retry_after(1).on(Simulated::DeleteCard).times(1));
            simulator.faults().add(Fault::status(status).on(Simulated::DeleteCard));
            let cmp = cmp.with_retry(RetryPolicy::none());
            for _ in 0..5 {
                cmp.cards().delete(&card_id()).await.unwrap_err();
            }
            let slept = *clock.slept().last().unwrap();
            assert!(slept >= SECOND / 5, "{status}: {slept:?}");
            simulator.faults().clear();
        }
    }
}

#[tokio::test]
async fn a_paced_bulk_run_goes_on_with_a_token_that_can_not_be_renewed_yet() {
    let account = cmp_simulator::ServiceAccount::new("ACpaced", "a-secret").token_lifetime_seconds(120);
    let simulator = Simulator::builder().account(account).start().await.unwrap();
    let clock = ManualClock::new();
    let builder =
        simulated_builder(&simulator, &clock).service_account(ServiceAccount::new("ACpaced", "a-secret"));
    let cmp = builder.pace(Pace::per_second(10)).build().unwrap();
    cmp.warm_up().await.unwrap();
    // The token is due, and good for a while.
    clock.advance(100 * SECOND);
    simulator.faults().add(Fault::status(503).on(Simulated::Token));
    simulator.faults().add(Fault::hang().on(Simulated::DeleteCard));
    let ids = (0..5).map(|number| format!("CRDunknown-{number}").parse().unwrap());
    let mut run = cmp.bulk().concurrency(3).over(ids).delete();
    let handle = run.handle();
    let started = async {
        while handle.progress().started < 3 {
            tokio::task::yield_now().await;
        }
    };
    let started = tokio::time::timeout(Duration::from_secs(60), started);
    tokio::select! {
        biased;
        outcome = run.next() => panic!("{outcome:?}"),
        started = started => started.expect("one call at a time"),
    }
}
