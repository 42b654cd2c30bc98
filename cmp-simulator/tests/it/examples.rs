//! The documents' examples (`openapi/examples`): the same requests get responses of the same shape. A
//! shape is the name and the JSON type of each member, and the length of a string of digits.

use cmp_simulator::{Enrollment, IncludedPlace, Numbers, Operation, Readings, Simulator, Times};
use serde_json::Value;

use crate::support::{Client, JSON_API, VISA, card, repository};

fn example(name: &str) -> String {
    repository(&format!("openapi/examples/{name}.json"))
}

fn parsed(name: &str) -> Value {
    serde_json::from_str(&example(name)).unwrap()
}

/// Returns every member of the example that the response lacks or has in another shape.
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
        (Value::String(one), Value::String(other)) if !is_digits(one) || one.len() == other.len() => {
            Vec::new()
        }
        (Value::Number(_), Value::Number(_)) => Vec::new(),
        _ => vec![at.to_owned()],
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

async fn simulator(readings: Readings) -> (Simulator, Client) {
    let simulator = Simulator::builder().readings(readings).start().await.unwrap();
    let client = Client::new(&simulator).await;
    (simulator, client)
}

#[tokio::test]
async fn provision() {
    let mut readings = Readings::default();
    (readings.numbers, readings.times) = (Numbers::Numbers, Times::Naive);
    let (simulator, client) = simulator(readings).await;
    simulator.configure(|settings| settings.enrollment = Enrollment::Manual);
    let id = client.store(VISA).await;
    let request = client.request(Operation::ProvisionNetworkToken, &id).header("accept", "*/*");
    let answer = client.finish(Operation::ProvisionNetworkToken, request).await.expect(201);
    assert_eq!(differences(&parsed("provision-answer"), &answer.json(), ""), [""; 0]);
}

#[tokio::test]
async fn cryptogram() {
    let mut readings = Readings::default();
    readings.times = Times::Naive;
    let (_simulator, client) = simulator(readings).await;
    let id = client.store(VISA).await;
    let request = client
        .request(Operation::RequestCryptogram, &id)
        .header("content-type", JSON_API)
        .body(example("cryptogram-request"));
    let answer = client.finish(Operation::RequestCryptogram, request).await.expect(200);
    assert_eq!(differences(&parsed("cryptogram-answer"), &answer.json(), ""), [""; 0]);
}

#[tokio::test]
async fn delete_a_network_token() {
    let (_simulator, client) = simulator(Readings::default()).await;
    let id = client.store(VISA).await;
    let request = client.request(Operation::DeleteNetworkToken, &id).header("accept", "*/*");
    assert!(client.finish(Operation::DeleteNetworkToken, request).await.expect(204).bytes.is_empty());
}

#[tokio::test]
async fn get_a_card() {
    let example = parsed("card-answer");
    let mut readings = Readings::default();
    readings.included = IncludedPlace::InData;
    let (_simulator, client) = simulator(readings).await;
    let mut body = card(example["data"]["attributes"]["pan"].as_str().unwrap());
    body["data"]["meta"] = example["data"]["meta"].clone();
    let id = client.send(Operation::CreateCard, "", Some(&body)).await.expect(201).id();
    let answer = client.get(&id).await.expect(200).json();
    assert_eq!(differences(&example, &answer, ""), [""; 0]);
    for member in ["pan", "bin", "first8", "last4", "cvc_status", "capabilities"] {
        let (documented, given) =
            (&example["data"]["attributes"][member], &answer["data"]["attributes"][member]);
        assert_eq!(documented, given, "{member}");
    }
}
