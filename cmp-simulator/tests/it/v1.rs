//! The V1 network token API.

use std::time::Duration;

use cmp_simulator::{
    Fault, NetworkTokenState, Numbers, Operation, Scope, ServiceAccount, Simulator, Times, TokenArrival,
    V1Outcome,
};
use serde_json::{Value, json};

use crate::support::{ALIAS, Answer, Client, JSON_API, contract, enrollment};

const ENROLL: Operation = Operation::ProvisionV1NetworkToken;
const GET: Operation = Operation::GetV1NetworkToken;
const DELETE: Operation = Operation::DeleteV1NetworkToken;

async fn state(client: &Client) -> Value {
    client.send(GET, ALIAS, None).await.expect(200).json()["state"].clone()
}

fn code(answer: &Answer) -> Value {
    answer.json()["errors"][0]["code"].clone()
}

#[tokio::test]
async fn the_answer_to_an_enrollment_is_not_final() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let sample: Value =
        serde_json::from_str(include_str!("../../../openapi/examples/v1-provision-request.json")).unwrap();
    let enrolled = client.send(ENROLL, "", Some(&sample)).await.expect(201).json();
    assert_eq!(enrolled["state"], "PENDING");
    assert_eq!((enrolled.get("network_token_last4"), enrolled.get("expires_at")), (None, None));
    assert_eq!(simulator.v1_token(ALIAS).unwrap().state, None);

    let token = client.send(GET, ALIAS, None).await.expect(200).json();
    assert_eq!((&token["state"], &token["pan_alias"]), (&json!("ACTIVE"), &json!(ALIAS)));
    assert_eq!((&token["expires_at"], &token["card"]["expires_at"]), (&json!("2024-07"), &json!("2024-07")));
    assert_eq!(token["network_token_last4"], simulator.v1_token(ALIAS).unwrap().last4);
    client.send(ENROLL, "", Some(&sample)).await.expect(200);
}

#[tokio::test]
async fn a_token_arrives_when_the_settings_say() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    simulator.configure(|settings| settings.token_arrival = TokenArrival::AfterGets(2));
    client.enroll(ALIAS).await;
    assert_eq!(
        [state(&client).await, state(&client).await, state(&client).await],
        ["PENDING", "PENDING", "ACTIVE"]
    );

    client.send(DELETE, ALIAS, None).await.expect(200);
    simulator.configure(|settings| settings.token_arrival = TokenArrival::AfterSeconds(60));
    client.enroll(ALIAS).await;
    assert_eq!(state(&client).await, "PENDING");
    simulator.world().advance_clock(Duration::from_secs(60));
    assert_eq!(state(&client).await, "ACTIVE");

    client.send(DELETE, ALIAS, None).await.expect(200);
    simulator.configure(|settings| settings.token_arrival = TokenArrival::Held);
    client.enroll(ALIAS).await;
    assert_eq!(state(&client).await, "PENDING");
    simulator.world().deliver_v1_token(ALIAS).unwrap();
    assert_eq!(state(&client).await, "ACTIVE");
    assert!(simulator.world().deliver_v1_token(ALIAS).is_err(), "no token is pending any more");
}

#[tokio::test]
async fn the_world_decides_how_an_enrollment_ends() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let refusals = [
        (V1Outcome::Declined, 404, "declined"),
        (V1Outcome::CardNotAllowed, 422, "card-not-allowed"),
        (V1Outcome::CardBrandNotSupported, 422, "card-brand-not-supported"),
        (V1Outcome::Rejected, 422, "rejected"),
    ];
    for (outcome, status, expected) in refusals {
        simulator.world().v1_outcome(ALIAS, outcome);
        let refused = client.send(ENROLL, "", Some(&enrollment(ALIAS))).await.expect(status);
        assert_eq!(code(&refused), expected);
        client.send(GET, ALIAS, None).await.expect(404);
    }
    simulator.world().v1_outcome(ALIAS, V1Outcome::Failed);
    client.enroll(ALIAS).await;
    assert_eq!(state(&client).await, "FAILED");
    simulator.world().v1_outcome(ALIAS, V1Outcome::Active);
    client.enroll(ALIAS).await;
    assert_eq!(state(&client).await, "ACTIVE");
    simulator.world().change_v1_token(ALIAS, NetworkTokenState::Suspended).unwrap();
    assert_eq!(state(&client).await, "SUSPENDED");
    assert!(simulator.world().change_v1_token("nobody", NetworkTokenState::Active).is_err());
}

#[tokio::test]
async fn a_deleted_token_stays_visible() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    assert_eq!(code(&client.send(DELETE, ALIAS, None).await.expect(404)), "not-found");
    client.enroll(ALIAS).await;
    assert_eq!(client.send(DELETE, ALIAS, None).await.expect(200).json()["state"], "DELETED");
    assert_eq!(state(&client).await, "DELETED");
    client.send(DELETE, ALIAS, None).await.expect(200);
}

#[tokio::test]
async fn a_bad_enrollment_is_refused_by_code() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    for name in ["pan_alias", "exp_month", "exp_year"] {
        let mut body = enrollment(ALIAS);
        body.as_object_mut().unwrap().remove(name);
        assert!(!contract().allows(ENROLL, &body));
        let refused = client.send(ENROLL, "", Some(&body)).await.expect(422);
        assert_eq!(code(&refused), "required-fields-missing", "{name}");
    }
    for (name, value) in [
        ("pan_alias", json!("")),
        ("pan_alias", json!(9_914_040_119_524_512_000_u64)),
        ("exp_month", json!(13)),
        ("exp_month", json!("7")),
        ("exp_year", json!(2024)),
        ("exp_year", Value::Null),
    ] {
        let mut body = enrollment(ALIAS);
        body[name] = value;
        assert!(!contract().allows(ENROLL, &body));
        let refused = client.send(ENROLL, "", Some(&body)).await.expect(422);
        assert_eq!(code(&refused), "invalid-format", "{name}");
    }
    for (media_type, body) in [("application/json", "["), ("application/json", "[]"), (JSON_API, "{}")] {
        let request = client.request(ENROLL, "").header("content-type", media_type).body(body);
        assert_eq!(code(&client.finish(ENROLL, request).await.expect(400)), "bad-request");
    }
    let more = json!({ "pan_alias": "ein Alias/?", "exp_month": 7.0, "exp_year": 0, "more": 1 });
    assert!(contract().allows(ENROLL, &more));
    client.send(ENROLL, "", Some(&more)).await.expect(201);
}

#[tokio::test]
async fn access_is_checked_as_for_cmp() {
    let poor = ServiceAccount::new("poor", "s").scopes([Scope::CardsRead]);
    let simulator = Simulator::builder().account(poor.clone()).start().await.unwrap();
    let client = Client::of(&simulator, &poor, "s").await;
    for operation in Operation::v1() {
        assert_eq!(code(&client.send(operation, ALIAS, None).await.expect(403)), "forbidden");
        let refused = client.with_token("nobody").send(operation, ALIAS, None).await.expect(401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn scripted_errors_have_v1s_form() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    simulator.faults().add(Fault::status(503).on(GET).times(1));
    assert_eq!(code(&client.send(GET, ALIAS, None).await.expect(503)), "service-unavailable");
    let rejected = json!({ "errors": [{ "code": "rejected", "detail": "No." }] });
    simulator.faults().add(Fault::status(422).json(rejected).on(ENROLL).times(1));
    assert_eq!(code(&client.send(ENROLL, "", Some(&enrollment(ALIAS))).await.expect(422)), "rejected");
}

#[tokio::test]
async fn readings_hold_for_v1() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    simulator.configure(|settings| {
        settings.readings.times = Times::Naive;
        settings.readings.numbers = Numbers::Numbers;
    });
    client.enroll(ALIAS).await;
    let token = client.send(GET, ALIAS, None).await.expect(200).json();
    assert!(!token["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&token["card"]["last4"], &token["card"]["bin"]), (&json!(10), &json!(489_537)));
}
