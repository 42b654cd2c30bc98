//! Faults of HTTP/2, frame by frame.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use cmp_simulator::{DebugData, Fault, Operation, Protocol, Simulator, TOKEN_PATH};
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::protocols;
use crate::support::{JSON_API, VISA, card};

/// A connection that shows the frames.
struct Wire {
    requests: SendRequest<Bytes>,
    pings: PingPong,
    end: JoinHandle<Result<(), h2::Error>>,
    base: String,
    access_token: String,
}

impl Wire {
    async fn open(simulator: &Simulator) -> Self {
        let tcp = TcpStream::connect(simulator.address()).await.unwrap();
        let stream =
            connector(simulator).connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
        let (requests, mut connection): (_, Connection<TlsStream<TcpStream>, Bytes>) =
            h2::client::handshake(stream).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let end = tokio::spawn(connection);
        Self { requests, pings, end, base: simulator.url().to_owned(), access_token: String::new() }
    }

    /// Connects, and requests an access token on the first stream.
    async fn authorized(simulator: &Simulator) -> Self {
        let mut wire = Self::open(simulator).await;
        let form =
            "grant_type=client_credentials&client_id=AC-simulator&client_secret=simulator-client-secret";
        let answer = wire.send("POST", TOKEN_PATH, "application/x-www-form-urlencoded", form).await;
        let token: Value = serde_json::from_slice(&whole(answer.await.unwrap().into_body()).await).unwrap();
        wire.access_token = token["access_token"].as_str().unwrap().to_owned();
        wire
    }

    async fn send(&mut self, method: &str, path: &str, media_type: &str, body: &str) -> ResponseFuture {
        poll_fn(|context| self.requests.poll_ready(context)).await.unwrap();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", media_type)
            .header("authorization", format!("Bearer {}", self.access_token))
            .body(())
            .unwrap();
        let (answer, mut stream) = self.requests.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        }
        answer
    }

    async fn create(&mut self) -> ResponseFuture {
        self.send("POST", "/cards", JSON_API, &card(VISA).to_string()).await
    }

    /// The id of a stored card.
    async fn store(&mut self) -> String {
        let answer = self.create().await.await.unwrap();
        let card: Value = serde_json::from_slice(&whole(answer.into_body()).await).unwrap();
        card["data"]["id"].as_str().unwrap().to_owned()
    }

    async fn get(&mut self, id: &str) -> ResponseFuture {
        self.send("GET", &format!("/cards/{id}"), JSON_API, "").await
    }
}

fn connector(simulator: &Simulator) -> TlsConnector {
    let root = CertificateDer::from_pem_slice(simulator.root_certificate().unwrap().as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn whole(mut body: RecvStream) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some(piece) = body.data().await {
        octets.extend(piece.unwrap());
    }
    octets
}

async fn is_pending(answer: &mut ResponseFuture) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *answer).poll(context).is_pending())).await
}

async fn spoiled(fault: Fault) -> (Simulator, Wire) {
    let simulator = protocols::start(Protocol::Tls).await;
    let wire = Wire::authorized(&simulator).await;
    simulator.faults().add(fault.times(1));
    (simulator, wire)
}

#[tokio::test]
async fn a_stream_is_refused_and_the_connection_goes_on() {
    let (simulator, mut wire) = spoiled(Fault::refused_stream()).await;
    let error = wire.create().await.await.unwrap_err();
    assert!(error.is_reset() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    assert_eq!(simulator.count(Operation::CreateCard), 1, "the whole request was read");
    assert!(simulator.cards().is_empty());
    wire.store().await;
}

#[tokio::test]
async fn a_connection_goes_away_with_debug_data_and_without() {
    for (debug, expected) in
        [(DebugData::None, ""), (DebugData::Text("<html>".to_owned()), "<html>"), (DebugData::Request, VISA)]
    {
        let (simulator, mut wire) = spoiled(Fault::go_away(debug.clone())).await;
        let error = wire.create().await.await.unwrap_err();
        assert!(error.is_go_away() && error.is_remote(), "{error:?}");
        assert_eq!(error.reason(), Some(Reason::NO_ERROR));
        let shown = format!("{error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert_eq!(shown.contains(&wire.access_token), debug == DebugData::Request);
        assert!(simulator.cards().is_empty());
        assert!(poll_fn(|context| wire.requests.poll_ready(context)).await.is_err());
        drop(wire.end.await.unwrap());
    }
}

#[tokio::test]
async fn debug_data_fits_into_a_frame() {
    let (_simulator, mut wire) = spoiled(Fault::go_away(DebugData::Text("x".repeat(100_000)))).await;
    let error = wire.create().await.await.unwrap_err();
    assert!(error.is_go_away(), "{error:?}");
    assert_eq!(format!("{error:?}").matches('x').count(), 16 * 1024 - 8);
}

#[tokio::test]
async fn a_body_is_reset_where_set_and_the_connection_goes_on() {
    for (bytes, at_most) in [(0, 0), (10, 10), (100_000, 100_000)] {
        let (_simulator, mut wire) = spoiled(Fault::reset_body(bytes)).await;
        let answer = wire.create().await.await.unwrap();
        assert_eq!(answer.status(), 201);
        let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let mut body = answer.into_body();
        let mut read = 0;
        let error = loop {
            match body.data().await.unwrap() {
                Ok(piece) => read += piece.len(),
                Err(error) => break error,
            }
        };
        assert_eq!((read, error.reason()), ((length - 1).min(at_most), Some(Reason::INTERNAL_ERROR)));
        wire.store().await;
    }
}

#[tokio::test]
async fn a_body_stalls_and_the_connection_goes_on() {
    let (_simulator, mut wire) = spoiled(Fault::stalled_body(10)).await;
    let mut body = wire.create().await.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap().len(), 10);
    wire.store().await;
    let is_pending = poll_fn(|context| Poll::Ready(body.poll_data(context).is_pending())).await;
    assert!(is_pending, "nothing follows");
}

#[tokio::test]
async fn a_hung_connection_may_answer_pings() {
    let (simulator, mut wire) = spoiled(Fault::hung_connection_with_pings()).await;
    let id = wire.store().await;
    let mut answer = wire.get(&id).await;
    wire.pings.ping(Ping::opaque()).await.unwrap();
    while simulator.count(Operation::GetCard) == 0 {
        wire.pings.ping(Ping::opaque()).await.unwrap();
    }
    assert!(is_pending(&mut answer).await);
    let received = simulator.requests().pop().unwrap();
    assert_eq!((received.fault, received.status), (Some("hang_connection"), None));
    Wire::authorized(&simulator).await.store().await;
}

#[tokio::test]
async fn a_hung_connection_may_not_even_answer_pings() {
    let (simulator, mut wire) = spoiled(Fault::hung_connection()).await;
    let id = wire.store().await;
    let mut answer = wire.get(&id).await;
    wire.pings.send_ping(Ping::opaque()).unwrap();
    for _ in 0..3 {
        Wire::authorized(&simulator).await.store().await;
    }
    assert!(is_pending(&mut answer).await);
    let pong = poll_fn(|context| Poll::Ready(wire.pings.poll_pong(context).is_pending())).await;
    assert!(pong, "no ping is answered");
    assert_eq!(simulator.count(Operation::GetCard), 0, "the request was not read");
}

#[tokio::test]
async fn a_stale_connection_ends_with_the_next_request() {
    for fault in [Fault::stale_connection(), Fault::stale_connection().reset()] {
        let (simulator, mut wire) = spoiled(fault).await;
        let id = wire.store().await;
        wire.pings.ping(Ping::opaque()).await.unwrap();
        assert!(wire.get(&id).await.await.is_err());
        assert_eq!(simulator.count(Operation::GetCard), 0, "the second request was not read");
        drop(wire.end.await.unwrap());
    }
}

#[tokio::test]
async fn the_number_of_streams_is_limited() {
    for limit in [1, 7] {
        let simulator = Simulator::builder().protocol(Protocol::TlsHttp2).start().await.unwrap();
        simulator.configure(|settings| settings.http2.max_concurrent_streams = Some(limit));
        let mut wire = Wire::authorized(&simulator).await;
        wire.store().await;
        assert_eq!(wire.requests.current_max_send_streams(), limit as usize);
    }
}

#[tokio::test]
async fn request_bodies_stall() {
    let simulator = protocols::start(Protocol::Tls).await;
    let access_token = Wire::authorized(&simulator).await.access_token;
    simulator.configure(|settings| settings.http2.stall_requests = true);
    let mut wire = Wire { access_token, ..Wire::open(&simulator).await };
    let mut answer = wire.create().await;
    let other = wire.get("CRD1").await.await.unwrap();
    assert_eq!(other.status(), 404, "what has no body is answered");
    assert!(is_pending(&mut answer).await);
    assert_eq!(simulator.count(Operation::CreateCard), 0);
    assert!(simulator.cards().is_empty());
}

#[test]
fn the_set_up_is_data() {
    let settings: cmp_simulator::Settings =
        serde_json::from_value(json!({ "http2": { "max_concurrent_streams": 1, "stall_requests": true } }))
            .unwrap();
    assert_eq!(settings.http2.max_concurrent_streams, Some(1));
    assert!(settings.http2.stall_requests);
}
