//! The same API over each protocol.

use cmp_simulator::{Operation, Protocol, Simulator};
use reqwest::Version;
use serde_json::json;

use crate::support::{Client, VISA, card, http, http_of};

pub(crate) const ALL: [Protocol; 4] =
    [Protocol::Http1, Protocol::Tls, Protocol::TlsHttp1, Protocol::TlsHttp2];

pub(crate) async fn start(protocol: Protocol) -> Simulator {
    Simulator::builder().protocol(protocol).start().await.unwrap()
}

#[tokio::test]
async fn each_protocol_is_spoken_as_set() {
    for (protocol, scheme, version) in [
        (Protocol::Http1, "http://", Version::HTTP_11),
        (Protocol::TlsHttp1, "https://", Version::HTTP_11),
        (Protocol::Tls, "https://", Version::HTTP_2),
        (Protocol::TlsHttp2, "https://", Version::HTTP_2),
    ] {
        let simulator = start(protocol).await;
        assert!(simulator.url().starts_with(scheme), "{}", simulator.url());
        assert!(simulator.token_url().starts_with(simulator.url()));
        let client = Client::new(&simulator).await;
        let answer = client.request(Operation::GetCard, "CRD1").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (404, version));
    }
}

#[tokio::test]
async fn a_client_that_negotiates_only_http_1_gets_it() {
    let simulator = start(Protocol::Tls).await;
    let root = reqwest::Certificate::from_pem(simulator.root_certificate().unwrap().as_bytes()).unwrap();
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]).http1_only();
    let answer = builder.build().unwrap().get(simulator.url()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (404, Version::HTTP_11));
}

#[tokio::test]
async fn a_simulator_is_not_trusted_without_its_own_certificate() {
    let (one, other) = (start(Protocol::Tls).await, start(Protocol::Tls).await);
    http_of(&one).get(one.url()).send().await.unwrap();
    assert!(http_of(&other).get(one.url()).send().await.is_err());
    assert!(http().get(one.url()).send().await.is_err());
    assert!(start(Protocol::Http1).await.root_certificate().is_none());
}

#[tokio::test]
async fn the_certificate_is_for_localhost_too() {
    let simulator = start(Protocol::Tls).await;
    let url = simulator.url().replace("127.0.0.1", "localhost");
    assert_eq!(http_of(&simulator).get(url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn every_answer_keeps_the_contract_over_each_protocol() {
    for protocol in ALL {
        let simulator = start(protocol).await;
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        client.get(&id).await.expect(200);
        client.provision(&id).await.expect(200);
        client.cryptogram(&id, json!({ "amount": 19.99 })).await.expect(200);
        client.send(Operation::UpdateCard, &id, None).await.expect(200);
        client.send(Operation::CreateCard, "", Some(&json!({}))).await.expect(422);
        let deleted = client.send(Operation::DeleteCard, &id, None).await.expect(204);
        assert!(deleted.bytes.is_empty());
        client.get(&id).await.expect(404);
        let request = simulator.requests().pop().unwrap();
        assert_eq!((request.status, request.header("host")), (Some(404), simulator.url().split("//").nth(1)));
    }
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body_over_each_protocol() {
    for protocol in ALL {
        let simulator = start(protocol).await;
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        let url = format!("{}/cards/{id}", simulator.url());
        let answer = client.http.head(url).bearer_auth(client.access_token()).send().await.unwrap();
        assert!(answer.headers()["content-length"].to_str().unwrap().parse::<u32>().unwrap() > 100);
        assert!(answer.bytes().await.unwrap().is_empty(), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_over_each_protocol() {
    for protocol in ALL {
        let simulator = start(protocol).await;
        let client = Client::new(&simulator).await;
        let long = card(&"4".repeat(2_000_000)).to_string();
        let answer = client.request(Operation::CreateCard, "").body(long).send().await;
        // The client may notice the closed connection before it has read the answer.
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 413), "{protocol:?}");
        assert!(simulator.cards().is_empty());
    }
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let simulator = start(Protocol::TlsHttp2).await;
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let answers = (0..100).map(|_| client.get(&id));
    for answer in futures_util::future::join_all(answers).await {
        answer.expect(200);
    }
    assert_eq!(simulator.count(Operation::GetCard), 100);
}
