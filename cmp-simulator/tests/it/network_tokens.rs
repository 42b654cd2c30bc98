//! Network tokens: both enrollment modes, states, deletion.

use cmp_simulator::{Brand, Enrollment, NetworkTokenState, Operation, Simulator};
use serde_json::json;

use crate::support::{Client, MASTERCARD, VISA, included};

#[tokio::test]
async fn with_manual_enrollment_the_answer_has_the_token() {
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    assert_eq!(included(&client.get(&id).await.json(), "network_tokens").len(), 0);
    client.cryptogram(&id, json!({})).await.expect(424);

    let token = client.provision(&id).await.expect(201);
    assert_eq!(token.json()["data"]["attributes"]["state"], "active");
    assert_eq!(client.provision(&id).await.expect(200).id(), token.id(), "the existing one");
    assert_eq!(included(&client.get(&id).await.json(), "network_tokens")[0]["id"], token.id());
}

#[tokio::test]
async fn enrollment_is_set_by_brand() {
    let builder = Simulator::builder().enrollment_for(Brand::Mastercard, Enrollment::Manual);
    let simulator = builder.start().await.unwrap();
    let client = Client::new(&simulator).await;
    for (pan, tokens) in [(VISA, 1), (MASTERCARD, 0)] {
        let id = client.store(pan).await;
        assert_eq!(included(&client.get(&id).await.json(), "network_tokens").len(), tokens, "{pan}");
    }
}

#[tokio::test]
async fn a_deleted_token_is_gone() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let first = client.provision(&id).await.expect(200).id();
    client.send(Operation::DeleteNetworkToken, &id, None).await.expect(204);
    assert_eq!(included(&client.get(&id).await.json(), "network_tokens").len(), 0);
    assert_eq!(client.cryptogram(&id, json!({})).await.expect(424).error_code(), "failed-dependency");
    client.send(Operation::DeleteNetworkToken, &id, None).await.expect(404);
    assert_ne!(client.provision(&id).await.expect(201).id(), first);
}

#[tokio::test]
async fn the_world_changes_a_token() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let states = [
        (NetworkTokenState::Suspended, false),
        (NetworkTokenState::Activated, true),
        (NetworkTokenState::CardUpdated, true),
        (NetworkTokenState::Failed, false),
        (NetworkTokenState::Active, true),
        (NetworkTokenState::Deleted, false),
    ];
    for (state, usable) in states {
        simulator.world().change_token(&id, state).unwrap();
        let token = &included(&client.get(&id).await.json(), "network_tokens")[0]["attributes"];
        assert_eq!(token["state"], state.name());
        client.cryptogram(&id, json!({})).await.expect(if usable { 200 } else { 424 });
    }
    assert!(simulator.world().suspend_token(&id).is_err(), "a deleted token stays deleted");
    assert!(simulator.world().suspend_token("CRDnone").is_err());
    client.provision(&id).await.expect(201);
    assert_eq!(simulator.card(&id).unwrap().network_tokens.len(), 2);
}
