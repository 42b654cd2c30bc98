use std::time::Duration;

use cmp::{
    CardId, Client, ErrorKind, Expiry, NewCard, Pan,
    cards::{TokenType, WalletType},
    clock::ManualClock,
    error::{NoNetworkToken, StopReason},
    network_tokens::NetworkTokenState,
    operation::Operation as Op,
    webhooks::Event,
};
use cmp_simulator::{Enrollment, Fault, Operation, Simulator, TokenArrival};
use futures_util::stream;

use crate::support::{
    ACTIVE, FAILED, FAR_TOO_LONG, SUSPENDED, VISA, builder, client, learn_to_ask_once, once_asked, store,
};

const SECOND: Duration = Duration::from_secs(1);

async fn with_arrival(arrival: TokenArrival) -> Simulator {
    Simulator::builder().token_arrival(arrival).start().await.expect("a free port")
}

/// A client whose waits end at once and are all as long as their bound.
fn with_clock(simulator: &Simulator, clock: &ManualClock) -> Client {
    builder(simulator).clock(clock.clone()).randomness(|| 1.0).build().expect("a complete builder")
}

#[tokio::test]
async fn polls_grow_up_to_the_longest_until_the_token_arrives() {
    let simulator = with_arrival(TokenArrival::AfterGets(5)).await;
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    let token = cmp.network_tokens().wait_for(&id).polls(SECOND, 4 * SECOND).await.unwrap();
    assert!(token.is_usable());
    assert_eq!(clock.slept(), [SECOND, 2 * SECOND, 4 * SECOND, 4 * SECOND, 4 * SECOND]);
    assert_eq!(simulator.count(Operation::GetCard), 6);
}

#[tokio::test]
async fn jitter_takes_away_at_most_half_of_a_wait() {
    let simulator = with_arrival(TokenArrival::AfterGets(1)).await;
    let clock = ManualClock::new();
    let cmp = builder(&simulator).clock(clock.clone()).randomness(|| 0.0).build().unwrap();
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    cmp.network_tokens().wait_for(&id).await.unwrap();
    assert_eq!(clock.slept(), [SECOND / 2]);
}

#[tokio::test]
async fn a_card_of_a_wallet_ends_the_wait_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    for kind in [TokenType::Dpan, TokenType::Mpan] {
        let card = NewCard::new(Pan::new(ACTIVE).unwrap(), Expiry::new(12, 2030).unwrap());
        let card = card.token_type(kind).wallet_type(WalletType::ApplePay);
        let stored = cmp.cards().create(card).await.unwrap();
        let error = cmp.network_tokens().wait_for(stored.id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoNetworkToken);
        assert_eq!(error.no_network_token(), Some(&NoNetworkToken::WalletCard));
        assert!(!error.is_retryable());
    }
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn a_failed_token_ends_the_wait_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    let id = store(&cmp, FAILED).await;
    let error = cmp.network_tokens().wait_for(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoNetworkToken);
    assert!(!error.is_retryable());
    let reason_code = Some("cmp_network_token.provisioning_failed".into());
    let expected = NoNetworkToken::NotUsable { state: NetworkTokenState::Failed, reason_code };
    assert_eq!(error.no_network_token(), Some(&expected));
    assert_eq!((error.operation(), error.attempts()), (Some(Op::GetCard), 1));
    assert_eq!(error.stopped_because(), Some(StopReason::NotTransient));
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn one_deadline_ends_it_and_the_error_says_what_the_token_is() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    let id = store(&cmp, SUSPENDED).await;
    let error = cmp.network_tokens().wait_for(&id).deadline(10 * SECOND).await.unwrap_err();
    assert!(error.is_timeout() && error.is_without_active_token() && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("suspended"), "{error}");
    assert_eq!(
        clock.slept(),
        [1, 2, 4, 2, 1].map(|seconds| SECOND * seconds),
        "the last look is before the end"
    );
    assert_eq!((error.attempts() as usize, simulator.count(Operation::GetCard)), (5, 5));
    assert_eq!(error.stopped_because(), Some(StopReason::DeadlineTooClose));
}

#[tokio::test]
async fn a_passing_failure_is_one_more_poll_and_its_retry_after_outranks_hints_and_deadline() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock).with_retry(cmp::retry::RetryPolicy::none());
    let id = store(&cmp, ACTIVE).await;
    simulator.faults().add(Fault::status(503).retry_after(7).on(Operation::GetCard).times(1));
    let hints = stream::repeat(());
    assert!(cmp.network_tokens().wait_for(&id).hints(hints).await.is_ok());
    assert_eq!(clock.slept(), [7 * SECOND], "no hint is a reason to ask sooner than the service allows");

    simulator.faults().add(Fault::status(503).retry_after(70).on(Operation::GetCard));
    let error = cmp.network_tokens().wait_for(&id).await.unwrap_err();
    assert_eq!((error.status(), error.stopped_because()), (Some(503), Some(StopReason::DeadlineTooClose)));
    assert_eq!(clock.slept().len(), 1, "it asks for more than there is");
}

#[tokio::test]
async fn without_an_end_it_is_waited_for_as_long_as_it_takes() {
    let simulator = with_arrival(TokenArrival::AfterGets(3)).await;
    let cmp = with_clock(&simulator, &ManualClock::new());
    let id = store(&cmp, ACTIVE).await;
    let day = 24 * 3600 * SECOND;
    let waiting = cmp.network_tokens().wait_for(&id).polls(day, day).deadline(Duration::MAX);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn a_failure_that_stays_ends_it_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    let error = cmp.network_tokens().wait_for(&"CRDnobody".parse().unwrap()).await.unwrap_err();
    assert!(error.is_not_found());
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn a_hint_is_followed_at_once() {
    let simulator = with_arrival(TokenArrival::Held).await;
    // The system's clock and a poll that is hours away: only the hint can end this wait.
    let cmp = client(&simulator);
    let id = store(&cmp, ACTIVE).await;
    let (webhook, mut events) = tokio::sync::mpsc::channel::<()>(1);
    let hints = stream::poll_fn(move |context| events.poll_recv(context));
    let hour = 3600 * SECOND;
    let waiting = cmp.network_tokens().wait_for(&id).deadline(2 * hour).polls(hour, hour).hints(hints);
    let outside = async || {
        simulator.world().deliver_token(id.as_str()).unwrap();
        webhook.send(()).await.unwrap();
    };
    let token = once_asked(&simulator, Operation::GetCard, waiting.into_future(), outside).await;
    assert!(token.unwrap().is_usable());
}

#[tokio::test]
async fn a_flood_of_hints_does_not_become_a_flood_of_requests() {
    let simulator = with_arrival(TokenArrival::Held).await;
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    let waiting = cmp.network_tokens().wait_for(&id).hints(stream::repeat(())).deadline(10 * SECOND);
    assert!(waiting.await.unwrap_err().is_timeout());
    // At first and with the first ten hints at once, then once a second.
    assert_eq!(simulator.count(Operation::GetCard), 1 + 10 + 9);
    assert_eq!(clock.slept(), [SECOND; 10]);
}

#[tokio::test]
async fn a_hinted_look_that_finds_nothing_is_followed_by_one_soon() {
    let simulator = with_arrival(TokenArrival::AfterGets(2)).await;
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    let waiting = cmp.network_tokens().wait_for(&id).hints(stream::iter([()]));
    assert!(waiting.await.is_ok());
    assert_eq!(clock.slept(), [SECOND], "the event was faster than the service");
}

fn event(id: &str, name: &str, card: &CardId) -> Event {
    let body = format!(
        r#"{{"id": "{id}", "event": "{name}", "timestamp": "2025-01-15T10:00:00Z", "details": {{"card_id": "{card}"}}}}"#
    );
    Event::parse_unverified(body.as_bytes()).expect("an event")
}

#[tokio::test]
async fn only_events_of_the_cards_network_token_are_hints() {
    let simulator = with_arrival(TokenArrival::Held).await;
    // The system's clock and a poll that is hours away: only an event can end this wait.
    let cmp = client(&simulator);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    let other = "CRDother".parse().unwrap();
    let (receiver, mut events) = tokio::sync::mpsc::channel(100);
    let events = stream::poll_fn(move |context| events.poll_recv(context));
    let hour = 3600 * SECOND;
    let waiting = cmp.network_tokens().wait_for(&id).deadline(2 * hour).polls(hour, hour).events(events);
    let outside = async || {
        for number in 0..30 {
            receiver.send(event(&format!("u{number}"), "cmp_au_card.enrolled", &id)).await.unwrap();
            receiver.send(event(&format!("o{number}"), "cmp_network_token.updated", &other)).await.unwrap();
        }
        while receiver.capacity() < receiver.max_capacity() {
            tokio::task::yield_now().await;
        }
        assert_eq!(simulator.count(Operation::GetCard), 1, "none of them is a reason to look");
        simulator.world().deliver_token(id.as_str()).unwrap();
        receiver.send(event("t", "cmp_network_token.updated", &id)).await.unwrap();
    };
    let token = once_asked(&simulator, Operation::GetCard, waiting.into_future(), outside).await;
    assert!(token.unwrap().is_usable());
}

#[tokio::test]
async fn a_look_takes_no_longer_than_a_call_may() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let policy = cmp::retry::RetryPolicy::default().deadline(3 * SECOND);
    let cmp = with_clock(&simulator, &clock).with_retry(policy);
    let id = store(&cmp, ACTIVE).await;
    simulator.faults().add(Fault::hang().on(Operation::GetCard).times(1));
    let waiting = cmp.network_tokens().wait_for(&id).into_future();
    let token = once_asked(&simulator, Operation::GetCard, waiting, async || clock.advance(3 * SECOND)).await;
    assert!(token.unwrap().is_usable());
    assert_eq!(clock.slept(), [SECOND]);
}

#[tokio::test]
async fn a_short_deadline_has_a_last_look_too() {
    for deadline in [Duration::from_millis(300), Duration::from_millis(900), Duration::from_millis(1500)] {
        let simulator = with_arrival(TokenArrival::AfterGets(1)).await;
        let cmp = with_clock(&simulator, &ManualClock::new());
        let id = store(&cmp, ACTIVE).await;
        assert!(cmp.network_tokens().wait_for(&id).deadline(deadline).await.is_ok(), "{deadline:?}");
    }
}

#[tokio::test]
async fn polls_go_on_when_the_hints_end() {
    let simulator = with_arrival(TokenArrival::AfterGets(2)).await;
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, ACTIVE).await;
    let waiting = cmp.network_tokens().wait_for(&id).hints(stream::empty::<()>()).polls(SECOND, 5 * SECOND);
    assert!(waiting.await.is_ok());
    assert_eq!(clock.slept(), [5 * SECOND, 5 * SECOND]);
}

#[tokio::test]
async fn dropping_a_wait_loses_nothing() {
    let simulator = with_arrival(TokenArrival::Held).await;
    let cmp = client(&simulator);
    let id = store(&cmp, ACTIVE).await;
    let seen = async {
        while simulator.count(Operation::GetCard) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        result = cmp.network_tokens().wait_for(&id).into_future() => panic!("{result:?}"),
        () = seen => {}
    }
    simulator.world().deliver_token(id.as_str()).unwrap();
    assert!(cmp.network_tokens().wait_for(&id).await.is_ok());
}

#[tokio::test]
async fn polls_without_a_pause_are_ten_milliseconds_apart() {
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = with_clock(&simulator, &clock);
    learn_to_ask_once(&simulator, &cmp).await;
    let id = store(&cmp, VISA).await;
    let waiting = cmp.network_tokens().wait_for(&id).polls(Duration::ZERO, Duration::ZERO).deadline(SECOND);
    let waited = tokio::time::timeout(FAR_TOO_LONG, waiting.into_future()).await.expect("no pause");
    waited.unwrap_err();
    let polls = simulator.count(Operation::GetCard);
    assert!((50..=101).contains(&polls), "{polls}");
}
