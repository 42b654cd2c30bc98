//! Broken and hostile connections: an unsafe request is never sent twice, and nothing hangs, grows or panics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cmp::{Delivery, ErrorKind, clock::ManualClock};
use cmp_simulator::{Fault, Operation as Simulated, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{builder, card_id, client, new_card, simulated};

/// Every way to lose the answer after the request was sent.
fn cut_off() -> Vec<Fault> {
    vec![
        Fault::dropped(),
        Fault::dropped().reset(),
        Fault::lost_answer(),
        Fault::lost_answer().reset(),
        Fault::cut_head(0),
        Fault::cut_head(7).reset(),
        Fault::cut_head(40),
        Fault::cut_body(0),
        Fault::cut_body(20).reset(),
    ]
}

#[tokio::test]
async fn a_card_whose_answer_was_cut_off_is_not_stored_twice() {
    for fault in cut_off() {
        let simulator = Simulator::start().await.unwrap();
        let cmp = simulated(&simulator, &ManualClock::new());
        simulator.faults().add(fault.clone().on(Simulated::CreateCard));
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!(simulator.count(Simulated::CreateCard), 1, "{fault:?}");
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::Connection, Delivery::OutcomeUnknown),
            "{fault:?}"
        );
        assert!(error.next_step().is_some_and(|step| step.contains("duplicate detection")));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn what_is_harmless_is_repeated_after_the_answer_was_cut_off() {
    for fault in cut_off() {
        let simulator = Simulator::start().await.unwrap();
        let cmp = simulated(&simulator, &ManualClock::new());
        let stored = cmp.cards().create(new_card()).await.unwrap();
        simulator.faults().add(fault.clone().on(Simulated::GetCard).times(2));
        cmp.cards().get(stored.id()).await.unwrap();
        assert_eq!(simulator.count(Simulated::GetCard), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_connection_that_went_stale_in_the_pool_is_no_failure_of_a_read() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.faults().add(Fault::stale_connection().on(Simulated::GetCard).times(1));
    for _ in 0..3 {
        cmp.cards().get(stored.id()).await.unwrap();
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Simulator::start().await.unwrap();
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    for status in [301, 302, 303, 307, 308] {
        simulator.faults().add(
            Fault::redirect(status, format!("{}/cards/x", elsewhere.url())).on(Simulated::GetCard).times(1),
        );
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::UnexpectedAnswer, Some(status)));
        assert!(error.to_string().contains(&format!("the service redirected (status {status})")), "{error}");
    }
    simulator.faults().add(Fault::redirect(303, format!("{}/cards/x", elsewhere.url())));
    let error = cmp.cards().delete(&card_id()).await.expect_err("only a creation is answered by a redirect");
    assert_eq!((error.kind(), error.status()), (ErrorKind::UnexpectedAnswer, Some(303)));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_never_ends_is_not_read_to_its_end() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.faults().add(Fault::large_body(1 << 40).on(Simulated::GetCard));
    let error = cmp.cards().get(stored.id()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::UnexpectedAnswer, 1));
    assert!(error.to_string().contains("too large"), "{error}");
}

#[tokio::test]
async fn broken_json_is_an_error_without_its_text() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    for fault in [Fault::truncated_json(), Fault::garbage()] {
        simulator.faults().add(fault.on(Simulated::GetCard).times(1));
        let error = cmp.cards().get(stored.id()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, Some(200)), "{error}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_read() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.faults().add(Fault::drip(200, Duration::from_millis(1)).on(Simulated::GetCard).times(1));
    cmp.cards().get(stored.id()).await.unwrap();
}

/// A server that answers each request with these bytes and closes.
async fn saying(bytes: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, bytes));
        }
    });
    (url, asked)
}

async fn answer(mut stream: TcpStream, bytes: &[u8]) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    // The client may hang up first; that is what some of the tests are about.
    drop(stream.write_all(bytes).await);
}

#[tokio::test]
async fn what_is_not_http_is_a_broken_connection() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 201 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n{}",
        b"HTTP/1.1 201 OK\r\nx: \x00\x01\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 201 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ] {
        let (url, asked) = saying(bytes).await;
        let error = client(&url).cards().create(new_card()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn strange_statuses_and_bodies_end_in_an_error() {
    for (bytes, status) in [
        (&b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"[..], 202),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull", 200),
        (b"HTTP/1.1 600 What\r\ncontent-length: 0\r\n\r\n", 600),
        (b"HTTP/1.1 418 Teapot\r\ncontent-length: 5\r\n\r\n[[[[[", 418),
    ] {
        let (url, _) = saying(bytes).await;
        let error = client(&url).cards().get(&card_id()).await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_is_a_broken_connection_whatever_its_status() {
    for status in ["200 OK", "201 Created", "202 Accepted", "299 X"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n{{\"data\": {{");
        let (url, _) = saying(answer.leak().as_bytes()).await;
        let error = client(&url).cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::OutcomeUnknown));
        assert_eq!(error.status(), status[..3].parse().ok());
    }
}

#[tokio::test]
async fn deeply_nested_json_is_refused() {
    let body = "[".repeat(100_000);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (url, _) = saying(answer.leak().as_bytes()).await;
    let error = client(&url).cards().get(&card_id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_smaller_limit_can_be_set() {
    let simulator = Simulator::start().await.unwrap();
    let stored = simulated(&simulator, &ManualClock::new()).cards().create(new_card()).await.unwrap();
    let environment = cmp::Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = cmp::Client::builder(environment).service_account(account).largest_answer(100).build().unwrap();
    let error = cmp.cards().get(stored.id()).await.unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    // The error of an unreachable service doesn't depend on it.
    assert!(builder("http://127.0.0.1:1", &ManualClock::new()).largest_answer(0).build().is_ok());
}

#[tokio::test]
async fn a_stale_connection_that_can_not_be_made_again_sent_nothing() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let news = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut from_server = TcpStream::connect(news.local_addr().unwrap()).await.unwrap();
    let (mut to_client, _) = news.accept().unwrap();
    let (close, closes) = std::sync::mpsc::channel();
    let (closed, is_closed) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend_from_slice(&byte);
        }
        stream.write_all(b"HTTP/1.1 404 X\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        closes.recv().unwrap();
        drop((listener, stream));
        to_client.write_all(b"x").unwrap();
        closed.send(()).unwrap();
    });
    let cmp = client(&url);
    assert_eq!(cmp.cards().get(&card_id()).await.unwrap_err().status(), Some(404));
    // Nothing runs here meanwhile. So this task gets the news in the same turn as the connection's task hears of the
    // end, goes first, and gives its request to the connection.
    close.send(()).unwrap();
    is_closed.recv().unwrap();
    from_server.read_exact(&mut [0]).await.unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 4), "{error}");
    server.join().unwrap();
}
