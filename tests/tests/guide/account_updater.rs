//! The account updater: subscriptions, checks, and what a merchant does after a report.

use cmp::{
    CardId, Delivery, Expiry,
    account_updater::Decision,
    cards::{CardEvent, SubscriptionState},
};
use cmp_simulator::{CardUpdateEvent, CheckAnswer, Fault, Operation, Simulator};
use serde_json::json;

use crate::support::{VISA, client, store};

/// The documented test card for checks on demand.
const CHECKED: &str = "4680056031099387";

#[tokio::test]
async fn a_subscription_stays_until_it_is_ended() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store(&cmp, VISA).await;
    let first = cmp.account_updater().subscribe(&id).await.unwrap();
    assert_eq!(first.state, Some(SubscriptionState::Enrolled));
    assert_eq!(cmp.account_updater().subscribe(&id).await.unwrap(), first);
    assert_eq!(cmp.cards().get(&id).await.unwrap().update_subscription(), Some(&first));

    simulator.world().report_update(id.as_str(), CardUpdateEvent::Closed).unwrap();
    assert_eq!(cmp.cards().get(&id).await.unwrap().updates[0].event, Some(CardEvent::Closed));

    cmp.account_updater().unsubscribe(&id).await.unwrap();
    simulator.world().report_update(id.as_str(), CardUpdateEvent::Expired).unwrap_err();
    let card = cmp.cards().get(&id).await.unwrap();
    assert_eq!((card.update_subscription(), card.updates.len()), (None, 1));
    assert!(cmp.account_updater().unsubscribe(&id).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_is_an_end() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store(&cmp, VISA).await;
    cmp.account_updater().subscribe(&id).await.unwrap();
    let lost = Fault::lost_answer().on(Operation::UnsubscribeFromCardUpdates).times(1);
    simulator.faults().add(lost);
    cmp.account_updater().unsubscribe(&id).await.unwrap();
    assert_eq!(simulator.count(Operation::UnsubscribeFromCardUpdates), 2);
}

#[tokio::test]
async fn a_check_whose_answer_was_lost_is_not_repeated() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store(&cmp, CHECKED).await;
    let lost = Fault::lost_answer().on(Operation::CheckForCardUpdates).times(1);
    simulator.faults().add(lost);
    let error = cmp.account_updater().check(&id).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::OutcomeUnknown);
    assert!(error.next_step().unwrap().contains("get the card"), "{error}");
    assert_eq!(simulator.count(Operation::CheckForCardUpdates), 1);
    // The advice leads to the update.
    assert_eq!(cmp.cards().get(&id).await.unwrap().updates[0].event, Some(CardEvent::Expired));
}

#[tokio::test]
async fn a_check_changes_the_card_in_either_form_of_its_answer() {
    for form in [CheckAnswer::One, CheckAnswer::List] {
        let simulator = Simulator::start().await.unwrap();
        simulator.configure(|settings| settings.readings.check = form);
        let cmp = client(&simulator);
        let id = store(&cmp, CHECKED).await;
        let before = cmp.cards().get(&id).await.unwrap().expiry;
        let updates = cmp.account_updater().check(&id).await.unwrap();
        assert_eq!(updates.len(), 1, "{form:?}");
        assert_eq!(updates[0].event, Some(CardEvent::Expired));
        let card = cmp.cards().get(&id).await.unwrap();
        assert_eq!((before, card.expiry), (Expiry::new(12, 2030).ok(), Expiry::new(12, 2033).ok()));
        assert_eq!(card.updates, updates);
        // A second check finds nothing new.
        assert_eq!(cmp.account_updater().check(&id).await.unwrap(), updates);
    }
}

#[tokio::test]
async fn an_unchanged_card_is_said_to_be_enrolled() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store(&cmp, "5555555555554444").await;
    let updates = cmp.account_updater().check(&id).await.unwrap();
    assert_eq!(updates[0].event.as_ref().map(CardEvent::decision), Some(Decision::GoOn));
}

#[tokio::test]
async fn odd_answers_to_a_check_lose_nothing_that_can_be_read() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id: CardId = "CRDx".parse().unwrap();
    let update =
        json!({"id": 7, "type": "card_updates", "attributes": {"event": "closed", "occurred_at": []}});
    let card = json!({"id": "CRDx", "type": "cards", "attributes": {"pan": "4111111111111111"}});
    for (data, events) in [
        (card.clone(), vec![]),
        (json!([card, update]), vec![Some(CardEvent::Closed)]),
        (json!({"type": "card-updates", "attributes": {"event": "closed"}}), vec![Some(CardEvent::Closed)]),
        (json!({"type": "cardUpdate", "attributes": {"event": "closed"}}), vec![Some(CardEvent::Closed)]),
        (json!({"type": "cardUpdate", "attributes": {"event": []}}), vec![]),
        (json!(null), vec![]),
        (json!([]), vec![]),
        (json!("later"), vec![]),
        (json!({}), vec![None]),
        (update.clone(), vec![Some(CardEvent::Closed)]),
        (
            json!([update, {"attributes": {"event": "moved"}}]),
            vec![Some(CardEvent::Closed), Some(CardEvent::Other("moved".to_owned()))],
        ),
    ] {
        for status in [200, 201, 202] {
            let fault =
                Fault::status(status).json(json!({"data": data})).on(Operation::CheckForCardUpdates).times(1);
            simulator.faults().add(fault);
            let found = cmp.account_updater().check(&id).await.unwrap();
            assert_eq!(
                found.into_iter().map(|update| update.event).collect::<Vec<_>>(),
                events,
                "{status} {data}"
            );
        }
    }
}

#[tokio::test]
async fn a_wallet_number_and_an_unsubscribed_amex_card_are_refused() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let amex = store(&cmp, "378282246310005").await;
    assert!(cmp.account_updater().check(&amex).await.unwrap_err().is_invalid_request());
    cmp.account_updater().subscribe(&amex).await.unwrap();
    cmp.account_updater().check(&amex).await.unwrap();
}

#[test]
fn each_event_has_a_decision() {
    let decisions = [
        ("updated", Decision::UseNewDetails, true),
        ("expired", Decision::UseNewDetails, true),
        ("closed", Decision::StopCharging, false),
        ("non-participating", Decision::ExpectNoUpdates, true),
        ("contact-cardholder-advice", Decision::AskCardholder, true),
        ("unknown", Decision::ExpectNoUpdates, true),
        ("enrolled", Decision::GoOn, true),
        ("enrollment-failed", Decision::ExpectNoUpdates, true),
        ("opt-out", Decision::ExpectNoUpdates, true),
        ("a-later-event", Decision::Review, true),
    ];
    for (name, decision, keeps) in decisions {
        let event: CardEvent = serde_json::from_value(json!(name)).unwrap();
        assert_eq!((event.decision(), event.decision().keeps_network_token()), (decision, keeps), "{name}");
    }
}

#[tokio::test]
async fn a_run_subscribes_many_cards_and_ends_their_subscriptions() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(store(&cmp, VISA).await);
    }
    let mut run = cmp.bulk().concurrency(4).over(ids.clone()).subscribe();
    while let Some((id, outcome)) = run.next().await {
        assert_eq!(outcome.unwrap().state, Some(SubscriptionState::Enrolled), "{id}");
    }
    assert_eq!(run.progress().succeeded, 20);
    let mut run = cmp.bulk().concurrency(4).over(ids.clone()).unsubscribe();
    let (first, outcome) = run.next().await.unwrap();
    outcome.unwrap();
    // What was begun and cancelled may be done: not found is a success then.
    let mut run = cmp.bulk().resume(run.into_remaining()).unsubscribe();
    let mut ended = vec![first];
    while let Some((id, outcome)) = run.next().await {
        outcome.unwrap();
        ended.push(id);
    }
    assert_eq!(ended.len(), 20);
    for id in ids {
        assert_eq!(cmp.cards().get(&id).await.unwrap().update_subscription(), None);
    }
}
