use cmp::{Amount, CryptogramType, ErrorKind, TransactionType};
use cmp_simulator::{CryptogramRefused, Fault, Operation, Simulator, TransactionType as Made};
use serde_json::json;

use crate::support::{ACTIVE, SUSPENDED, VISA, client, store, store_enrolled};

#[tokio::test]
async fn each_form_is_made_for_its_payment_and_good_once() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, VISA).await;
    let request = cmp.network_tokens().cryptogram(&id).amount(Amount::usd("19.99").unwrap());
    let long = request.transaction_type(TransactionType::Aft).await.unwrap();
    assert_eq!(long.kind(), &CryptogramType::Tavv);
    let value = long.into_parts().value.expose();
    let made_for = simulator.redeem_cryptogram(&value).unwrap();
    assert_eq!(made_for.transaction_type, Made::Aft);
    assert_eq!(made_for.amount.unwrap().as_f64(), Some(19.99));
    assert_eq!(simulator.redeem_cryptogram(&value), Err(CryptogramRefused::AlreadyUsed));

    let short = cmp.network_tokens().short_cryptogram(&id).await.unwrap();
    assert_eq!(short.kind(), &CryptogramType::Dtvv);
    let made_for = simulator.redeem_cryptogram(&short.into_parts().value.expose()).unwrap();
    assert_eq!(made_for.transaction_type, Made::Ecom);
}

#[tokio::test]
async fn two_requests_give_two_cryptograms() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, ACTIVE).await;
    let mut values = Vec::new();
    for _ in 0..2 {
        values.push(cmp.network_tokens().cryptogram(&id).await.unwrap().into_parts().value.expose());
    }
    assert_ne!(values[0], values[1], "nothing is cached");
}

#[tokio::test]
async fn without_an_active_token_the_error_tells_why_and_what_to_do() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, SUSPENDED).await;
    let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert_eq!(error.status(), Some(424));
    assert!(error.to_string().contains("suspended (cmp_network_token.suspended)"), "{error}");
    assert!(error.next_step().unwrap().contains("activates"), "{:?}", error.next_step());
}

#[tokio::test]
async fn if_the_card_can_not_be_read_the_error_stays_what_it_is() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store(&cmp, SUSPENDED).await;
    simulator.faults().add(Fault::status(503).on(Operation::GetCard));
    let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert!(error.is_without_active_token() && error.no_usable_token().is_none());
    assert!(error.next_step().unwrap().contains("provision"));
    assert_eq!(simulator.count(Operation::GetCard), 1, "the reason is worth one attempt");
}

#[tokio::test]
async fn a_form_that_was_not_asked_for_is_refused() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, VISA).await;
    let body = json!({ "data": { "id": "NTx", "attributes": { "cryptogram": { "value": "123", "type": "DTVV" } } } });
    simulator.faults().add(Fault::status(200).json(body).on(Operation::RequestCryptogram));
    let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    assert!(!error.to_string().contains("123"), "{error}");
    assert!(cmp.network_tokens().short_cryptogram(&id).await.is_ok());
}
