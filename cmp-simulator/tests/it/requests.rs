//! Requests that are refused first, and the requests that the handle shows.

use cmp_simulator::{Operation, Simulator};
use serde_json::{Value, json};

use crate::support::{Answer, Client, JSON_API, VISA, card};

#[tokio::test]
async fn bodies_must_be_json_api() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    for operation in [Operation::CreateCard, Operation::UpdateCard, Operation::RequestCryptogram] {
        for media_type in ["application/json", "application/vnd.api+json; charset=utf-8", "text/plain"] {
            let request = client.request(operation, &id).header("content-type", media_type).body("{}");
            let refused = client.finish(operation, request).await.expect(415);
            assert_eq!(refused.error_code(), "unsupported-media-type");
        }
        for broken in ["{", "[]", "\"text\"", "{\"data\": \u{1}}"] {
            let request = client.request(operation, &id).header("content-type", JSON_API).body(broken);
            assert_eq!(client.finish(operation, request).await.expect(400).error_code(), "bad-request");
        }
        let request =
            client.request(operation, &id).header("content-type", JSON_API).body(vec![b'{', 0xff, b'}']);
        client.finish(operation, request).await.expect(400);
    }
    let request = client.request(Operation::CreateCard, "").header("content-type", JSON_API);
    client.finish(Operation::CreateCard, request).await.expect(400);
    assert_eq!(simulator.cards().len(), 1);
}

#[tokio::test]
async fn bad_members_are_named_and_never_repeated() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let with = |pointer: &str, name: &str, value: Value| {
        let mut body = card("4000000000000002");
        body.pointer_mut(pointer).unwrap()[name] = value;
        body
    };
    let attributes = "/data/attributes";
    let cases = [
        (json!({}), "missing-required-field", "/data"),
        (json!({ "data": {} }), "missing-required-field", "/data/attributes"),
        (json!({ "data": { "attributes": {} } }), "missing-required-field", "/data/attributes/pan"),
        (with("", "more", json!(1)), "validation-failed", ""),
        (with(attributes, "pan", json!("4000000000")), "validation-failed", "/data/attributes/pan"),
        (
            with(attributes, "pan", json!(4_000_000_000_000_002_u64)),
            "validation-failed",
            "/data/attributes/pan",
        ),
        (with(attributes, "exp_month", json!(13)), "validation-failed", "/data/attributes/exp_month"),
        (with(attributes, "exp_year", json!(2035)), "validation-failed", "/data/attributes/exp_year"),
        (with(attributes, "cvc", json!("12345")), "validation-failed", "/data/attributes/cvc"),
        (with(attributes, "token_type", json!("card")), "validation-failed", "/data/attributes/token_type"),
        (
            with(attributes, "cardholder", json!({ "email": "x" })),
            "validation-failed",
            "/data/attributes/cardholder/email",
        ),
    ];
    for (body, code, path) in cases {
        let refused = client.send(Operation::CreateCard, "", Some(&body)).await.expect(422);
        assert_eq!(
            (refused.error_code().as_str(), refused.json()["errors"][0]["path"].as_str()),
            (code, Some(path))
        );
        assert!(!String::from_utf8_lossy(&refused.bytes).contains("4000000000"));
    }
    assert!(simulator.cards().is_empty());
}

#[tokio::test]
async fn other_paths_and_methods() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let send = async |method: &str, path: &str| {
        let url = format!("{}{path}", simulator.url());
        let request = client.http.request(method.parse().unwrap(), url);
        Answer::read(request.send().await.unwrap()).await.unwrap()
    };
    assert_eq!(send("GET", "/").await.expect(404).error_code(), "not-found");
    send("GET", "/_simulator/").await.expect(404);
    let refused = send("PUT", "/cards/x").await.expect(405);
    assert_eq!(refused.header("allow"), Some("DELETE, GET, PATCH, HEAD, OPTIONS"));
    assert_eq!(send("OPTIONS", "/cards").await.expect(204).header("allow"), Some("POST, OPTIONS"));
    let head = client.request(Operation::GetCard, &id).build().unwrap();
    let mut head = reqwest::RequestBuilder::from_parts(client.http.clone(), head).build().unwrap();
    *head.method_mut() = reqwest::Method::HEAD;
    let answer = Answer::read(client.http.execute(head).await.unwrap()).await.unwrap().expect(200);
    assert!(answer.bytes.is_empty() && answer.header("content-length").is_some());
}

#[tokio::test]
async fn the_handle_shows_what_was_received() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.create(VISA).await.expect(201).id();
    let request =
        client.request(Operation::GetCard, &format!("{id}?include=network_tokens")).header("x-test", "1");
    let shown = client.finish(Operation::GetCard, request).await.expect(200);

    let requests = simulator.requests();
    let operations: Vec<_> = requests.iter().map(|request| request.operation).collect();
    let expected = [None, Some(Operation::CreateCard), Some(Operation::GetCard)];
    assert_eq!(operations, expected);
    let (created, got) = (&requests[1], &requests[2]);
    assert_eq!(created.body.as_ref().unwrap()["data"]["attributes"]["pan"], "****");
    assert_eq!(created.header("Authorization"), Some("Bearer ****"));
    assert_eq!(got.path, format!("/cards/{id}"));
    assert_eq!(got.query.as_deref(), Some("include=network_tokens"));
    assert_eq!((got.status, got.header("x-test")), (Some(200), Some("1")));
    assert_eq!(shown.json()["metadata"]["observability"]["trace_id"], got.trace_id);
    let everything = format!("{requests:?} {:?} {:?}", simulator.cards(), simulator);
    for secret in [VISA, "123\"", simulator.client_secret()] {
        assert!(!everything.contains(secret), "{secret}");
    }
    simulator.forget_requests();
    assert_eq!((simulator.requests().len(), simulator.count(Operation::GetCard)), (0, 0));
}
