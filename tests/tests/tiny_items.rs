//! What is kept of an answer follows what a card can have, not how many entries an answer has.

use cmp::{
    Card, Client, Environment,
    auth::AccessToken,
    generated::{lenient, types::CardResourceResponse},
};
use peak_alloc::PeakAlloc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time, because all threads share the memory.
static ALONE: Mutex<()> = Mutex::const_new(());

/// As many octets as a client reads, unless it is set otherwise.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

#[test]
fn four_megabytes_of_tiny_entries_stay_small() {
    let _alone = ALONE.blocking_lock();
    let before = r#"{"data":{"id":"CRD1"},"included":["#;
    for entry in [
        "{}",
        "0",
        r#"{"type":"network_tokens"}"#,
        r#"{"id":"","type":"card_updates"}"#,
        r#"{"a":{"":0}}"#,
        r#"{"id":"1","type":"x","a":[[],[],[],[]]}"#,
    ] {
        let count = (LARGEST_ANSWER - before.len()) / (entry.len() + 1) - 1;
        let body = format!("{before}{}{entry}]}}", format!("{entry},").repeat(count));
        MEMORY.reset_peak_usage();
        let held = MEMORY.current_usage();
        let card: CardResourceResponse = lenient::decode(body.as_bytes()).expect("a card");
        let used = MEMORY.peak_usage() - held;
        assert!(card.included.is_some_and(|included| included.len() > 1_000), "{entry}");
        assert!(used < LARGEST_ANSWER, "{entry}: {used}");
    }
}

#[tokio::test]
async fn an_error_in_tiny_pieces_stays_small() {
    answer_in_tiny_pieces("400 Bad Request", "x").await.expect_err("an error");
}

#[tokio::test]
async fn a_card_in_tiny_pieces_stays_small() {
    answer_in_tiny_pieces("200 OK", r#"{"data":{"id":"CRD1"}}"#).await.expect("a card");
}

async fn answer_in_tiny_pieces(status: &str, body: &str) -> cmp::Result<Card> {
    const OCTETS: usize = 128 * 1024;

    let _alone = ALONE.lock().await;
    let body = format!("{body}{}", " ".repeat(OCTETS));
    let pieces: String = body.chars().map(|octet| format!("1\r\n{octet}\r\n")).collect();
    let answer = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n{pieces}0\r\n\r\n");
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    let served = tokio::spawn(async move {
        let (mut socket, _) = server.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            socket.read_buf(&mut request).await.expect("a request");
        }
        socket.write_all(answer.as_bytes()).await.expect("a client");
        socket
    });
    let environment = Environment::custom(&url, &url).expect("loopback");
    let token = AccessToken::new("token").expect("a token");
    let cmp = Client::builder(environment).access_token(token).watch_drift().build().expect("a client");
    MEMORY.reset_peak_usage();
    let held = MEMORY.current_usage();
    let got = cmp.cards().get(&"CRD1".parse().expect("an id")).await;
    let used = MEMORY.peak_usage() - held;
    assert!(used < 8 * OCTETS, "{used}");
    drop(served);
    got
}
