//! Cryptograms: types, card networks, one use.

use std::time::Duration;

use cmp_simulator::{CryptogramRefused, CryptogramType, Operation, Simulator, TransactionType};
use serde_json::json;

use crate::support::{Client, JSON_API, MASTERCARD, VISA};

#[tokio::test]
async fn a_cryptogram_has_one_use() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let attributes = json!({ "amount": 19.99, "currency_code": "EUR", "transaction_type": "AFT" });
    let answer = client.cryptogram(&id, attributes).await.expect(200).json();
    let cryptogram = &answer["data"]["attributes"]["cryptogram"];
    assert_eq!((&cryptogram["type"], &cryptogram["eci"]), (&json!("TAVV"), &json!("07")));
    let value = cryptogram["value"].as_str().unwrap();
    assert!(value.len() <= 32);

    let redeemed = simulator.redeem_cryptogram(value).unwrap();
    assert_eq!(redeemed.card_id, id);
    assert_eq!(redeemed.network_token_id, answer["data"]["id"]);
    assert_eq!(redeemed.amount.as_deref(), Some("19.99"));
    assert_eq!(redeemed.currency_code, "EUR");
    assert_eq!(redeemed.transaction_type, TransactionType::Aft);
    assert_eq!(redeemed.cryptogram_type, CryptogramType::Tavv);
    assert_eq!(simulator.redeem_cryptogram(value), Err(CryptogramRefused::AlreadyUsed));
    assert_eq!(simulator.redeem_cryptogram("AAAA"), Err(CryptogramRefused::Unknown));
}

#[tokio::test]
async fn every_cryptogram_is_new_and_dies_with_its_token() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let value = async || {
        let answer = client.cryptogram(&id, json!({})).await.expect(200).json();
        answer["data"]["attributes"]["cryptogram"]["value"].as_str().unwrap().to_owned()
    };
    let (first, second) = (value().await, value().await);
    assert_ne!(first, second);
    simulator.world().suspend_token(&id).unwrap();
    assert_eq!(simulator.redeem_cryptogram(&first), Err(CryptogramRefused::TokenNotUsable));
    simulator.world().resume_token(&id).unwrap();
    simulator.redeem_cryptogram(&first).unwrap();
    client.send(Operation::DeleteCard, &id, None).await.expect(204);
    assert_eq!(simulator.redeem_cryptogram(&second), Err(CryptogramRefused::TokenNotUsable));
}

#[tokio::test]
async fn short_cryptograms_and_funding_are_for_visa() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let visa = client.store(VISA).await;
    let answer = client.cryptogram(&visa, json!({ "cryptogram_type": "DTVV" })).await.expect(200).json();
    let value = answer["data"]["attributes"]["cryptogram"]["value"].as_str().unwrap();
    assert!(value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()), "{value}");

    let mastercard = client.store(MASTERCARD).await;
    for attributes in [json!({ "cryptogram_type": "DTVV" }), json!({ "transaction_type": "AFT" })] {
        let refused = client.cryptogram(&mastercard, attributes).await.expect(422);
        assert_eq!(refused.error_code(), "validation-failed");
    }
    client.cryptogram(&mastercard, json!({ "cryptogram_type": "TAVV" })).await.expect(200);
}

#[tokio::test]
async fn the_body_may_be_absent() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let answer = client.send(Operation::RequestCryptogram, &id, None).await.expect(200).json();
    let value = answer["data"]["attributes"]["cryptogram"]["value"].as_str().unwrap();
    let redeemed = simulator.redeem_cryptogram(value).unwrap();
    assert_eq!((redeemed.amount, redeemed.currency_code.as_str()), (None, "USD"));
}

#[tokio::test]
async fn an_amount_has_two_decimals_at_most_and_keeps_its_digits() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let send = async |amount: &str| {
        let body = format!(r#"{{"data":{{"attributes":{{"amount":{amount}}}}}}}"#);
        let request =
            client.request(Operation::RequestCryptogram, &id).header("content-type", JSON_API).body(body);
        client.finish(Operation::RequestCryptogram, request).await
    };
    for amount in [
        "0",
        "19.99",
        "5000000.01",
        "19.990",
        "1e2",
        "1999e-2",
        "-0.0",
        "90071992547409.92",
        "99999999999999999999.99",
    ] {
        let answer = send(amount).await.expect(200).json();
        let value = answer["data"]["attributes"]["cryptogram"]["value"].as_str().unwrap();
        let redeemed = simulator.redeem_cryptogram(value).unwrap();
        assert_eq!(redeemed.amount.as_deref(), Some(amount), "every digit is kept");
    }
    for amount in
        ["5000000.005", "0.001", "1e-3", "90071992547409.925", "-0.01", "-5", "\"1\"", "null", "[1]"]
    {
        let refused = send(amount).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["path"], "/data/attributes/amount", "{amount}");
    }
}

#[tokio::test]
async fn a_cryptogram_is_valid_for_24_hours() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let value = async |client: &Client| {
        let answer = client.cryptogram(&id, json!({})).await.expect(200).json();
        answer["data"]["attributes"]["cryptogram"]["value"].as_str().unwrap().to_owned()
    };
    let (first, second) = (value(&client).await, value(&client).await);
    let advance = |minutes: u64| simulator.world().advance_clock(Duration::from_secs(60 * minutes));
    let refused = |value| simulator.redeem_cryptogram(value).unwrap_err().to_string();
    advance(24 * 60 - 1);
    simulator.redeem_cryptogram(&first).unwrap();
    advance(1);
    assert_eq!(refused(&first), "the cryptogram has been used");
    assert_eq!(refused(&second), "the cryptogram is older than 24 hours");
    advance(24 * 60);
    let third = value(&Client::new(&simulator).await).await;
    assert_eq!(refused(&second), "the cryptogram was never issued, or is older than 48 hours");
    simulator.redeem_cryptogram(&third).unwrap();
}
