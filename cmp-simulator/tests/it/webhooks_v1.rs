//! V1's notifications, as a receiver behind a socket sees them.

use std::time::Duration;

use cmp_simulator::webhooks::Outcome;
use cmp_simulator::{CardUpdateEvent, NetworkTokenState, Operation, TokenArrival, V1Outcome};
use serde_json::{Value, json};

use crate::support::{ALIAS, enrollment};
use crate::webhooks::{listening, members};

const NONE: [&str; 0] = [];

#[tokio::test]
async fn the_end_of_an_enrollment_makes_a_notification_without_a_get() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    client.enroll(ALIAS).await;
    assert_eq!(receiver.names(&simulator).await, ["network_token.updated ACTIVE"]);
    client.send(Operation::ProvisionV1NetworkToken, "", Some(&enrollment(ALIAS))).await.expect(200);
    assert_eq!(receiver.names(&simulator).await, NONE, "it was enrolled already");

    simulator.world().v1_outcome("another", V1Outcome::Failed);
    client.enroll("another").await;
    assert_eq!(receiver.names(&simulator).await, ["network_token.updated FAILED"]);
}

#[tokio::test]
async fn a_token_arrives_by_the_clock_and_on_demand() {
    let (simulator, client, receiver) =
        listening(|settings| settings.token_arrival = TokenArrival::AfterSeconds(600)).await;
    for alias in ["one", "two"] {
        client.enroll(alias).await;
    }
    assert_eq!(receiver.names(&simulator).await, NONE);
    simulator.world().advance_clock(Duration::from_secs(600));
    simulator.webhooks().settled().await;
    let aliases: Vec<_> =
        receiver.take().iter().map(|received| received.body["details"]["pan_alias"].clone()).collect();
    assert_eq!(aliases, ["one", "two"], "in the order of their enrollment");

    simulator.configure(|settings| settings.token_arrival = TokenArrival::Held);
    client.enroll(ALIAS).await;
    assert_eq!(receiver.names(&simulator).await, NONE);
    simulator.world().deliver_v1_token(ALIAS).unwrap();
    assert_eq!(receiver.names(&simulator).await, ["network_token.updated ACTIVE"]);
}

#[tokio::test]
async fn each_change_has_its_event() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    client.enroll(ALIAS).await;
    assert_eq!(receiver.names(&simulator).await.len(), 1);
    let world = simulator.world();
    world.change_v1_token(ALIAS, NetworkTokenState::Suspended).unwrap();
    world.change_v1_token(ALIAS, NetworkTokenState::Activated).unwrap();
    world.use_v1_token(ALIAS).unwrap();
    world.report_v1_update(ALIAS, CardUpdateEvent::Updated).unwrap();
    world.report_v1_update(ALIAS, CardUpdateEvent::NonParticipating).unwrap();
    client.send(Operation::DeleteV1NetworkToken, ALIAS, None).await.expect(200);
    world.report_v1_update(ALIAS, CardUpdateEvent::Expired).unwrap();
    let expected = [
        "network_token.suspended SUSPENDED",
        "network_token.activated ACTIVATED",
        "network_token.used ACTIVATED",
        "au_card.updated",
        "network_token.updated CARD_UPDATED",
        "au_card.non_participating",
        "network_token.deleted DELETED",
        "au_card.expired",
    ];
    assert_eq!(receiver.names(&simulator).await, expected);
    assert!(simulator.webhooks().sent().iter().all(|sent| sent.outcome == Outcome::Delivered));

    assert!(world.use_v1_token("nobody").is_err());
    assert!(world.report_v1_update("nobody", CardUpdateEvent::Closed).is_err());
    assert_eq!(receiver.names(&simulator).await, NONE);
}

#[tokio::test]
async fn a_message_has_the_documented_members_as_strings() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    client.enroll(ALIAS).await;
    simulator.world().report_v1_update(ALIAS, CardUpdateEvent::Updated).unwrap();
    let shown = client.send(Operation::GetV1NetworkToken, ALIAS, None).await.expect(200).json();
    simulator.webhooks().settled().await;
    let received = receiver.take();
    let [arrived, updated, changed] = received.as_slice() else { panic!("{}", received.len()) };
    let details = &arrived.body["details"];
    assert_eq!(
        members(details),
        "card_bin card_exp_month card_exp_year card_last4 created_at exp_month exp_year network_token \
         network_token_id network_token_last4 pan_alias payment_account_reference state tenant_id updated_at"
    );
    for message in &received {
        assert!(message.body["details"].as_object().unwrap().values().all(Value::is_string));
    }
    assert_eq!(details["network_token_last4"], shown["network_token_last4"]);
    assert!(!details["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(changed.body["details"]["network_token_id"], details["network_token_id"]);

    let details = &updated.body["details"];
    assert_eq!((details.get("card_id"), &details["old_account_number"]), (None, &json!(ALIAS)));
    assert_ne!(details["new_account_number"], ALIAS);
    assert_eq!(
        (&details["old_expiration_date"], &details["new_expiration_date"]),
        (&json!("0724"), &json!("0727"))
    );
    assert_eq!(shown["card"]["expires_at"], "2027-07");
}

#[tokio::test]
async fn a_failed_enrollment_has_no_number() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    simulator.world().v1_outcome(ALIAS, V1Outcome::Failed);
    client.enroll(ALIAS).await;
    simulator.webhooks().settled().await;
    let details = receiver.take()[0].body["details"].clone();
    assert_eq!(details["state"], "FAILED");
    for absent in ["network_token", "network_token_id", "network_token_last4", "exp_year"] {
        assert_eq!(details.get(absent), None, "{absent}");
    }
    assert!(simulator.world().use_v1_token(ALIAS).is_err());
}
