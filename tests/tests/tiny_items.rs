//! What is kept of an answer follows what a card can have, not how many entries an answer has.

use cmp::{
    Client, Environment,
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
    const OCTETS: usize = 128 * 1024;

    let _alone = ALONE.lock().await;
    let answer =
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = [&answer[..], &b"1\r\nx\r\n".repeat(OCTETS), b"0\r\n\r\n"].concat();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = server.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            socket.read_buf(&mut request).await.unwrap();
        }
        socket.write_all(&answer).await.unwrap();
        socket
    });
    let environment = Environment::custom(&url, &url).unwrap();
    let token = AccessToken::new("token").unwrap();
    let cmp = Client::builder(environment).access_token(token).build().unwrap();
    MEMORY.reset_peak_usage();
    let held = MEMORY.current_usage();
    let error = cmp.cards().get(&"CRD1".parse().unwrap()).await.unwrap_err();
    let used = MEMORY.peak_usage() - held;
    assert_eq!(error.status(), Some(400));
    assert!(used < 8 * OCTETS, "{used}");
    drop(served);
}
