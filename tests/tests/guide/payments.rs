use std::{future::IntoFuture, time::Duration};

use cmp::{
    Amount, Cvc, Delivery, ErrorKind, Expiry, NewCard, Pan,
    clock::ManualClock,
    operation::Scope,
    payments::{Credential, NetworkTransactionId},
    retry::RetryPolicy,
};
use cmp_simulator::{
    CryptogramType as Made, Fault, IncludeWhen, Operation, Scope as Granted, ServiceAccount as Account,
    Simulator,
};

use crate::support::{ACTIVE, FAILED, VISA, builder, client, once_asked, store, store_enrolled};

fn amount() -> Amount {
    Amount::usd("19.99").expect("an amount")
}

fn first_payment() -> NetworkTransactionId {
    NetworkTransactionId::new("123456789012345").expect("an id")
}

#[tokio::test]
async fn each_case_gives_what_it_needs() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, VISA).await;
    let card = cmp.cards().get(&id).await.unwrap();
    let token = card.network_token().unwrap();

    let by_customer = cmp.payments().customer_initiated(&id).amount(amount()).await.unwrap();
    assert_eq!((Some(&by_customer.number), Some(by_customer.expiry)), (token.number.as_ref(), token.expiry));
    assert_eq!(by_customer.eci.unwrap().as_str(), "07");
    let made_for = simulator.redeem_cryptogram(&by_customer.cryptogram.expose()).unwrap();
    assert_eq!(made_for.cryptogram_type, Made::Tavv);

    let by_form = cmp.payments().card_form(&id).amount(amount()).await.unwrap();
    assert_eq!((Some(&by_form.number), Some(by_form.expiry)), (token.number.as_ref(), token.expiry));
    let made_for = simulator.redeem_cryptogram(&by_form.cvc.expose()).unwrap();
    assert_eq!(made_for.cryptogram_type, Made::Dtvv);

    simulator.forget_requests();
    let by_merchant = cmp.payments().merchant_initiated(&id, first_payment()).await.unwrap();
    assert_eq!((Some(&by_merchant.number), Some(by_merchant.expiry)), (token.number.as_ref(), token.expiry));
    assert_eq!(by_merchant.network_transaction_id, first_payment());
    assert_eq!(simulator.count(Operation::RequestCryptogram), 0);
}

#[tokio::test]
async fn without_a_token_there_is_an_error_and_no_pan() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, FAILED).await;
    let payments = cmp.payments();
    for error in [
        payments.customer_initiated(&id).await.unwrap_err(),
        payments.card_form(&id).await.unwrap_err(),
        payments.merchant_initiated(&id, first_payment()).await.unwrap_err(),
    ] {
        assert!(error.is_without_active_token(), "{error}");
        assert!(error.to_string().contains("provisioning_failed"), "{error}");
    }
}

#[tokio::test]
async fn with_the_fallback_the_pan_comes_only_where_there_is_no_token() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let (visa, failed) = (store_enrolled(&cmp, VISA).await, store_enrolled(&cmp, FAILED).await);
    let payments = cmp.payments();

    assert!(matches!(
        payments.customer_initiated(&visa).or_pan().await.unwrap(),
        Credential::NetworkToken(_)
    ));
    assert!(matches!(payments.card_form(&visa).or_pan().await.unwrap(), Credential::NetworkToken(_)));
    let by_merchant = payments.merchant_initiated(&visa, first_payment()).or_pan().await.unwrap();
    assert!(matches!(by_merchant, Credential::NetworkToken(_)));

    let Credential::Pan(payment) = payments.customer_initiated(&failed).or_pan().await.unwrap() else {
        panic!("the token failed")
    };
    assert_eq!(payment.pan.expose(), FAILED);
    assert!(payment.because.is_some());
    let Credential::Pan(form) = payments.card_form(&failed).or_pan().await.unwrap() else {
        panic!("the token failed")
    };
    assert_eq!(form.pan.expose(), FAILED);
    let on_file = payments.merchant_initiated(&failed, first_payment()).or_pan().await.unwrap();
    let Credential::Pan(on_file) = on_file else { panic!("the token failed") };
    assert_eq!((on_file.pan.expose(), &on_file.network_transaction_id), (FAILED, &first_payment()));
}

#[tokio::test]
async fn the_fallback_brings_the_cvc_where_the_card_has_one() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let card = NewCard::new(Pan::new(FAILED).unwrap(), Expiry::new(12, 2030).unwrap());
    let stored = cmp.cards().create(card.cvc(Cvc::new("739").unwrap())).await.unwrap();
    let credential = cmp.payments().card_form(stored.id()).or_pan().await.unwrap();
    let Credential::Pan(payment) = credential else { panic!("the token failed") };
    assert_eq!(payment.cvc.as_ref().map(Cvc::expose), Some("739"));
}

#[tokio::test]
async fn the_look_at_the_card_has_what_the_cryptogram_left_of_the_deadline() {
    const THIRD: Duration = Duration::from_secs(10);
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let policy = RetryPolicy::default().deadline(3 * THIRD);
    let cmp = builder(&simulator).clock(clock.clone()).retry(policy).build().unwrap();
    let id = store_enrolled(&cmp, FAILED).await;
    let slow = || {
        simulator.forget_requests();
        simulator.faults().clear();
        simulator.faults().add(Fault::status(503).retry_after(20).on(Operation::RequestCryptogram).times(1));
        simulator.faults().add(Fault::hang().on(Operation::GetCard));
    };

    slow();
    let fallback = cmp.payments().card_form(&id).or_pan();
    let ended = once_asked(&simulator, Operation::GetCard, fallback, async || clock.advance(THIRD)).await;
    assert!(ended.unwrap_err().is_timeout());

    slow();
    let plain = cmp.payments().card_form(&id).into_future();
    let ended = once_asked(&simulator, Operation::GetCard, plain, async || clock.advance(THIRD)).await;
    let error = ended.unwrap_err();
    assert!(error.status() == Some(424) && error.no_network_token().is_none(), "{error}");
}

#[tokio::test]
async fn no_other_failure_falls_back() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator).with_retry(RetryPolicy::none());
    let id = store_enrolled(&cmp, ACTIVE).await;
    let form = cmp.payments().card_form(&id).or_pan().await.unwrap_err();
    assert_eq!(form.status(), Some(422), "short cryptograms are Visa's");
    simulator.faults().add(Fault::status(503).on(Operation::RequestCryptogram));
    let busy = cmp.payments().customer_initiated(&id).or_pan().await.unwrap_err();
    assert_eq!(busy.status(), Some(503));
}

#[tokio::test]
async fn a_cryptogram_that_was_lost_on_the_way_stays_in_doubt_after_other_requests() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator).with_retry(RetryPolicy::none());
    let id = store_enrolled(&cmp, ACTIVE).await;
    simulator.faults().add(Fault::dropped().on(Operation::RequestCryptogram));
    for error in [
        cmp.payments().customer_initiated(&id).await.unwrap_err(),
        cmp.payments().customer_initiated(&id).or_pan().await.unwrap_err(),
    ] {
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{error}");
    }
}

#[tokio::test]
async fn the_fallback_needs_the_pci_scope_and_says_so() {
    let without_pci = Granted::ALL.into_iter().filter(|scope| *scope != Granted::CardsReadPci);
    let account = Account::new("without-pci", "a-secret").scopes(without_pci);
    let simulator = Simulator::builder().account(account).start().await.unwrap();
    let cmp = client(&simulator);
    let id = store_enrolled(&cmp, FAILED).await;
    for error in [
        cmp.payments().customer_initiated(&id).or_pan().await.unwrap_err(),
        cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoPan);
        assert_eq!(error.missing_scope(), Some(Scope::CardsReadPci));
        assert!(error.to_string().contains("it needs the scope cards:read-pci"), "{error}");
        assert!(error.next_step().unwrap().starts_with("give the service account the scope"));
    }
}

#[tokio::test]
async fn nothing_secret_shows() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator);
    let (visa, failed) = (store_enrolled(&cmp, VISA).await, store_enrolled(&cmp, FAILED).await);
    let shown = [
        format!("{:?}", cmp.payments().customer_initiated(&visa).await.unwrap()),
        format!("{:?}", cmp.payments().card_form(&visa).await.unwrap()),
        format!("{:?}", cmp.payments().merchant_initiated(&visa, first_payment()).await.unwrap()),
        format!("{:?}", cmp.payments().customer_initiated(&failed).or_pan().await.unwrap()),
    ];
    let card = cmp.cards().get(&visa).await.unwrap();
    let number = card.network_token().unwrap().number.as_ref().unwrap();
    for text in shown {
        assert!(text.contains("***"), "{text}");
        for secret in [FAILED, number.expose()] {
            assert!(!text.contains(secret));
        }
    }
}

#[tokio::test]
async fn the_pan_is_not_taken_where_there_is_a_token_however_it_is_included() {
    for when in [IncludeWhen::Always, IncludeWhen::OnRequest, IncludeWhen::Unsupported] {
        let simulator = Simulator::start().await.unwrap();
        simulator.configure(|settings| settings.readings.include = when);
        let cmp = client(&simulator);
        let id = store(&cmp, ACTIVE).await;
        assert!(cmp.network_tokens().wait_for(&id).await.unwrap().is_usable(), "{when:?}");
        // Another process, which has learnt nothing yet.
        let cmp = client(&simulator);
        let payment = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap();
        assert!(matches!(payment, Credential::NetworkToken(_)), "{when:?}");
    }
}
