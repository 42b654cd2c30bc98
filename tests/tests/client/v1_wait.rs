//! Waiting for the final state of a V1 enrollment, on a clock that stands still.

use std::{future::IntoFuture, time::Duration};

use cmp::{
    Delivery, ErrorKind,
    clock::ManualClock,
    error::{NoNetworkToken, StopReason},
    network_tokens::NetworkTokenState,
    operation::Operation,
    v1::FinalState,
};
use cmp_simulator::{
    Fault, NetworkTokenState as State, Operation as Simulated, Simulator, TokenArrival, V1Outcome,
};
use futures_util::stream;

use crate::v1::{alias, enrollment, simulated};

const SECOND: Duration = Duration::from_secs(1);
const GET: Simulated = Simulated::GetV1NetworkToken;

async fn arriving(arrival: TokenArrival) -> Simulator {
    Simulator::builder().token_arrival(arrival).start().await.unwrap()
}

#[tokio::test]
async fn waits_grow_until_the_token_is_active() {
    let simulator = arriving(TokenArrival::AfterGets(7)).await;
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock);
    v1.enroll(enrollment()).await.unwrap();
    let end = v1.wait_for_final_state(&alias()).deadline(SECOND * 600).await.unwrap();
    assert!(matches!(&end, FinalState::Active(token) if token.is_usable()));
    assert_eq!(end.token().state, NetworkTokenState::Active);
    assert_eq!(clock.slept(), [1, 2, 4, 8, 15, 15, 15].map(|seconds| SECOND * seconds));
    assert_eq!(simulator.count(GET), 8);
}

#[tokio::test]
async fn waits_are_shortened_by_chance_to_no_less_than_half() {
    let simulator = arriving(TokenArrival::AfterGets(2)).await;
    let environment = cmp::v1::Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let clock = ManualClock::new();
    let builder = cmp::v1::Client::builder(environment).service_account(account).clock(clock.clone());
    let v1 = builder.randomness(|| 0.0).build().unwrap();
    v1.enroll(enrollment()).await.unwrap();
    v1.wait_for_final_state(&alias()).await.unwrap().active().unwrap();
    assert_eq!(clock.slept(), [SECOND / 2, SECOND]);
}

#[tokio::test]
async fn a_failure_ends_the_wait_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock);
    simulator.world().v1_outcome(alias().as_str(), V1Outcome::Failed);
    v1.enroll(enrollment()).await.unwrap();
    for (state, expected) in [
        (State::Failed, NetworkTokenState::Failed),
        (State::Deleted, NetworkTokenState::Deleted),
        (State::Suspended, NetworkTokenState::Suspended),
    ] {
        simulator.world().change_v1_token(alias().as_str(), state).unwrap();
        let end = v1.wait_for_final_state(&alias()).await.unwrap();
        assert_eq!(end.token().state, expected);
        let reason = NoNetworkToken::NotUsable { state: expected, reason_code: None };
        assert_eq!(end.active().unwrap_err(), reason);
    }
    assert_eq!((simulator.count(GET), clock.slept().len()), (3, 0));
}

#[tokio::test]
async fn an_alias_that_was_never_enrolled_ends_it_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let error = simulated(&simulator, &clock).wait_for_final_state(&alias()).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!((simulator.count(GET), clock.slept().len()), (1, 0));
}

#[tokio::test]
async fn the_deadline_ends_it() {
    let simulator = arriving(TokenArrival::Held).await;
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock);
    v1.enroll(enrollment()).await.unwrap();
    let error = v1.wait_for_final_state(&alias()).deadline(SECOND * 10).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Answered));
    assert_eq!(error.operation(), Some(Operation::GetV1NetworkToken));
    assert!(error.is_timeout() && error.is_retryable());
    assert_eq!(
        clock.slept(),
        [1, 2, 4, 2, 1].map(|seconds| SECOND * seconds),
        "the last look is before the end"
    );
    assert_eq!((error.attempts() as usize, simulator.count(GET)), (5, 5));
    assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose));
}

#[tokio::test]
async fn a_passing_trouble_is_waited_out() {
    let simulator = arriving(TokenArrival::AfterGets(1)).await;
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock).with_retry(cmp::retry::RetryPolicy::none());
    v1.enroll(enrollment()).await.unwrap();
    simulator
        .faults()
        .extend([Fault::status(503).retry_after(7).on(GET).times(1), Fault::dropped().on(GET).times(1)]);
    v1.wait_for_final_state(&alias()).await.unwrap().active().unwrap();
    assert_eq!(clock.slept(), [SECOND * 7, SECOND * 2, SECOND * 4], "no earlier than the service asks");

    simulator.faults().add(Fault::status(503).retry_after(70).on(GET));
    let error = v1.wait_for_final_state(&alias()).await.unwrap_err();
    assert_eq!((error.status(), clock.slept().len()), (Some(503), 3), "it asks for more than there is");

    simulator.faults().clear();
    simulator.faults().add(Fault::status(500).on(GET).times(1));
    let error = v1.wait_for_final_state(&alias()).await.unwrap_err();
    assert_eq!(error.status(), Some(500), "what doesn't pass ends it");
}

#[tokio::test]
async fn a_hanging_answer_does_not_outlast_the_deadline() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock);
    v1.enroll(enrollment()).await.unwrap();
    simulator.faults().add(Fault::hang().on(GET));
    let deadline = SECOND * 5;
    let waiting = v1.wait_for_final_state(&alias()).deadline(deadline).into_future();
    tokio::pin!(waiting);
    while simulator.count(GET) == 0 {
        tokio::select! {
            biased;
            end = &mut waiting => panic!("ended: {end:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    clock.advance(deadline);
    assert!(waiting.await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn webhooks_alone_can_tell_when_to_look() {
    let simulator = arriving(TokenArrival::AfterGets(3)).await;
    let clock = ManualClock::new();
    let v1 = simulated(&simulator, &clock);
    v1.enroll(enrollment()).await.unwrap();
    let waiting = v1.wait_for_final_state(&alias()).hints(stream::iter([(), (), ()]));
    assert!(waiting.polls(Duration::MAX, Duration::MAX).await.unwrap().active().is_ok());
    assert_eq!(simulator.count(GET), 4);
    assert!(clock.slept().is_empty(), "each at once");
}

#[tokio::test]
async fn dropping_it_leaves_nothing_behind() {
    let simulator = Simulator::start().await.unwrap();
    let v1 = simulated(&simulator, &ManualClock::new());
    v1.enroll(enrollment()).await.unwrap();
    simulator.faults().add(Fault::hang().on(GET).times(1));
    {
        let waiting = v1.wait_for_final_state(&alias()).into_future();
        tokio::pin!(waiting);
        while simulator.count(GET) == 0 {
            tokio::select! {
                biased;
                end = &mut waiting => panic!("ended: {end:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert!(v1.wait_for_final_state(&alias()).await.unwrap().active().is_ok());
    assert_eq!(simulator.count(GET), 2);
}
