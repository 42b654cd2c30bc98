//! The readings of the documents, one test for each setting. `Client` checks that all agree with the contract.

use cmp_simulator::{
    DuplicateAnswer, EmptyIncluded, FailedToken, First8, ForbiddenBody, GatewayBody, IncludeWhen,
    IncludedPlace, JsonApiVersion, NoActiveToken, Numbers, Operation, PanWithoutScope, Readings, Scope,
    ServiceAccount, Simulator, StateCase, Times, UnknownInclude,
};
use serde_json::{Value, json};

use crate::support::{AMEX, Client, VISA, included};

async fn simulator(change: impl FnOnce(&mut Readings)) -> (Simulator, Client) {
    let mut readings = Readings::default();
    change(&mut readings);
    let simulator = Simulator::builder()
        .account_updater(true)
        .duplicate_detection(true)
        .readings(readings)
        .start()
        .await
        .unwrap();
    let client = Client::new(&simulator).await;
    (simulator, client)
}

/// The document of a stored card.
async fn shown(change: impl FnOnce(&mut Readings), pan: &str) -> Value {
    let (_simulator, client) = simulator(change).await;
    let id = client.store(pan).await;
    client.get(&id).await.expect(200).json()
}

fn token(document: &Value) -> Value {
    included(document, "network_tokens")[0]["attributes"].clone()
}

#[tokio::test]
async fn times() {
    for (times, zone) in [(Times::Zoned, true), (Times::Naive, false)] {
        let document = shown(|readings| readings.times = times, VISA).await;
        for time in [&document["data"]["attributes"]["created_at"], &token(&document)["updated_at"]] {
            let time = time.as_str().unwrap();
            assert_eq!(time.ends_with('Z'), zone, "{time}");
            assert_eq!(time.len(), "2025-01-17T12:53:17.948290".len() + usize::from(zone));
        }
    }
}

#[tokio::test]
async fn numbers() {
    for (numbers, as_number) in [(Numbers::Strings, false), (Numbers::Numbers, true)] {
        let token = token(&shown(|readings| readings.numbers = numbers, VISA).await);
        for member in ["network_token", "last4", "bin"] {
            assert_eq!(token[member].is_u64(), as_number, "{member}");
        }
    }
}

#[tokio::test]
async fn included_place_and_absence() {
    let document = shown(|readings| readings.included = IncludedPlace::InData, VISA).await;
    assert_eq!(document.get("included"), None);
    assert_eq!(document["data"]["included"][0]["type"], "network_tokens");

    let cases = [
        (EmptyIncluded::Empty, Some(json!([]))),
        (EmptyIncluded::Absent, None),
        (EmptyIncluded::Null, Some(Value::Null)),
    ];
    for (empty, expected) in cases {
        let (_simulator, client) = simulator(|readings| readings.empty_included = empty).await;
        let created = client.create(VISA).await.expect(201).json();
        assert_eq!(created.get("included"), expected.as_ref());
    }
}

#[tokio::test]
async fn no_active_token() {
    let cases = [(NoActiveToken::FailedDependency, 424), (NoActiveToken::Unprocessable, 422)];
    for (reading, status) in cases {
        let (simulator, client) = simulator(|readings| readings.no_active_token = reading).await;
        let id = client.store(VISA).await;
        simulator.world().suspend_token(&id).unwrap();
        let refused = client.cryptogram(&id, json!({})).await.expect(status);
        assert_eq!(refused.error_code(), "failed-dependency");
    }
}

#[tokio::test]
async fn duplicates() {
    let cases = [
        (DuplicateAnswer::Body, true, false),
        (DuplicateAnswer::BodyAndLocation, true, true),
        (DuplicateAnswer::Location, false, true),
    ];
    for (reading, body, location) in cases {
        let (simulator, client) = simulator(|readings| readings.duplicate = reading).await;
        let id = client.store(VISA).await;
        let duplicate = client.create(VISA).await.expect(303);
        assert_eq!(!duplicate.bytes.is_empty(), body);
        let expected = format!("{}/cards/{id}", simulator.url());
        assert_eq!(duplicate.header("location"), location.then_some(expected.as_str()));
    }
}

#[tokio::test]
async fn first8_and_states_and_version() {
    let document = shown(|readings| readings.first8 = First8::All, AMEX).await;
    assert_eq!(document["data"]["attributes"]["first8"], "37828224");
    let document = shown(|readings| readings.states = StateCase::Upper, VISA).await;
    assert_eq!(token(&document)["state"], "ACTIVE");
    for (version, expected) in [(JsonApiVersion::Number, json!(1.1)), (JsonApiVersion::Text, json!("1.1"))] {
        let document = shown(|readings| readings.jsonapi_version = version, VISA).await;
        assert_eq!(document["jsonapi"]["version"], expected);
    }
}

#[tokio::test]
async fn pan_without_scope() {
    let account = ServiceAccount::new("no-pci", "s").scopes([Scope::CardsRead, Scope::CardsWrite]);
    let simulator = Simulator::builder().account(account.clone()).start().await.unwrap();
    simulator.configure(|settings| settings.readings.pan_without_scope = PanWithoutScope::Alias);
    let client = Client::of(&simulator, &account, "s").await;
    let attributes = client.create(VISA).await.expect(201).json()["data"]["attributes"].clone();
    assert_eq!(attributes["pan"], attributes["pan_alias"]);
}

#[tokio::test]
async fn failed_tokens() {
    let cases = [(FailedToken::Sparse, false), (FailedToken::Complete, true)];
    for (reading, complete) in cases {
        let token = token(&shown(|readings| readings.failed_token = reading, "5100260000009207").await);
        assert_eq!(token["state"], "failed");
        assert_eq!(token.get("network_token").is_some(), complete);
        assert!(token["reason_text"].is_string());
    }
}

#[tokio::test]
async fn forbidden_bodies() {
    for (reading, member) in [(ForbiddenBody::Forbidden, "title"), (ForbiddenBody::Error, "error_code")] {
        let account = ServiceAccount::new("reader", "s").scopes([Scope::CardsRead]);
        let simulator = Simulator::builder().account(account.clone()).start().await.unwrap();
        simulator.configure(|settings| settings.readings.missing_scope = reading);
        let client = Client::of(&simulator, &account, "s").await;
        let refused = client.create(VISA).await.expect(403).json();
        assert!(refused["errors"][0].get(member).is_some(), "{member}");
    }
}

#[tokio::test]
async fn gateway_bodies() {
    let cases = [
        (GatewayBody::Json, Some("application/json")),
        (GatewayBody::Html, Some("text/html; charset=utf-8")),
        (GatewayBody::Empty, None),
    ];
    for (reading, media_type) in cases {
        let (_simulator, client) = simulator(|readings| readings.gateway = reading).await;
        for (pan, status) in [("5100260000009215", 502), ("5100260000099216", 503), ("5100260000089217", 504)]
        {
            let refused = client.create(pan).await.expect(status);
            assert_eq!(refused.header("content-type"), media_type);
            assert_eq!(refused.bytes.is_empty(), media_type.is_none());
        }
        client.create("5100260000019214").await.expect(500).json();
    }
}

/// Returns the number of included resources, if any, and checks that the relationships agree.
fn included_in(document: &Value) -> (bool, usize) {
    let has_links = document["data"].get("relationships").is_some();
    assert_eq!(has_links, document["included"].as_array().is_some_and(|included| !included.is_empty()));
    (document.get("included").is_some(), document["included"].as_array().map_or(0, Vec::len))
}

#[tokio::test]
async fn included_comes_on_request_only() {
    let (_simulator, client) = simulator(|readings| readings.include = IncludeWhen::OnRequest).await;
    let created = client.create(VISA).await.expect(201);
    assert_eq!(included_in(&created.json()), (false, 0));
    let id = created.id();
    for (query, expected) in [
        ("", (false, 0)),
        ("?include=", (true, 0)),
        ("?include=network_tokens", (true, 1)),
        ("?include=card_updates", (true, 0)),
        ("?include=network_tokens,card_updates,card_update_subscriptions", (true, 2)),
    ] {
        assert_eq!(
            included_in(&client.get(&format!("{id}{query}")).await.expect(200).json()),
            expected,
            "{query}"
        );
    }
    client.get(&format!("{id}?include=network-tokens")).await.expect(400);
    let updated = client.send(Operation::UpdateCard, &id, None).await.expect(200);
    assert_eq!(included_in(&updated.json()), (false, 0));
    let duplicate = client.create(VISA).await.expect(303);
    assert_eq!(included_in(&duplicate.json()), (false, 0));
}

#[tokio::test]
async fn include_is_refused() {
    let (_simulator, client) = simulator(|readings| readings.include = IncludeWhen::Unsupported).await;
    let id = client.store(VISA).await;
    assert_eq!(included_in(&client.get(&id).await.expect(200).json()), (true, 2));
    for query in ["?include=", "?include=network_tokens", "?a=b&include=wallets"] {
        assert_eq!(client.get(&format!("{id}{query}")).await.expect(400).error_code(), "bad-request");
    }
}

#[tokio::test]
async fn unknown_include() {
    let (_simulator, client) = simulator(|readings| readings.unknown_include = UnknownInclude::Ignored).await;
    let id = client.store(VISA).await;
    let request = client.request(Operation::GetCard, &format!("{id}?include=wallets,network_tokens"));
    let document = client.finish(Operation::GetCard, request).await.expect(200).json();
    assert_eq!(document["included"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn future_values() {
    let (simulator, client) = simulator(|readings| readings.future_values = true).await;
    let id = client.store(VISA).await;
    simulator.world().close_card(&id).unwrap();
    let document = client.get(&id).await.expect(200).json();
    assert!(document["a_later_member"].is_object());
    assert!(document["data"]["attributes"]["capabilities"].to_string().contains("a-later-capability"));
    assert_eq!(included(&document, "card_updates")[0]["attributes"]["event"], "a-later-event");
    assert_eq!(included(&document, "later_resources").len(), 1);
    assert_eq!(token(&document)["a_later_attribute"], true);
}

#[tokio::test]
async fn the_sampled_reading_matches_the_samples() {
    let simulator = Simulator::builder().readings(Readings::as_sampled()).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let document = client.get(&id).await.expect(200).json();
    let token = &document["data"]["included"][0]["attributes"];
    assert!(token["network_token"].is_u64() && !token["created_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn enriched_attributes() {
    let simulator = Simulator::start().await.unwrap();
    simulator.configure(|settings| settings.enriched_attributes = true);
    let client = Client::new(&simulator).await;
    let created = client.create(VISA).await.expect(201).json();
    let enriched = &created["data"]["attributes"]["enriched_attributes"];
    assert_eq!(enriched["card_properties"]["card_number_length"], 16);
}
