//! One leak in each channel: the search finds it, so it would find a real one.

use std::{
    error::Error,
    fmt, panic,
    sync::{Arc, mpsc},
};

use cmp::{
    Client, Environment,
    auth::{AccessTokenError, AccessTokenFuture, AccessTokenProvider},
    clock::ManualClock,
    opentelemetry,
};
use cmp_simulator::{DebugData, Fault, Protocol};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use workspace_tests::marks::{HOLDER, METADATA, Mark, PAN, PLANTED, found};
use workspace_tests::tls;

use crate::{
    calls::{Clients, card_id, chain, everything, new_card},
    collected::Collected,
    faults,
    hostile::{Hostile, Plan, Shape},
    log, simulator,
    types::Sample,
};

fn is_found(text: &str) -> bool {
    !found(text, &[PLANTED]).is_empty()
}

fn is_logged(by: &str) -> bool {
    log::kept().lines().any(|line| line.contains(by) && is_found(line))
}

#[test]
fn in_an_event() {
    log::keep();
    tracing::trace!(target: "of_another_crate", "an event with {}", PLANTED.value);
    assert!(is_logged("of_another_crate"));
}

#[test]
fn in_a_field_of_a_span() {
    log::keep();
    let span = tracing::trace_span!("of_a_span", later = tracing::field::Empty);
    span.record("later", PLANTED.value);
    drop(span);
    assert!(is_logged("of_a_span"));
}

#[test]
fn in_a_record_of_the_crate_log() {
    log::keep();
    ::log::trace!(target: "of_a_record", "a record with {}", PLANTED.value);
    assert!(is_logged("of_a_record"));
}

#[test]
fn in_a_panic() {
    log::keep();
    panic::catch_unwind(|| panic!("of a panic with {}", PLANTED.value)).unwrap_err();
    assert!(is_logged("of a panic"));
}

#[derive(Debug)]
struct Leaky;

impl AccessTokenProvider for Leaky {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async { Err(AccessTokenError::refused(PLANTED.value)) })
    }
}

#[tokio::test]
async fn in_an_error() {
    let environment =
        Environment::custom("http://127.0.0.1:9", "http://127.0.0.1:9/token").expect("loopback");
    let builder = Client::builder(environment).token_provider(Leaky).clock(ManualClock::new());
    let error = builder.build().expect("a client").cards().get(&card_id()).await.expect_err("no token");
    assert!(is_found(&everything(&error)));
}

#[test]
fn in_the_source_of_an_error() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("harmless")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    assert!(is_found(&chain(&Outer(std::io::Error::other(PLANTED.value)))));
}

#[tokio::test]
async fn in_drift_and_in_what_hooks_are_shown() {
    const NAME: Mark = Mark { name: "name of a member", value: "attributes.later" };
    let server = Hostile::http1();
    server.answer(Plan { status: 200, shape: Shape::Scattered, for_tokens: false });
    let clients = Clients::of(&server);
    let shown = clients.call_everything().await;
    // The member `later` is unknown: the list has its name, and so has what the hook prints.
    assert!(!found(&format!("{:?}", clients.cmp.drift()), &[NAME]).is_empty(), "{shown}");
    let hooked: String = shown.lines().filter(|line| line.contains("unknown member")).collect();
    assert!(!found(&hooked, &[NAME]).is_empty(), "{shown}");
    assert!(shown.contains("AnswerHead"), "{shown}");
    // A hook that prints what it must not.
    let (sender, printed) = mpsc::channel();
    let leaky = clients.cmp.on_answer(move |head| drop(sender.send(format!("{:?}", head.headers))));
    leaky.cards().get(&card_id()).await.expect("a card");
    assert!(!found(&printed.recv().expect("an answer"), &[PAN]).is_empty());
}

#[test]
fn in_the_log_of_the_simulator() {
    log::apart("cmp_simulator=trace", |_| {
        tracing::trace!(target: "cmp_simulator::planted", "an event with {}", PLANTED.value);
    });
    assert!(is_logged("cmp_simulator::planted"));
}

#[tokio::test]
async fn in_the_control_api_of_the_simulator() {
    let simulator = faults::simulator(Protocol::Http1);
    let clients = Clients::at(simulator.url(), &simulator.token_url(), None, None);
    clients.cmp.cards().create(new_card()).await.expect("a card");
    // What was stored beside the card data, it does show.
    let shown = simulator::shown(&simulator).await;
    for mark in [METADATA, HOLDER] {
        assert!(!found(&shown, &[mark]).is_empty(), "{shown}");
    }
}

/// The client's own connections keep the HTTP crates quiet. This one does not.
#[tokio::test]
async fn in_the_debug_data_of_a_goaway() {
    log::keep();
    let simulator = faults::simulator(Protocol::TlsHttp2);
    simulator.faults().add(Fault::go_away(DebugData::Text(PLANTED.value.to_owned())));
    let pem = simulator.root_certificate().expect("TLS");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a root");
    let mut config = tls::client(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (_, port) = simulator.url().rsplit_once(':').expect("a port");
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.expect("a connection");
    let host = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(host, stream).await.expect("TLS");
    let (mut requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("{}/cards/CRD1", simulator.url())).body(()).expect("a request");
    let (response, _) = requests.send_request(request, true).expect("a stream");
    assert!(is_found(&chain(&response.await.expect_err("no answer"))));
    drop(requests);
    drop(connection.await);
    assert!(is_logged("h2"));
}

#[test]
fn in_an_attribute_of_a_metric() {
    let collected = Collected::new();
    let attribute = opentelemetry::KeyValue::new("of_a_metric", PLANTED.value);
    collected.meter().u64_counter("a.metric").build().add(1, &[attribute]);
    assert!(is_found(&collected.lines().join("\n")));
}

#[test]
fn in_the_debug_and_the_json_of_a_type() {
    #[derive(Debug)]
    struct Shown(#[expect(dead_code, reason = "only `Debug` reads it")] &'static str);
    #[derive(serde::Serialize)]
    struct Stored(&'static str);
    impl fmt::Debug for Stored {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("harmless")
        }
    }
    for sample in crate::types::samples! { Shown: Shown(PLANTED.value); Stored: Stored(PLANTED.value); } {
        let Sample { debug, json, .. } = &sample;
        assert!(is_found(debug) || json.as_ref().is_some_and(|json| is_found(json)), "{sample:?}");
    }
}
