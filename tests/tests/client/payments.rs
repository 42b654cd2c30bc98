//! Payments with answers that lack something.

use cmp::{
    Cvc, Delivery, Error, ErrorKind,
    clock::ManualClock,
    error::NoNetworkToken,
    network_tokens::NetworkTokenState,
    operation::Operation,
    payments::{Credential, NetworkTransactionId},
};
use serde_json::{Value, json};

use crate::{
    script::{Script, answer},
    support::{JSON_API, always, builder, card_id},
};

fn first_payment() -> NetworkTransactionId {
    NetworkTransactionId::new("123456789012345").unwrap()
}

fn traced(data: &Value) -> Value {
    json!({"data": data, "metadata": {"observability": {"trace_id": "f2046b6548e7"}}})
}

/// An answer with a cryptogram and a network token that lacks `without`.
fn cryptogram(without: &str) -> Value {
    let mut attributes = json!({
        "network_token": "4124980000004244", "exp_month": 11, "exp_year": 27, "state": "active",
    });
    attributes.as_object_mut().unwrap().remove(without);
    attributes["cryptogram"] = json!({"type": "TAVV", "value": "AgAA=", "eci": "07"});
    traced(&json!({"id": "NT1", "type": "network_tokens", "attributes": attributes}))
}

fn card(attributes: &Value, included: &Value) -> Value {
    traced(
        &json!({"id": card_id().as_str(), "type": "cards", "attributes": attributes, "included": included}),
    )
}

fn assert_is_of(error: &Error, operation: Operation, attempts: u32) {
    assert_eq!(error.operation(), Some(operation), "{error}");
    assert_eq!((error.status(), error.trace_id()), (Some(200), Some("f2046b6548e7")), "{error}");
    assert_eq!(error.attempts(), attempts, "{error}");
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test]
async fn an_error_about_the_answer_to_a_cryptogram_request_is_one_of_that_request() {
    for (without, kind) in [("network_token", ErrorKind::NoNetworkToken), ("exp_month", ErrorKind::Decode)] {
        let (_server, cmp) = always(200, JSON_API, &cryptogram(without).to_string()).await;
        for error in [
            cmp.payments().customer_initiated(&card_id()).await.unwrap_err(),
            cmp.payments().customer_initiated(&card_id()).or_pan().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
            assert_is_of(&error, Operation::RequestCryptogram, 1);
            // A cryptogram was made.
            assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{error}");
            let expected =
                if without == "network_token" { "read the card again" } else { "another cryptogram" };
            let advice = error.next_step().unwrap();
            assert!(advice.contains(expected), "{error}: {advice}");
        }
    }
}

#[tokio::test]
async fn an_error_about_a_card_that_was_read_is_one_of_the_reading() {
    let token = json!({"type": "network_tokens", "id": "NT1", "attributes": {
        "network_token": "4124980000004244", "state": "active"}});
    let failed = json!({"type": "network_tokens", "id": "NT1", "attributes": {"state": "failed"}});
    for (attributes, included, kind) in [
        (json!({}), json!([token]), ErrorKind::Decode),
        (json!({"pan": "4111111111111111"}), json!([failed]), ErrorKind::Decode),
        (json!({"exp_month": 12, "exp_year": 30}), json!([failed]), ErrorKind::NoPan),
        (json!({}), json!([failed, 7]), ErrorKind::NoPan),
        (json!({}), json!([7]), ErrorKind::NoNetworkToken),
    ] {
        let (_server, cmp) = always(200, JSON_API, &card(&attributes, &included).to_string()).await;
        let payment = cmp.payments().merchant_initiated(&card_id(), first_payment());
        let error = payment.or_pan().await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (kind, Delivery::Answered), "{error}");
        assert_is_of(&error, Operation::GetCard, error.attempts());
    }
    let (_server, cmp) = always(200, JSON_API, &card(&json!({}), &json!([failed])).to_string()).await;
    let error = cmp.payments().merchant_initiated(&card_id(), first_payment()).await.unwrap_err();
    let expected = NoNetworkToken::NotUsable { state: NetworkTokenState::Failed, reason_code: None };
    assert_eq!(error.no_network_token(), Some(&expected));
    assert_is_of(&error, Operation::GetCard, 1);

    // The card is read after the cryptogram was refused.
    let refused = answer(424, JSON_API, r#"{"errors":[{"error_code":"failed-dependency"}]}"#);
    let read = answer(200, JSON_API, &card(&json!({}), &json!([failed])).to_string());
    let server = Script::start([refused, read]).await;
    let cmp = builder(&server.url, &ManualClock::new()).build().unwrap();
    let error = cmp.payments().card_form(&card_id()).or_pan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoPan, "{error}");
    assert_is_of(&error, Operation::GetCard, 2);
}

#[tokio::test]
async fn no_alias_is_paid_with() {
    const PAN: &str = "4111111111111111";
    let failed = json!({"type": "network_tokens", "id": "NT1", "attributes": {"state": "failed"}});
    for (number, paid) in [
        (json!({"pan": PAN, "cvc": "123"}), Some((PAN, Some("123")))),
        (json!({"pan": PAN, "cvc": " 1234 "}), Some((PAN, Some("1234")))),
        (json!({"pan": PAN, "pan_alias": "tok_sandbox_a"}), Some((PAN, None))),
        (json!({"pan": PAN, "pan_alias": "tok_sandbox_a", "cvc": "***"}), Some((PAN, None))),
        (json!({"pan": PAN, "pan_alias": PAN, "cvc": "123"}), None),
        (json!({"pan": PAN, "cvc": ""}), Some((PAN, None))),
        (json!({"pan": "9914040119524512000", "cvc": "tok_sandbox_b"}), None),
        (json!({"pan": "9914040119524512000", "cvc": "98765"}), None),
        (json!({"pan": "", "pan_alias": "tok_sandbox_a"}), None),
        (json!({"pan": "411111******1111", "pan_alias": "tok_sandbox_a"}), None),
    ] {
        let mut attributes = number.clone();
        attributes["exp_month"] = json!(12);
        attributes["exp_year"] = json!(30);
        let read = card(&attributes, &json!([failed])).to_string();
        let (_server, cmp) = always(200, JSON_API, &read).await;
        let payment = cmp.payments().merchant_initiated(&card_id(), first_payment()).or_pan().await;
        let refused = answer(424, JSON_API, r#"{"errors":[{"error_code":"failed-dependency"}]}"#);
        let server = Script::start([refused, answer(200, JSON_API, &read)]).await;
        let cmp = builder(&server.url, &ManualClock::new()).build().unwrap();
        let form = cmp.payments().card_form(&card_id()).or_pan().await;
        match (payment, form, paid) {
            (Ok(Credential::Pan(payment)), Ok(Credential::Pan(form)), Some((pan, cvc))) => {
                assert_eq!((payment.pan.expose(), form.pan.expose()), (pan, pan));
                assert_eq!(form.cvc.as_ref().map(Cvc::expose), cvc, "{number}");
            }
            (Err(payment), Err(form), None) => {
                assert_eq!((payment.kind(), form.kind()), (ErrorKind::NoPan, ErrorKind::NoPan), "{number}");
            }
            (payment, form, _) => panic!("{number}: {payment:?} {form:?}"),
        }
    }
}
