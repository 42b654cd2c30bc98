//! The documents' examples: the same requests go in, and answers of the same shape come out.
//!
//! Values are neutral; a shape is a member's name and its JSON type.

use cmp_simulator::{Enrolment, IncludedPlace, Numbers, Operation, Readings, Simulator, Times};
use serde_json::{Value, json};

use crate::support::{Client, JSON_API, VISA};

/// Every member of the example that the answer lacks or has with another type.
fn differences(example: &Value, answer: &Value, at: &str) -> Vec<String> {
    match (example, answer) {
        (Value::Object(members), Value::Object(found)) => members
            .iter()
            .flat_map(|(name, member)| {
                differences(member, found.get(name).unwrap_or(&Value::Null), &format!("{at}/{name}"))
            })
            .collect(),
        (Value::Array(items), Value::Array(found)) => items
            .iter()
            .zip(found.iter().chain(std::iter::repeat(&Value::Null)))
            .flat_map(|(item, found)| differences(item, found, &format!("{at}/-")))
            .collect(),
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => Vec::new(),
        _ => vec![at.to_owned()],
    }
}

async fn simulator(change: impl FnOnce(&mut Readings)) -> (Simulator, Client) {
    let mut readings = Readings::default();
    change(&mut readings);
    let simulator = Simulator::builder().readings(readings).start().await.unwrap();
    let client = Client::new(&simulator).await;
    (simulator, client)
}

#[tokio::test]
async fn provision() {
    let (simulator, client) = simulator(|readings| {
        readings.numbers = Numbers::Numbers;
        readings.times = Times::Naive;
    })
    .await;
    simulator.configure(|settings| settings.enrolment = Enrolment::Manual);
    let id = client.store(VISA).await;
    let request = client.request(Operation::ProvisionNetworkToken, &id).header("accept", "*/*");
    let answer = client.finish(Operation::ProvisionNetworkToken, request).await.expect(201);
    let example = json!({
        "data": {
            "type": "network_tokens",
            "id": "NT",
            "attributes": {
                "payment_account_reference": "V0",
                "network_token": 1,
                "last4": 1,
                "bin": 1,
                "exp_month": 4,
                "exp_year": 26,
                "created_at": "",
                "updated_at": "",
                "state": "active"
            }
        }
    });
    assert_eq!(differences(&example, &answer.json(), ""), [""; 0]);
}

#[tokio::test]
async fn cryptogram() {
    let (_simulator, client) = simulator(|readings| readings.times = Times::Naive).await;
    let id = client.store(VISA).await;
    let request = client
        .request(Operation::RequestCryptogram, &id)
        .header("content-type", JSON_API)
        .body("{\n    \"data\": {\n      \"attributes\": {}\n    }\n  }");
    let answer = client.finish(Operation::RequestCryptogram, request).await.expect(200);
    let example = json!({
        "data": {
            "id": "NT",
            "type": "network_tokens",
            "attributes": {
                "bin": "",
                "created_at": "",
                "cryptogram": { "eci": "07", "type": "TAVV", "value": "" },
                "exp_month": 9,
                "exp_year": 27,
                "last4": "",
                "network_token": "",
                "payment_account_reference": "V",
                "state": "active",
                "updated_at": ""
            }
        },
        "metadata": {
            "observability": { "client_id": "", "fingerprint": "", "account_id": "", "trace_id": "", "vault_id": "" }
        }
    });
    assert_eq!(differences(&example, &answer.json(), ""), [""; 0]);
}

#[tokio::test]
async fn delete_a_network_token() {
    let (_simulator, client) = simulator(|_| {}).await;
    let id = client.store(VISA).await;
    let request = client.request(Operation::DeleteNetworkToken, &id).header("accept", "*/*");
    assert!(client.finish(Operation::DeleteNetworkToken, request).await.expect(204).bytes.is_empty());
}

#[tokio::test]
async fn get_a_card_in_the_guide() {
    let (_simulator, client) = simulator(|readings| readings.included = IncludedPlace::InData).await;
    let mut body = crate::support::card(VISA);
    body["data"]["meta"] = json!({ "token_type": "pan" });
    let id = client.send(Operation::CreateCard, "", Some(&body)).await.expect(201).id();
    let example = json!({
        "data": {
            "id": "CRD",
            "type": "cards",
            "attributes": {
                "pan": VISA,
                "cvc_status": "active",
                "bin": "411111",
                "first8": "41111111",
                "last4": "1111",
                "exp_month": 5,
                "exp_year": 28,
                "card_fingerprint": "",
                "capabilities": ["network-tokens"],
                "created_at": "",
                "updated_at": ""
            },
            "included": [{
                "type": "network_tokens",
                "id": "NT",
                "attributes": {
                    "payment_account_reference": "V0",
                    "network_token": "",
                    "last4": "",
                    "bin": "",
                    "exp_month": 11,
                    "exp_year": 27,
                    "created_at": "",
                    "updated_at": "",
                    "state": "active"
                }
            }],
            "meta": { "token_type": "pan" }
        }
    });
    let answer = client.get(&id).await.expect(200).json();
    assert_eq!(differences(&example, &answer, ""), [""; 0]);
    assert_eq!(answer["data"]["attributes"]["bin"], "411111");
}
