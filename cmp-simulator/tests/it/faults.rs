//! Faults, as a client meets them.

use cmp_simulator::{Fault, Operation, Simulator};

use crate::support::{Answer, Client, VISA, card};

async fn attempt(client: &Client, operation: Operation, card_id: &str) -> Result<Answer, reqwest::Error> {
    let mut request = client.request(operation, card_id);
    if operation == Operation::CreateCard {
        request = request.header("content-type", "application/vnd.api+json").body(card(VISA).to_string());
    }
    Answer::read(request.send().await?).await
}

#[tokio::test]
async fn a_status_comes_as_often_as_said() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    simulator.faults().add(Fault::status(503).retry_after(2).on(Operation::CreateCard).times(1));
    let refused = client.create(VISA).await.expect(503);
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused.error_code(), "service-unavailable");
    assert!(simulator.cards().is_empty());
    client.create(VISA).await.expect(201);
    assert_eq!(simulator.count(Operation::CreateCard), 2);
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_lost_answer_has() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let cases = [
        (Fault::dropped(), 0),
        (Fault::dropped().reset(), 0),
        (Fault::lost_answer(), 1),
        (Fault::lost_answer().reset(), 2),
    ];
    simulator.configure(|settings| settings.duplicate_detection = false);
    for (fault, cards) in cases {
        simulator.faults().add(fault.clone().on(Operation::CreateCard).times(1));
        let error = attempt(&client, Operation::CreateCard, "").await.unwrap_err();
        assert!(error.is_request(), "{fault:?}: {error:?}");
        assert_eq!(simulator.cards().len(), cards, "{fault:?}");
        assert_eq!(simulator.requests().last().unwrap().status, None);
    }
    assert_eq!(simulator.count(Operation::CreateCard), 4);
}
