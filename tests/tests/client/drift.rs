//! Drift: unknown things in responses are counted by name, and nothing else of them is kept.

use std::sync::{Arc, Mutex, OnceLock};

use cmp::{
    Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    clock::ManualClock,
    drift::{Drift, DriftKind},
};
use cmp_simulator::{Fault, Operation as Simulated, Readings, Simulator};
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::{JSON_API, builder, card_id, card_is, new_card, simulated};

const PAN: &str = "5100260000019206";
const NETWORK_TOKEN: &str = "5580043943638177";
const CRYPTOGRAM: &str = "CanaryCryptogram+0123456789A==";
const BASE64: &str = "JWrMYLqNQjmEHQDAZbSx9A";
const HOLDER: &str = "Canary Holder";
const SPACED: &str = "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1";
const DOTTED: &str = "4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1";

fn watching(simulator: &Simulator) -> Client {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let builder = Client::builder(environment).service_account(account).clock(ManualClock::new());
    builder.randomness(|| 1.0).watch_drift().build().unwrap()
}

fn seen(drift: &Drift) -> Vec<(DriftKind, &str, Option<&str>, u64)> {
    let events = drift.events.iter();
    events.map(|event| (event.kind, &*event.name, event.value.as_deref(), event.count)).collect()
}

/// Gets a card with this response, and returns the drift.
async fn drift_of(status: u16, body: String) -> Drift {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(status).header("content-type", JSON_API).body(&body);
        })
        .await;
    let client = builder(&server.base_url(), &ManualClock::new()).watch_drift().build().unwrap();
    let _ = client.cards().get(&card_id()).await;
    client.drift()
}

fn card(attributes: &Value, included: &Value) -> String {
    json!({
        "data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "type": "cards", "attributes": attributes},
        "included": included,
    })
    .to_string()
}

#[tokio::test]
async fn everything_unknown_is_counted_by_operation_and_name() {
    let simulator = Simulator::start().await.unwrap();
    simulator.configure(|settings| settings.readings.future_values = true);
    let client = watching(&simulator);
    let id = client.cards().create(new_card()).await.unwrap().id().clone();
    for _ in 0..2 {
        client.clone().cards().get(&id).await.unwrap();
    }
    let drift = client.drift();
    let of_get: Vec<_> = seen(&Drift::clone(&drift))
        .into_iter()
        .zip(&drift.events)
        .filter(|(_, event)| event.operation == cmp::operation::Operation::GetCard)
        .map(|((kind, name, value, count), _)| (kind, name.to_owned(), value.map(str::to_owned), count))
        .collect();
    for expected in [
        (DriftKind::Member, "a_later_member", None, 2),
        (DriftKind::Member, "included[network_tokens].attributes.a_later_attribute", None, 2),
        (DriftKind::EnumValue, "data.attributes.capabilities[]", Some("a-later-capability"), 2),
        (DriftKind::IncludedType, "included", Some("later_resources"), 2),
    ] {
        let (kind, name, value, count) = expected;
        let expected = (kind, name.to_owned(), value.map(str::to_owned), count);
        assert!(of_get.contains(&expected), "{expected:?} is not in {of_get:?}");
    }
}

#[tokio::test]
async fn without_watching_nothing_is_counted() {
    let simulator = Simulator::start().await.unwrap();
    simulator.configure(|settings| settings.readings.future_values = true);
    let client = simulated(&simulator, &ManualClock::new());
    client.cards().create(new_card()).await.unwrap();
    assert!(client.drift().is_empty());
    let (_server, client) = card_is(json!({"data": {"id": card_id().as_str(), "unknown": 1}})).await;
    client.cards().get(&card_id()).await.unwrap();
    assert!(client.drift().is_empty());
}

#[tokio::test]
async fn what_the_contract_and_its_corrections_know_is_no_drift() {
    for readings in [Readings::default(), Readings::as_sampled()] {
        let simulator = Simulator::builder().readings(readings).account_updater(true).start().await.unwrap();
        simulator.configure(|settings| settings.enriched_attributes = true);
        let client = watching(&simulator);
        let pans = [PAN, "5100260000009207", "5100260000069201", "5100260000019214", "5100260000009215"];
        for pan in pans {
            let expiry = Expiry::new(12, 2030).unwrap();
            let card = NewCard::new(Pan::new(pan).unwrap(), expiry).meta("any", "thing");
            let Ok(stored) = client.cards().create(card).await else { continue };
            client.cards().get(stored.id()).await.unwrap();
            let _ = client.network_tokens().provision(stored.id()).await;
            let _ = client.network_tokens().cryptogram(stored.id()).await;
        }
        client.cards().create(new_card()).await.unwrap();
        client.cards().get(&card_id()).await.unwrap_err();
        for fault in [Fault::status(403), Fault::status(503).html(), Fault::status(504).empty()] {
            simulator.faults().add(fault.on(Simulated::GetCard).times(1));
            let _ = client.cards().get(&card_id()).await;
        }
        assert_eq!(client.drift(), Drift::default());
    }
}

#[tokio::test]
async fn a_status_that_the_contract_does_not_have() {
    let drift = drift_of(418, String::new()).await;
    assert_eq!(seen(&drift), [(DriftKind::Status, "418", None, 1)]);
    assert_eq!(drift.events[0].to_string(), "get_card: unknown status 418, seen 1 time");
}

#[tokio::test]
async fn the_states_of_network_tokens_are_known_in_any_case() {
    let token =
        |state: &str| json!([{"type": "network_tokens", "id": "NT1", "attributes": {"state": state}}]);
    assert!(drift_of(200, card(&json!({}), &token("ACTIVE"))).await.is_empty());
    let drift = drift_of(200, card(&json!({}), &token("frozen"))).await;
    let expected = (DriftKind::EnumValue, "included[network_tokens].attributes.state", Some("frozen"), 1);
    assert_eq!(seen(&drift), [expected]);
}

#[tokio::test]
async fn secrets_in_the_place_of_names_are_not_kept() {
    let canaries = [PAN, NETWORK_TOKEN, CRYPTOGRAM, BASE64, HOLDER, SPACED, DOTTED];
    let told = Arc::new(Mutex::new(String::new()));
    for canary in canaries {
        let attributes = json!({
            canary: 1, "pan": PAN, "token_type": canary, "capabilities": [canary],
            "cardholder": {"name": HOLDER, "unknown": canary}, "unknown": {"network_token": canary},
        });
        let body = card(&attributes, &json!([{"type": canary, "id": canary, canary: canary}]));
        let server = MockServer::start_async().await;
        server
            .mock_async(|_, then| {
                then.status(200).header("content-type", JSON_API).body(&body);
            })
            .await;
        let hears = Arc::clone(&told);
        let builder = builder(&server.base_url(), &ManualClock::new());
        let client = builder
            .on_drift(move |event| hears.lock().unwrap().push_str(&format!("{event} {event:?}")))
            .build()
            .unwrap();
        let _ = client.cards().get(&card_id()).await;
        assert!(client.drift().events.len() >= 5, "{:?}", client.drift());
        told.lock().unwrap().push_str(&format!("{:?} {client:?}", client.drift()));
    }
    let told = told.lock().unwrap();
    for canary in canaries {
        assert!(!told.contains(canary), "{canary}: {told}");
    }
    assert!(told.contains("data.attributes.***"), "{told}");
}

#[tokio::test]
async fn the_hook_may_ask_for_what_was_seen() {
    let (counts, slot) = (Arc::new(Mutex::new(Vec::new())), Arc::new(OnceLock::<Client>::new()));
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).header("content-type", JSON_API).body(card(&json!({"later": 1}), &json!(null)));
        })
        .await;
    let (counted, client) = (Arc::clone(&counts), Arc::clone(&slot));
    let built = builder(&server.base_url(), &ManualClock::new())
        .on_drift(move |event| {
            let seen = client.get().map_or(0, |client| client.drift().events.len());
            counted.lock().unwrap().push((event.count, seen));
        })
        .build()
        .unwrap();
    slot.set(built.clone()).unwrap();
    for _ in 0..2 {
        built.cards().get(&card_id()).include([cmp::cards::Include::NetworkTokens]).await.unwrap();
    }
    assert_eq!(*counts.lock().unwrap(), [(1, 1), (2, 1)]);
}

#[tokio::test]
async fn hostile_answers_are_survived() {
    let deep = format!("{}{}", "{\"data\":".repeat(20_000), "[".repeat(20_000));
    let many: serde_json::Map<_, _> = (0..5_000).map(|n| (format!("x{n}"), json!(1))).collect();
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let names = letters.iter().flat_map(|one| letters.iter().map(move |two| format!("{one}{two}_new")));
    let wide: serde_json::Map<_, _> = names.map(|name| (name, json!(1))).collect();
    for body in [deep, Value::from(many).to_string(), "\u{0}{".to_owned(), String::new()] {
        drift_of(200, body).await;
    }
    let drift = drift_of(200, Value::from(wide).to_string()).await;
    assert_eq!(drift.events.len(), 64);
}

#[tokio::test]
async fn a_client_of_v1_watches_too() {
    let alias: cmp::v1::PanAlias = "5573495XKjDP28V7312".parse().unwrap();
    let simulator = Simulator::start().await.unwrap();
    let environment = cmp::v1::Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let builder = cmp::v1::Client::builder(environment).service_account(account).watch_drift();
    let client = builder.build().unwrap();
    client.get(&alias).await.unwrap_err();
    assert!(client.drift().is_empty(), "{:?}", client.drift());
    simulator.faults().add(Fault::status(418).on(Simulated::GetV1NetworkToken).times(1));
    client.get(&alias).await.unwrap_err();
    assert_eq!(seen(&client.drift()), [(DriftKind::Status, "418", None, 1)]);
}
