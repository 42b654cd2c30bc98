//! Cards: create, get, update, delete, duplicates, metadata, test cards.

use cmp_simulator::{CardUpdateEvent, NetworkTokenState, Operation, Simulator, TokenArrival, test_cards};
use serde_json::json;

use crate::support::{AMEX, Client, MASTERCARD, VISA, card, included};

#[tokio::test]
async fn a_card_lives_from_creation_to_deletion() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;

    let created = client.create(VISA).await.expect(201).json();
    let attributes = &created["data"]["attributes"];
    assert_eq!(attributes["pan"], VISA);
    assert_eq!(attributes["cvc"], "123");
    assert_eq!(attributes["bin"], "411111");
    assert_eq!(attributes["first8"], "41111111");
    assert_eq!(attributes["last4"], "1111");
    assert_eq!(attributes["cvc_status"], "active");
    assert_eq!(included(&created, "network_tokens").len(), 0, "the token arrives later");
    let id = created["data"]["id"].as_str().unwrap();

    let change = json!({ "data": { "attributes": { "exp_month": 5, "exp_year": 40, "cvc": "4321" } } });
    let updated = client.send(Operation::UpdateCard, id, Some(&change)).await.expect(200).json();
    assert_eq!(updated["data"]["attributes"]["exp_month"], 5);
    assert_eq!(client.get(id).await.expect(200).json()["data"]["attributes"]["cvc"], "4321");

    client.send(Operation::DeleteCard, id, None).await.expect(204);
    for operation in Operation::cmp().filter(|operation| *operation != Operation::CreateCard) {
        let body = (operation == Operation::UpdateCard).then_some(&change);
        let gone = client.send(operation, id, body).await.expect(404);
        assert_eq!(gone.error_code(), "not-found", "{operation}");
    }
    assert!(simulator.cards().is_empty());
    client.create(VISA).await.expect(201);
}

#[tokio::test]
async fn a_number_of_a_wallet_needs_its_wallet_and_gets_no_token() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    for kind in ["dpan", "mpan"] {
        let mut body = card(MASTERCARD);
        body["data"]["attributes"]["token_type"] = json!(kind);
        let refused = client.send(Operation::CreateCard, "", Some(&body)).await.expect(422);
        assert_eq!(refused.error_code(), "missing-required-field");
        body["data"]["attributes"]["wallet_type"] = json!("google_pay");
        let created = client.send(Operation::CreateCard, "", Some(&body)).await.expect(201).json();
        let id = created["data"]["id"].as_str().unwrap();
        for _ in 0..2 {
            assert_eq!(included(&client.get(id).await.json(), "network_tokens").len(), 0, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_wallet_type_in_capitals_is_a_bad_request() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    for (wallet, status, code) in [
        ("APPLE_PAY", 400, "bad-request"),
        ("Google_Pay", 400, "bad-request"),
        ("purse", 422, "validation-failed"),
    ] {
        let mut body = card(MASTERCARD);
        body["data"]["attributes"]["token_type"] = json!("dpan");
        body["data"]["attributes"]["wallet_type"] = json!(wallet);
        let refused = client.send(Operation::CreateCard, "", Some(&body)).await.expect(status);
        assert_eq!(refused.error_code(), code, "{wallet}");
    }
    assert!(simulator.cards().is_empty());
}

#[tokio::test]
async fn a_stored_number_is_a_duplicate_with_detection_on() {
    let simulator = Simulator::builder().duplicate_detection(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let duplicate = client.create(VISA).await.expect(303);
    assert_eq!(duplicate.id(), id);
    assert_eq!(duplicate.header("location"), None);
    assert_eq!(included(&duplicate.json(), "network_tokens").len(), 1, "the whole existing card");

    simulator.configure(|settings| settings.duplicate_detection = false);
    assert_ne!(client.create(VISA).await.expect(201).id(), id);
    assert_eq!(simulator.cards().len(), 2);
}

#[tokio::test]
async fn a_new_account_stores_a_number_twice() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    assert_ne!(client.store(VISA).await, client.store(VISA).await);
    assert_eq!(simulator.cards().len(), 2);
}

#[tokio::test]
async fn metadata_and_cardholder_come_back_unchanged() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let mut body = card(VISA);
    body["data"]["meta"] = json!({ "customer": "c-1" });
    body["data"]["attributes"]["cardholder"] = json!({ "name": "Jane Doe", "email": "jane@example.com", "address": { "city": "Paris", "country": "FR" } });
    body["data"]["attributes"]["token_type"] = json!("pan");
    let id = client.send(Operation::CreateCard, "", Some(&body)).await.expect(201).id();
    let change = json!({ "data": { "attributes": { "exp_month": 1 }, "meta": { "customer": "c-2" } } });
    client.send(Operation::UpdateCard, &id, Some(&change)).await.expect(200);
    let stored = client.get(&id).await.expect(200).json();
    assert_eq!(stored["data"]["meta"], json!({ "customer": "c-1" }), "metadata is written once");
    assert_eq!(stored["data"]["attributes"]["cardholder"], body["data"]["attributes"]["cardholder"]);
    assert_eq!(stored["data"]["attributes"]["token_type"], "pan");
}

#[tokio::test]
async fn one_number_has_one_fingerprint() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let fingerprint = async |pan| {
        client.create(pan).await.expect(201).json()["data"]["attributes"]["card_fingerprint"].clone()
    };
    assert_eq!(fingerprint(VISA).await, fingerprint(VISA).await);
    assert_ne!(fingerprint(VISA).await, fingerprint(MASTERCARD).await);
}

#[tokio::test]
async fn first8_is_for_visa_and_mastercard() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    for (pan, expected) in [(VISA, true), (MASTERCARD, true), (AMEX, false)] {
        let created = client.create(pan).await.expect(201).json();
        assert_eq!(created["data"]["attributes"].get("first8").is_some(), expected, "{pan}");
    }
}

#[tokio::test]
async fn test_cards_do_what_is_documented() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    for card in test_cards::TEST_CARDS {
        let answer = client.create(card.pan).await;
        match card.outcome {
            test_cards::Outcome::Refused(status) => {
                answer.expect(status);
            }
            test_cards::Outcome::Token { state, updates } => {
                let shown = client.get(&answer.expect(201).id()).await.expect(200).json();
                let token = &included(&shown, "network_tokens")[0]["attributes"];
                assert_eq!(
                    (&token["state"], &token["reason_code"]),
                    (&json!(state.name()), &json!(state.reason_code()))
                );
                assert_eq!(token.get("network_token").is_some(), state != NetworkTokenState::Failed);
                let subscription = included(&shown, "card_update_subscriptions");
                let expected = updates.map(|enrolled| if enrolled { "enrolled" } else { "failed" });
                let found =
                    subscription.first().map(|resource| resource["attributes"]["state"].as_str().unwrap());
                assert_eq!(found, expected, "{}", card.pan);
            }
            test_cards::Outcome::Update(event) => {
                let shown = client.get(&answer.expect(201).id()).await.expect(200).json();
                assert_eq!(included(&shown, "card_updates")[0]["attributes"]["event"], event.name());
            }
            test_cards::Outcome::Check(event) => {
                let id = answer.expect(201).id();
                let checked = client.send(Operation::CheckForCardUpdates, &id, None).await.expect(200).json();
                assert_eq!(checked["data"]["attributes"]["event"], event.name());
                let shown = client.get(&id).await.expect(200).json();
                assert_eq!(included(&shown, "card_updates")[0], checked["data"]);
            }
            other => panic!("no test for {other:?}"),
        }
    }
}

#[tokio::test]
async fn include_selects_kinds() {
    let simulator = Simulator::builder().account_updater(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    simulator.world().close_card(&id).unwrap();
    let cases = [
        ("", "network_tokens,card_update_subscriptions,card_updates"),
        ("?include=network_tokens", "network_tokens"),
        ("?include=card_updates%2Ccard_update_subscriptions", "card_update_subscriptions,card_updates"),
        ("?include=", ""),
    ];
    for (query, expected) in cases {
        let request = client.request(Operation::GetCard, &format!("{id}{query}"));
        let shown = client.finish(Operation::GetCard, request).await.expect(200).json();
        let kinds: Vec<_> = shown["included"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds.join(","), expected, "{query}");
    }
    let request = client.request(Operation::GetCard, &format!("{id}?include=wallets"));
    assert_eq!(client.finish(Operation::GetCard, request).await.expect(400).error_code(), "bad-request");
}

#[tokio::test]
async fn the_world_updates_a_card() {
    let simulator = Simulator::builder().account_updater(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    simulator.world().update_card(&id).unwrap();
    let shown = client.get(&id).await.expect(200).json();
    let update = &included(&shown, "card_updates")[0]["attributes"];
    assert_eq!(update["event"], "updated");
    assert_eq!(update["changed_fields"], json!(["pan", "exp_year"]));
    assert_eq!(update["updated_values"][0]["old_value"], VISA);
    assert_eq!(update["updated_values"][0]["new_value"], shown["data"]["attributes"]["pan"]);
    assert_ne!(shown["data"]["attributes"]["pan"], VISA);
    assert_eq!(shown["data"]["attributes"]["exp_year"], 38);
    assert_eq!(included(&shown, "network_tokens")[0]["attributes"]["state"], "card_updated");
    client.cryptogram(&id, json!({})).await.expect(200);
}

#[tokio::test]
async fn a_token_may_arrive_later() {
    let arrivals =
        [(TokenArrival::Immediate, 0), (TokenArrival::AfterGets(2), 2), (TokenArrival::AfterGets(0), 0)];
    for (arrival, gets_without) in arrivals {
        let simulator = Simulator::builder().token_arrival(arrival).start().await.unwrap();
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        for get in 0..=gets_without {
            let shown = client.get(&id).await.expect(200).json();
            let tokens = included(&shown, "network_tokens").len();
            assert_eq!(tokens, usize::from(get == gets_without), "{arrival:?}, GET {get}");
        }
    }
}

#[tokio::test]
async fn a_token_may_arrive_with_the_clock_or_on_demand() {
    let tokens = async |client: &Client, id: &str| {
        included(&client.get(id).await.expect(200).json(), "network_tokens").len()
    };
    let builder = Simulator::builder().token_arrival(TokenArrival::AfterSeconds(600));
    let simulator = builder.start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    assert_eq!(tokens(&client, &id).await, 0);
    simulator.world().advance_clock(std::time::Duration::from_secs(599));
    assert_eq!(tokens(&client, &id).await, 0);
    simulator.world().advance_clock(std::time::Duration::from_secs(1));
    assert_eq!(tokens(&client, &id).await, 1);

    let held = Simulator::builder().token_arrival(TokenArrival::Held).start().await.unwrap();
    let client = Client::new(&held).await;
    let id = client.store(VISA).await;
    assert_eq!(tokens(&client, &id).await, 0);
    held.world().deliver_token(&id).unwrap();
    assert_eq!(tokens(&client, &id).await, 1);
    assert!(held.world().deliver_token(&id).is_err());
}

#[tokio::test]
async fn a_card_whose_subscription_was_ended_gets_no_update() {
    let simulator = Simulator::builder().account_updater(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    client.send(Operation::UnsubscribeFromCardUpdates, &id, None).await.expect(204);
    let before = simulator.card(&id);
    let world = simulator.world();
    let report = |id: &str| world.report_update(id, CardUpdateEvent::Unknown);
    for refused in [world.update_card(&id), world.expire_card(&id), world.close_card(&id), report(&id)] {
        assert_eq!(refused.unwrap_err().to_string(), "the card's subscription to updates was ended");
    }
    assert_eq!(simulator.card(&id), before);
    assert_eq!(report("CRD1").unwrap_err().to_string(), "no card has this id");
    client.send(Operation::SubscribeToCardUpdates, &id, None).await.expect(201);
    world.update_card(&id).unwrap();
}

#[tokio::test]
async fn a_number_stays_known_while_a_card_has_it() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let first = client.store(VISA).await;
    for (kept, change) in [("deleted", true), ("renewed", false)] {
        let second = client.store(VISA).await;
        if change {
            client.send(Operation::DeleteCard, &second, None).await.expect(204);
        } else {
            simulator.world().update_card(&second).unwrap();
        }
        simulator.configure(|settings| settings.duplicate_detection = true);
        let duplicate = client.create(VISA).await;
        assert_eq!((duplicate.status, duplicate.id()), (303, first.clone()), "{kept}");
        simulator.configure(|settings| settings.duplicate_detection = false);
    }
    client.send(Operation::DeleteCard, &first, None).await.expect(204);
    simulator.configure(|settings| settings.duplicate_detection = true);
    client.create(VISA).await.expect(201);
}
