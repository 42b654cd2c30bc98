//! What a peer writes is in no error and in no log.

use std::error::Error as _;

use cmp::{Delivery, ErrorKind, ServiceAccount, clock::ManualClock, retry::RetryPolicy};
use rcgen::SanType;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Log, Reply, SECRETS, builder, card_id, http2, identity, listen, new_card, said};

/// The text that a server makes of the request it was sent.
fn echo() -> String {
    format!("echo-canary \n {}", SECRETS.join(" \u{202e} "))
}

fn assert_no_echo(said: &str, of: &str) {
    for canary in SECRETS.into_iter().chain(["echo-canary"]) {
        // Four digits are also in a port, a time or an address in memory.
        let stands_alone = |at: usize| {
            !said[..at].ends_with(char::is_alphanumeric)
                && !said[at + canary.len()..].starts_with(char::is_alphanumeric)
        };
        let mut places = said.match_indices(canary).map(|(at, _)| at);
        if let Some(at) = places.find(|at| canary.len() > 4 || stands_alone(*at)) {
            let line = said[..at].lines().last().unwrap_or_default();
            panic!("{canary} is in {of} after: {}", line.chars().take(300).collect::<String>());
        }
    }
}

#[tokio::test]
async fn the_text_of_a_goaway_frame_is_nowhere() {
    let (log, _guard) = Log::listen();
    let long = echo().repeat(20);
    for (last_stream, code) in [(0, 0), (0, 11), (1, 0), (1, 2), (0x7fff_ffff, 1), (0, 0xdead_beef)] {
        let text = long.clone();
        let server = http2(move |_| Reply::default().go_away(last_stream, code, &text).closing()).await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        for error in [
            cmp.cards().create(new_card()).await.unwrap_err(),
            cmp.cards().get(&card_id()).await.unwrap_err(),
        ] {
            assert_no_echo(&said(&error), "the error");
            assert!(error.source().is_none(), "{error:?}");
        }
    }
    assert!(log.text().contains("cmp.request"), "nothing was logged");
    assert_no_echo(&log.text(), "the log");
}

#[tokio::test]
async fn an_ordinary_exchange_shows_no_secret_in_any_log() {
    let (log, _guard) = Log::listen();
    let with_pan = r#"{"data":{"id":"CRD1","type":"cards","attributes":{"pan":"5100260000019206"}}}"#;
    let server = http2(move |asked| {
        Reply::default().head(asked.stream, "201", false).frame(0, 1, asked.stream, with_pan.as_bytes())
    })
    .await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    cmp.cards().create(new_card()).await.unwrap();
    let log = log.text();
    assert_no_echo(&log, "the log");
    for field in [
        r#"server.address="localhost""#,
        "server.port=",
        r#"network.protocol.version="2""#,
        "http.response.status_code=201",
    ] {
        assert!(log.contains(field), "{field} is not in {log}");
    }
}

#[tokio::test]
async fn the_text_of_a_goaway_frame_in_the_body_is_nowhere() {
    let (log, _guard) = Log::listen();
    let server = http2(|asked| {
        Reply::default().head(asked.stream, "200", false).frame(0, 0, asked.stream, b"{\"data").go_away(
            0,
            2,
            &echo(),
        )
    })
    .await;
    let cmp = server.client(&ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_no_echo(&said(&error), "the error");
    assert_no_echo(&log.text(), "the log");
}

#[tokio::test]
async fn the_token_endpoints_text_is_nowhere() {
    let (log, _guard) = Log::listen();
    let server = http2(|_| Reply::default().go_away(0, 0, &echo()).closing()).await;
    let environment =
        cmp::Environment::custom("http://127.0.0.1:1", format!("{}/token", server.url)).unwrap();
    let cmp = cmp::Client::builder(environment)
        .service_account(ServiceAccount::new("AC-1", SECRETS[3]))
        .token_root_certificate(server.certificate.as_str())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_no_echo(&said(&error), "the error");
    assert_no_echo(&format!("{:?}", *cmp.auth_state().borrow()), "the state");
    assert_no_echo(&log.text(), "the log");
}

#[tokio::test]
async fn what_is_not_http_is_not_repeated() {
    let (log, _guard) = Log::listen();
    for answer in [
        format!("{}\r\n\r\n", echo()),
        format!("HTTP/1.1 200 {}\r\ncontent-length: 1\r\n\r\n", SECRETS.join(" echo-canary ")),
        format!("HTTP/1.1 200 OK\r\n{} : x\r\n\r\n", SECRETS.join("-")),
        format!("HTTP/1.1 200 OK\r\nx: {}\x00\r\n\r\n", SECRETS.join("-")),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}x\r\n\r\n", SECRETS[0]),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}\r\n", SECRETS[0]),
    ] {
        let server = listen(identity(|_| ()), b"http/1.1", move |_, mut stream, _| {
            let answer = answer.clone();
            async move {
                drop(stream.read(&mut [0; 16 * 1024]).await);
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        })
        .await;
        let cmp = server.client(&ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown);
        assert_no_echo(&said(&error), "the error");
        assert!(error.source().is_none(), "{error:?}");
    }
    assert_no_echo(&log.text(), "the log");
}

#[tokio::test]
async fn a_certificate_that_cant_be_trusted_is_named_by_its_fault_alone() {
    let odd = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let trusted = true;
    let cases = [
        (identity(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)), trusted, "has expired"),
        (
            identity(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1)),
            trusted,
            "is not valid yet",
        ),
        (
            identity(|params| {
                params.subject_alt_names = vec![odd("echo-canary.test"), odd("5100260000019206")];
            }),
            trusted,
            "is for another name",
        ),
        (identity(|_| ()), !trusted, "is not from a trusted issuer"),
    ];
    for (identity, is_trusted, fault) in cases {
        // The systems' libraries have no faults in common.
        let fault = if cfg!(feature = "rustls") { fault } else { "can't be trusted" };
        let server = listen(identity, b"h2", |_, _, _| async {}).await;
        let (_, of_another) = crate::support::identity(|_| ());
        let certificate = if is_trusted { &server.certificate } else { &of_another };
        let cmp = builder(&server.url, certificate, &ManualClock::new()).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("the certificate {fault}")), "{error}");
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent), "{error}");
        assert_eq!((error.attempts(), error.is_retryable(), server.connections()), (1, false, 1), "{error}");
        assert_no_echo(&said(&error), "the error");
        assert!(error.source().is_none(), "{error:?}");
    }
}

#[tokio::test]
async fn an_untrusted_token_endpoint_is_neither_tried_again_nor_a_refusal_of_the_credentials() {
    let server = listen(identity(|_| ()), b"h2", |_, _, _| async {}).await;
    let environment =
        cmp::Environment::custom("http://127.0.0.1:1", format!("{}/token", server.url)).unwrap();
    let builder = cmp::Client::builder(environment).service_account(ServiceAccount::new("AC-1", SECRETS[3]));
    let cmp = builder.clock(ManualClock::new()).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Authentication, Delivery::NotSent));
    assert!(!error.is_retryable() && !error.is_unauthorized(), "{error}");
    assert_eq!((error.attempts(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_peer_that_ends_the_handshake_sent_nothing() {
    // A fatal alert: handshake_failure.
    for bytes in [&b"\x15\x03\x03\x00\x02\x02\x28"[..], b"HTTP/1.1 400 echo-canary\r\n\r\n", b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(stream.read(&mut [0; 4096]).await);
                drop(stream.write_all(bytes).await);
            }
        });
        let (_, certificate) = identity(|_| ());
        let cmp = builder(&url, &certificate, &ManualClock::new()).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent), "{error}");
        assert_eq!(error.attempts(), 4);
        assert_no_echo(&said(&error), "the error");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_a_cause_too() {
    let (_, certificate) = identity(|_| ());
    let cmp = builder("https://echo-canary.invalid", &certificate, &ManualClock::new());
    let error = cmp.retry(RetryPolicy::none()).build().unwrap().cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent), "{error}");
    assert!(error.to_string().contains("the host name has no address"), "{error}");
    assert!(error.source().is_none(), "{error:?}");
}
