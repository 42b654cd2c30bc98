use std::time::Duration;

use cmp::{
    CardChanges, CardId, Client, ClientBuilder, Delivery, Environment, Expiry, NewCard, Pan, ServiceAccount,
    clock::ManualClock,
    retry::{RetryBudget, RetryPolicy},
};
use cmp_simulator::{Fault, Operation, Simulator};
use tokio::net::TcpListener;

use crate::collected::Collected;

const DURATION: &str = "cmp.client.operation.duration";
const ATTEMPTS: &str = "cmp.client.operation.attempts";
const REQUESTS: &str = "http.client.request.duration";
const RETRIES: &str = "cmp.client.retries";
const FETCHES: &str = "cmp.client.access_token.fetch.duration";
const AGE: &str = "cmp.client.access_token.age";
const BUDGET: &str = "cmp.client.retry_budget.left";

/// A client with the longest jitter, whose waits end at once.
pub(crate) fn builder(simulator: &Simulator, clock: &ManualClock) -> ClientBuilder {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).expect("loopback");
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let builder = Client::builder(environment).service_account(account);
    builder.clock(clock.clone()).randomness(|| 1.0)
}

pub(crate) fn measured(simulator: &Simulator, clock: &ManualClock, collected: &Collected) -> Client {
    builder(simulator, clock).meter(&collected.meter()).build().expect("a complete builder")
}

pub(crate) fn new_card() -> NewCard {
    let pan = Pan::new("5100260000019206").expect("a test card");
    NewCard::new(pan, Expiry::new(12, 2030).expect("a date"))
}

/// Stores a card with a client that is not measured.
pub(crate) async fn stored(simulator: &Simulator) -> CardId {
    let cmp = builder(simulator, &ManualClock::new()).build().expect("a complete builder");
    cmp.cards().create(new_card()).await.expect("a card that can be stored").id().clone()
}

/// A simulator, a clock, and a client whose metrics are collected.
async fn started() -> (Simulator, ManualClock, Collected, Client) {
    let (simulator, clock) = (Simulator::start().await.expect("a free port"), ManualClock::new());
    let collected = Collected::new();
    let client = measured(&simulator, &clock, &collected);
    (simulator, clock, collected, client)
}

#[tokio::test]
async fn a_success_is_measured_with_opentelemetrys_names_and_units() {
    let (_simulator, _clock, collected, cmp) = started().await;
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(
        collected.lines(),
        [
            "cmp.client.access_token.age gauge s server.address=127.0.0.1: 0",
            "cmp.client.access_token.fetch.duration histogram s server.address=127.0.0.1: 1 of 0",
            "cmp.client.operation.attempts histogram {attempt} cmp.operation=create_card: 1 of 1",
            "cmp.client.operation.duration histogram s cmp.operation=create_card: 1 of 0",
            "cmp.client.retry_budget.left gauge {token} server.address=127.0.0.1: 500",
            "http.client.request.duration histogram s cmp.operation=create_card http.request.method=POST \
             http.response.status_code=201 network.protocol.version=1.1 server.address=127.0.0.1 \
             url.template=/cards: 1 of 0",
        ]
    );
}

#[tokio::test]
async fn a_retry_after_503_is_counted_with_its_reason_and_the_wait_is_part_of_the_operation() {
    let (simulator, _clock, collected, cmp) = started().await;
    let id = stored(&simulator).await;
    simulator.faults().add(Fault::status(503).times(1).on(Operation::GetCard));
    cmp.cards().get(&id).await.unwrap();
    assert_eq!(collected.of(RETRIES), ["cmp.operation=get_card cmp.retry.reason=503: 1"]);
    assert_eq!(collected.of(DURATION), ["cmp.operation=get_card: 1 of 0.25"]);
    assert_eq!(collected.of(ATTEMPTS), ["cmp.operation=get_card: 1 of 2"]);
    // A retry takes five tokens, and a success gives one back.
    assert_eq!(collected.of(BUDGET), ["server.address=127.0.0.1: 496"]);
    let get = "http.request.method=GET http.response.status_code";
    let of = "network.protocol.version=1.1 server.address=127.0.0.1 url.template=/cards/{card_id}";
    assert_eq!(
        collected.of(REQUESTS),
        [
            format!("cmp.operation=get_card error.type=503 {get}=503 {of}: 1 of 0"),
            format!("cmp.operation=get_card {get}=200 {of}: 1 of 0"),
        ]
    );
}

#[tokio::test]
async fn a_replay_after_401_is_a_retry_and_a_second_fetch() {
    let (simulator, clock, collected, cmp) = started().await;
    let id = stored(&simulator).await;
    cmp.warm_up().await.unwrap();
    clock.advance(Duration::from_secs(7));
    assert_eq!(collected.of(AGE), ["server.address=127.0.0.1: 7"]);
    simulator.faults().add(Fault::status(401).times(1).on(Operation::GetCard));
    cmp.cards().get(&id).await.unwrap();
    assert_eq!(collected.of(RETRIES), ["cmp.operation=get_card cmp.retry.reason=401: 1"]);
    assert_eq!(collected.of(ATTEMPTS), ["cmp.operation=get_card: 1 of 2"]);
    assert_eq!(collected.of(FETCHES), ["server.address=127.0.0.1: 2 of 0"]);
    assert_eq!(collected.of(AGE), ["server.address=127.0.0.1: 0"]);
}

#[tokio::test]
async fn each_request_of_a_call_has_its_own_attempts() {
    let (simulator, _clock, collected, cmp) = started().await;
    let id = stored(&simulator).await;
    simulator.faults().add(Fault::status(424).on(Operation::RequestCryptogram));
    cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert_eq!(
        collected.of(ATTEMPTS),
        [
            "cmp.delivery=answered cmp.operation=request_cryptogram error.type=424: 1 of 1",
            "cmp.operation=get_card: 1 of 1",
        ]
    );
}

#[tokio::test]
async fn a_401_without_another_token_is_no_retry() {
    let (simulator, _clock, collected, cmp) = started().await;
    simulator.faults().add(Fault::status(401).on(Operation::GetCard));
    let error = cmp.cards().get(&"CRD1".parse().unwrap()).await.unwrap_err();
    let retries = u64::from(error.attempts() - 1);
    assert_eq!(
        collected.of(RETRIES),
        [format!("cmp.operation=get_card cmp.retry.reason=401: {retries}")],
        "as many as were sent again"
    );
}

#[tokio::test]
async fn a_time_out_has_its_duration_and_leaves_the_outcome_open() {
    let (simulator, clock, collected, _) = started().await;
    let cmp = builder(&simulator, &clock).meter(&collected.meter()).retry(RetryPolicy::none());
    let cmp = cmp.build().unwrap();
    simulator.faults().add(Fault::hang().on(Operation::CreateCard));
    let (result, ()) = tokio::join!(cmp.cards().create(new_card()), async {
        while simulator.count(Operation::CreateCard) == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(20));
    });
    assert_eq!(result.unwrap_err().delivery(), Delivery::OutcomeUnknown);
    let failed = "cmp.operation=create_card error.type=timeout";
    let unknown = "cmp.delivery=outcome_unknown cmp.operation=create_card error.type=timeout";
    assert_eq!(collected.of(DURATION), [format!("{unknown}: 1 of 20")]);
    assert_eq!(
        collected.of(REQUESTS),
        [format!("{failed} http.request.method=POST server.address=127.0.0.1 url.template=/cards: 1 of 20")]
    );
}

#[tokio::test]
async fn a_refused_connection_is_an_attempt_without_status() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (simulator, clock, collected) =
        (Simulator::start().await.unwrap(), ManualClock::new(), Collected::new());
    let environment = Environment::custom(&url, simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).clock(clock).randomness(|| 1.0);
    let cmp = cmp.meter(&collected.meter()).build().unwrap();
    cmp.cards().create(new_card()).await.unwrap_err();
    let failed = "cmp.operation=create_card error.type=connection";
    let request = "http.request.method=POST server.address=127.0.0.1 url.template=/cards";
    assert_eq!(collected.of(REQUESTS), [format!("{failed} {request}: 4 of 0")]);
    assert_eq!(collected.of(ATTEMPTS), [format!("cmp.delivery=not_sent {failed}: 1 of 4")]);
    assert_eq!(collected.of(RETRIES), ["cmp.operation=create_card cmp.retry.reason=connection: 3"]);
}

#[tokio::test]
async fn a_call_that_a_429_holds_back_is_throttled_without_an_attempt() {
    let (simulator, clock, collected, _) = started().await;
    let policy = RetryPolicy::default().deadline(Duration::from_secs(3));
    let cmp = builder(&simulator, &clock).meter(&collected.meter()).retry(policy).build().unwrap();
    let id = "CRD1".parse().unwrap();
    simulator.faults().add(Fault::status(429).times(1).on(Operation::GetCard));
    cmp.cards().get(&id).await.unwrap_err();
    cmp.cards().get(&id).await.unwrap_err();
    assert_eq!(
        collected.of(ATTEMPTS),
        [
            "cmp.delivery=answered cmp.operation=get_card error.type=429: 1 of 1",
            "cmp.delivery=not_sent cmp.operation=get_card error.type=throttled: 1 of 0",
        ]
    );
    assert_eq!(collected.of(REQUESTS).len(), 1);
}

#[tokio::test]
async fn a_call_that_its_caller_drops_is_cancelled() {
    let (simulator, clock, collected, cmp) = started().await;
    simulator.faults().add(Fault::hang().on(Operation::GetCard));
    let id = "CRD1".parse().unwrap();
    let asked = async {
        while simulator.count(Operation::GetCard) == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(2));
    };
    tokio::select! {
        _ = cmp.cards().get(&id) => panic!("it hangs"),
        () = asked => {}
    }
    assert_eq!(collected.of(DURATION), ["cmp.operation=get_card error.type=cancelled: 1 of 2"]);
    assert_eq!(collected.of(ATTEMPTS), Vec::<String>::new());
    assert_eq!(
        collected.of(REQUESTS),
        ["cmp.operation=get_card error.type=cancelled http.request.method=GET server.address=127.0.0.1 \
          url.template=/cards/{card_id}: 1 of 2"]
    );
}

#[tokio::test]
async fn fetches_of_an_access_token_are_measured_by_outcome_and_its_age_ends_with_it() {
    let (simulator, clock, collected, cmp) = started().await;
    assert_eq!(collected.of(AGE), Vec::<String>::new());
    simulator.faults().add(Fault::status(503).times(1).on(Operation::Token));
    cmp.warm_up().await.unwrap_err();
    clock.advance(Duration::from_secs(30));
    simulator.faults().add(Fault::dropped().times(1).on(Operation::Token));
    cmp.warm_up().await.unwrap_err();
    clock.advance(Duration::from_secs(30));
    simulator.faults().add(Fault::status(401).times(1).on(Operation::Token));
    cmp.warm_up().await.unwrap_err();
    clock.advance(Duration::from_secs(30));
    cmp.warm_up().await.unwrap();
    assert_eq!(
        collected.of(FETCHES),
        [
            "error.type=401 server.address=127.0.0.1: 1 of 0",
            "error.type=503 server.address=127.0.0.1: 1 of 0",
            "error.type=unavailable server.address=127.0.0.1: 1 of 0",
            "server.address=127.0.0.1: 1 of 0",
        ]
    );
    clock.advance(Duration::from_secs(12));
    assert_eq!(collected.of(AGE), ["server.address=127.0.0.1: 12"]);
    clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(collected.of(AGE), Vec::<String>::new(), "the token has expired");
}

#[tokio::test]
async fn an_empty_budget_is_seen() {
    let (simulator, clock, collected, _) = started().await;
    let budget = RetryBudget::new(7);
    let cmp = builder(&simulator, &clock).meter(&collected.meter()).retry_budget(budget).build().unwrap();
    simulator.faults().add(Fault::status(503).on(Operation::GetCard));
    cmp.cards().get(&"CRD1".parse().unwrap()).await.unwrap_err();
    assert_eq!(collected.of(BUDGET), ["server.address=127.0.0.1: 2"]);
    drop(cmp);
}

#[tokio::test]
async fn clones_and_clients_with_one_meter_count_together_and_a_client_without_one_does_not() {
    let (simulator, clock, collected, cmp) = started().await;
    let other = measured(&simulator, &clock, &collected);
    let in_a_hurry = cmp.clone().with_retry(RetryPolicy::none()).with_header("x-key", "value").unwrap();
    for client in [&cmp, &cmp.clone(), &in_a_hurry, &other] {
        client.cards().create(new_card()).await.unwrap();
    }
    let silent = builder(&simulator, &clock).build().unwrap();
    silent.cards().create(new_card()).await.unwrap();
    assert_eq!(collected.of(ATTEMPTS), ["cmp.operation=create_card: 4 of 4"]);
    assert_eq!(collected.of(FETCHES), ["server.address=127.0.0.1: 2 of 0"]);
    // A meter outlives its clients, and keeps none of them.
    drop((cmp, other, in_a_hurry));
    assert_eq!(collected.of(BUDGET), Vec::<String>::new());
    assert_eq!(collected.of(AGE), Vec::<String>::new());
}

#[tokio::test]
async fn meters_of_different_scopes_keep_the_gauges_of_two_clients_apart() {
    let (simulator, clock, collected, _) = started().await;
    let client = |account, tokens| {
        let budget = RetryBudget::new(tokens);
        builder(&simulator, &clock).meter(&collected.meter_of(account)).retry_budget(budget).build().unwrap()
    };
    let clients = [client("one", 7), client("two", 9)];
    assert_eq!(collected.of(BUDGET), ["server.address=127.0.0.1: 7", "server.address=127.0.0.1: 9"]);
    drop(clients);
}

#[tokio::test]
async fn drift_is_counted_by_operation_kind_and_name() {
    let (simulator, clock, collected, _) = started().await;
    let cmp = builder(&simulator, &clock).watch_drift().meter(&collected.meter()).build().unwrap();
    let id = "CRD1".parse().unwrap();
    let odd = serde_json::json!({"data": {"id": "CRD1", "type": "cards", "later": 1}, "errors_later": 7});
    simulator.faults().add(Fault::status(200).json(odd).times(2).on(Operation::UpdateCard));
    simulator.faults().add(Fault::status(418).on(Operation::UpdateCard));
    for _ in 0..3 {
        let _ = cmp.cards().update(&id, changes()).await;
    }
    assert_eq!(
        collected.of("cmp.client.drift"),
        [
            "cmp.drift.kind=member cmp.drift.name=data.later cmp.operation=update_card: 2",
            "cmp.drift.kind=member cmp.drift.name=errors_later cmp.operation=update_card: 2",
            "cmp.drift.kind=status cmp.drift.name=418 cmp.operation=update_card: 1",
        ]
    );
}

#[tokio::test]
async fn names_beyond_the_drift_that_is_listed_count_as_one() {
    let (simulator, clock, collected, _) = started().await;
    let cmp = builder(&simulator, &clock).watch_drift().meter(&collected.meter()).build().unwrap();
    let id = "CRD1".parse().unwrap();
    let words = ["alpha", "bravo", "delta", "gamma", "kappa", "omega", "sigma", "theta", "zeta"];
    // 9 × 9 × 4 names, in bodies of 36.
    for first in words {
        let mut body = serde_json::json!({"data": {"id": "CRD1", "type": "cards"}});
        for (second, third) in
            words.iter().flat_map(|second| words[..4].iter().map(move |third| (second, third)))
        {
            body[format!("{first}_{second}_{third}")] = 1.into();
        }
        simulator.faults().add(Fault::status(200).json(body).times(1).on(Operation::UpdateCard));
        cmp.cards().update(&id, changes()).await.unwrap();
    }
    let points = collected.points();
    let drift: Vec<_> = points.iter().filter(|point| point.name == "cmp.client.drift").collect();
    assert_eq!(drift.len(), 256 + 1);
    let rest = drift.iter().find(|point| point.attributes["cmp.drift.name"] == "_OTHER").unwrap();
    assert_eq!(rest.value, (9 * 36 - 256).to_string());
}

fn changes() -> CardChanges {
    CardChanges::new().expiry(Expiry::new(1, 2035).expect("a date"))
}
