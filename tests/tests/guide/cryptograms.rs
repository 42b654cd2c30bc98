use std::error::Error as _;

use cmp::{
    Amount, ErrorKind,
    network_tokens::{CryptogramType, TransactionType},
};
use cmp_simulator::{
    CryptogramRefused, Fault, Operation, Scope as Granted, ServiceAccount as Account, Simulator,
    TransactionType as Made,
};
use serde_json::json;

use crate::support::{ACTIVE, SUSPENDED, VISA, client, client_of, store_enrolled};

#[tokio::test]
async fn each_form_is_made_for_its_payment_and_good_once() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, VISA).await;
    let request = cmp.network_tokens().cryptogram(&id).amount(Amount::usd("19.99").unwrap());
    let long = request.transaction_type(TransactionType::Aft).await.unwrap();
    assert_eq!(&long.kind, &CryptogramType::Tavv);
    let value = long.value.expose();
    let made_for = simulator.redeem_cryptogram(&value).unwrap();
    assert_eq!(made_for.transaction_type, Made::Aft);
    assert_eq!(made_for.amount.as_deref(), Some("19.99"));
    assert_eq!(simulator.redeem_cryptogram(&value), Err(CryptogramRefused::AlreadyUsed));

    let short = cmp.network_tokens().short_cryptogram(&id).await.unwrap();
    assert_eq!(&short.kind, &CryptogramType::Dtvv);
    let made_for = simulator.redeem_cryptogram(&short.value.expose()).unwrap();
    assert_eq!(made_for.transaction_type, Made::Ecom);
}

#[tokio::test]
async fn two_requests_give_two_cryptograms() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, ACTIVE).await;
    let mut values = Vec::new();
    for _ in 0..2 {
        values.push(cmp.network_tokens().cryptogram(&id).await.unwrap().value.expose());
    }
    assert_ne!(values[0], values[1], "nothing is cached");
}

#[tokio::test]
async fn without_an_active_token_the_error_says_why_and_what_to_do() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, SUSPENDED).await;
    let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert_eq!(error.status(), Some(424));
    assert!(error.to_string().contains("suspended (cmp_network_token.suspended)"), "{error}");
    assert!(error.next_step().unwrap().contains("activates"), "{:?}", error.next_step());
}

#[tokio::test]
async fn if_the_card_can_not_be_read_the_error_says_so_and_names_the_scope() {
    let few = Account::new("few", "a-secret").scopes([Granted::NetworkTokensRead]);
    let simulator = Simulator::builder().account(few).account(Account::new("all", "a-secret"));
    let simulator = simulator.start().await.unwrap();
    let (all, few) = (client_of(&simulator, "all"), client_of(&simulator, "few"));
    let id = store_enrolled(&all, SUSPENDED).await;

    let unexplained = |error: cmp::Error| {
        assert!(error.is_without_active_token() && error.no_network_token().is_none());
        assert!(error.missing_scope().is_none(), "the scope for cryptograms is there");
        assert!(error.to_string().contains("could not be read, which takes the scope cards:read"), "{error}");
        let advice = error.next_step().unwrap();
        assert!(advice.contains("`cards:read`") && !advice.contains("provision"), "{advice}");
        let why = error.source().and_then(|source| source.downcast_ref::<cmp::Error>());
        why.and_then(cmp::Error::status)
    };
    assert_eq!(unexplained(few.network_tokens().cryptogram(&id).await.unwrap_err()), Some(403));
    assert_eq!(unexplained(few.payments().customer_initiated(&id).await.unwrap_err()), Some(403));

    simulator.forget_requests();
    simulator.faults().add(Fault::status(503).on(Operation::GetCard));
    assert_eq!(unexplained(all.network_tokens().cryptogram(&id).await.unwrap_err()), Some(503));
    assert_eq!(simulator.count(Operation::GetCard), 1, "the reason is worth one attempt");
}

#[tokio::test]
async fn a_card_whose_token_came_meanwhile_gives_no_reason_and_blames_no_scope() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, VISA).await;
    simulator.faults().add(Fault::status(424).on(Operation::RequestCryptogram));
    let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
    assert!(error.is_without_active_token() && error.no_network_token().is_none());
    assert!(!error.to_string().contains("could not be read"), "{error}");
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
