//! Faults, as a client sees them.

use std::time::{Duration, Instant};

use cmp_simulator::{Action, AnswerBody, Chaos, DebugData, Fault, Operation, Protocol, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::protocols;
use crate::support::{Answer, Client, JSON_API, VISA, card, http};

async fn attempt(client: &Client, operation: Operation, card_id: &str) -> Result<Answer, reqwest::Error> {
    let mut request = client.request(operation, card_id);
    if operation == Operation::CreateCard {
        request = request.header("content-type", JSON_API).body(card(VISA).to_string());
    }
    Answer::read(request.send().await?).await
}

/// A simulator with a stored card that meets `fault` at the next GET.
async fn spoiled(fault: Fault) -> (Simulator, Client, String) {
    spoiled_over(Protocol::Http1, fault).await
}

async fn spoiled_over(protocol: Protocol, fault: Fault) -> (Simulator, Client, String) {
    let simulator = protocols::start(protocol).await;
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    simulator.faults().add(fault.on(Operation::GetCard).times(1));
    (simulator, client, id)
}

/// The response after a fault. It is the same over each protocol, except for ids and lengths.
async fn spoiled_answer(fault: Fault) -> Answer {
    let mut answers = Vec::new();
    for protocol in protocols::ALL {
        let (_simulator, client, id) = spoiled_over(protocol, fault.clone()).await;
        answers.push(attempt(&client, Operation::GetCard, &id).await.unwrap());
    }
    let first = answers.remove(0);
    for other in answers {
        assert_eq!((first.status, first.bytes.len()), (other.status, other.bytes.len()), "{fault:?}");
        for name in ["content-type", "content-length", "location", "retry-after", "x-proxy"] {
            assert_eq!(first.header(name), other.header(name), "{fault:?}: {name}");
        }
    }
    first
}

/// Returns all bytes that the simulator sends for a GET before it closes, and whether it closes in order.
async fn raw_get(simulator: &Simulator, client: &Client, id: &str) -> (Vec<u8>, bool) {
    let request = client.request(Operation::GetCard, id).build().unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let head = format!("GET /cards/{id} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).await;
    (bytes, ended.is_ok())
}

#[tokio::test]
async fn a_status_comes_as_often_as_set() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let fault =
        simulator.faults().add(Fault::status(503).retry_after(2).on(Operation::CreateCard).after(1).times(2));
    client.create(VISA).await.expect(201);
    for _ in 0..2 {
        let refused = client.create(VISA).await.expect(503);
        assert_eq!(refused.header("retry-after"), Some("2"));
        assert_eq!(refused.header("content-type"), Some("application/json"));
        assert_eq!(refused.error_code(), "service-unavailable");
    }
    client.create(VISA).await.expect(201);
    assert_eq!(simulator.count(Operation::CreateCard), 4);
    assert_eq!(simulator.faults().fired(fault), 2);
    assert_eq!(simulator.requests()[2].fault, Some("answer"));
}

#[tokio::test]
async fn scripted_answers_have_any_body_and_headers() {
    let date = "Fri, 31 Dec 2027 23:59:59 GMT";
    let answer = spoiled_answer(Fault::status(503).html().retry_after(date).header("x-proxy", "1")).await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), answer.header("x-proxy")),
        (503, Some(date), Some("1"))
    );
    assert!(
        answer.header("content-type").unwrap().starts_with("text/html")
            && answer.bytes.starts_with(b"<html>")
    );

    let answer = spoiled_answer(Fault::status(503).empty()).await;
    assert!(answer.bytes.is_empty() && answer.header("content-type").is_none());
    let answer = spoiled_answer(Fault::status(403).body(AnswerBody::Forbidden)).await;
    assert_eq!(answer.json()["errors"][0]["title"], "Forbidden");
    let answer = spoiled_answer(Fault::status(418).json(json!({ "tea": true }))).await;
    assert_eq!((answer.status, answer.json()), (418, json!({ "tea": true })));
    let answer = spoiled_answer(Fault::status(200).body(AnswerBody::Raw("plain".to_owned()))).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, b"plain".as_slice()));
    let answer = spoiled_answer(Fault::redirect(307, "https://example.com/")).await;
    assert_eq!((answer.status, answer.header("location")), (307, Some("https://example.com/")));
}

#[tokio::test]
async fn the_token_endpoint_meets_faults_too() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).on(Operation::Token).times(1));
    let refused = crate::support::token(&http(), simulator.url(), "").await;
    assert_eq!(refused.status, 503);
    Client::new(&simulator).await;
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_lost_answer_has_one() {
    for protocol in protocols::ALL {
        let simulator = protocols::start(protocol).await;
        let client = Client::new(&simulator).await;
        let cases = [
            (Fault::dropped(), 0),
            (Fault::dropped().reset(), 0),
            (Fault::refused_stream().effect_applied(), 0),
            (Fault::go_away(DebugData::Request).effect_applied(), 0),
            (Fault::lost_answer(), 1),
            (Fault::lost_answer().reset(), 2),
        ];
        let requests = cases.len();
        for (fault, cards) in cases {
            simulator.faults().add(fault.clone().on(Operation::CreateCard).times(1));
            let error = attempt(&client, Operation::CreateCard, "").await.unwrap_err();
            assert!(error.is_request(), "{protocol:?} {fault:?}: {error:?}");
            assert_eq!(simulator.cards().len(), cards, "{protocol:?} {fault:?}");
            let received = simulator.requests().pop().unwrap();
            assert_eq!(received.status, None);
            assert_eq!(
                received.carried_out,
                fault == Fault::lost_answer() || fault == Fault::lost_answer().reset()
            );
        }
        assert_eq!(simulator.count(Operation::CreateCard), requests);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_so_over_each_protocol() {
    for protocol in protocols::ALL {
        for fault in [
            Fault::cut_head(20),
            Fault::cut_head(0),
            Fault::cut_head(100_000).reset(),
            Fault::cut_body(0),
            Fault::cut_body(10),
            Fault::cut_body(100_000).reset(),
            Fault::reset_body(10),
            Fault::reset_body(0),
        ] {
            for operation in [Operation::CreateCard, Operation::DeleteCard] {
                let simulator = protocols::start(protocol).await;
                let client = Client::new(&simulator).await;
                let id = client.store(VISA).await;
                simulator.faults().add(fault.clone().on(operation));
                assert!(attempt(&client, operation, &id).await.is_err(), "{protocol:?} {fault:?}");
                let cards = if operation == Operation::CreateCard { 2 } else { 0 };
                assert_eq!(simulator.cards().len(), cards, "{protocol:?} {fault:?}: the effect is applied");
                assert_eq!(simulator.requests().last().unwrap().status, None);
            }
        }
    }
}

#[tokio::test]
async fn an_error_may_hide_an_effect() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    simulator.faults().add(Fault::status(500).effect_applied().on(Operation::CreateCard));
    client.create(VISA).await.expect(500);
    assert_eq!(simulator.cards().len(), 1);
}

#[tokio::test]
async fn a_head_is_cut_where_set() {
    for (bytes, reset) in [(1, false), (17, false), (17, true), (100_000, false)] {
        let fault = if reset { Fault::cut_head(bytes).reset() } else { Fault::cut_head(bytes) };
        let (simulator, client, id) = spoiled(fault).await;
        let (received, in_order) = raw_get(&simulator, &client, &id).await;
        assert_eq!(in_order, !reset, "{bytes}");
        let text = String::from_utf8_lossy(&received);
        assert!("HTTP/1.1 200 OK\r\n".starts_with(&text[..received.len().min(17)]), "{text}");
        assert!(!text.contains("\r\n\r\n"), "the head is not whole");
        assert!(bytes == 100_000 || received.len() == bytes, "{} of {bytes}", received.len());
    }
}

#[tokio::test]
async fn a_body_is_cut_where_set() {
    for (bytes, reset) in [(0, false), (10, false), (10, true), (100_000, false)] {
        let fault = if reset { Fault::cut_body(bytes).reset() } else { Fault::cut_body(bytes) };
        let (simulator, client, id) = spoiled(fault).await;
        let (received, in_order) = raw_get(&simulator, &client, &id).await;
        assert_eq!(in_order, !reset, "{bytes}");
        let text = String::from_utf8_lossy(&received);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        assert_eq!(body.len(), bytes.min(length - 1));
        assert_eq!(simulator.requests().last().unwrap().status, None);
    }
}

#[tokio::test]
async fn a_cut_answer_without_body_is_cut_in_its_head() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    simulator.faults().add(Fault::cut_body(5));
    assert!(attempt(&client, Operation::DeleteCard, &id).await.is_err());
    assert!(simulator.cards().is_empty(), "the effect is applied");
}

#[tokio::test]
async fn bodies_are_spoiled() {
    let answer = spoiled_answer(Fault::truncated_json()).await;
    assert!(answer.status == 200 && serde_json::from_slice::<Value>(&answer.bytes).is_err());
    assert!(answer.bytes.starts_with(b"{"));
    let answer = spoiled_answer(Fault::garbage()).await;
    assert!(answer.status == 200 && std::str::from_utf8(&answer.bytes).is_err());
    let answer = spoiled_answer(Fault::content_type("text/html")).await;
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert!(answer.json()["data"].is_object());
    let answer = spoiled_answer(Fault::large_body(5_000_000)).await;
    assert!(answer.bytes.len() > 5_000_000 && answer.json()["data"].is_object());
}

#[tokio::test]
async fn a_drip_comes_in_pieces() {
    for protocol in protocols::ALL {
        let (simulator, client, id) = spoiled_over(protocol, Fault::drip(40, Duration::from_millis(1))).await;
        let started = Instant::now();
        let answer = attempt(&client, Operation::GetCard, &id).await.unwrap();
        assert!(answer.json()["data"].is_object());
        let pieces = u32::try_from(answer.bytes.len() / 40).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(1) * (pieces - 1), "{pieces} pieces");
        assert_eq!(simulator.requests().last().unwrap().status, Some(200));
    }
}

/// Reads a response of HTTP/1.1 to its end, and leaves the connection open.
async fn read_response(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut left) = (Vec::new(), None);
    while left != Some(0) {
        bytes.push(stream.read_u8().await.unwrap());
        left = left.map(|left: usize| left - 1);
        if left.is_none() && bytes.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes).to_lowercase();
            let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap();
            left = Some(length.parse().unwrap());
        }
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_drip_ends_with_its_response() {
    let every = Duration::from_secs(3600);
    let (simulator, _client, _) = spoiled(Fault::drip(200, every)).await;
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    for drips in [true, false] {
        let started = tokio::time::Instant::now();
        stream.write_all(b"GET /cards/CRD1 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = String::from_utf8(read_response(&mut stream).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert_eq!(started.elapsed() >= every, drips, "{:?}: {answer}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_answer_comes_late() {
    let (_simulator, client, id) = spoiled(Fault::delayed(Duration::from_secs(30))).await;
    let started = tokio::time::Instant::now();
    attempt(&client, Operation::GetCard, &id).await.unwrap().expect(200);
    assert!(started.elapsed() >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_hanging_request_blocks_no_other() {
    for fault in [Fault::hang(), Fault::stalled_body(10)] {
        for protocol in protocols::ALL {
            let (simulator, client, id) = spoiled_over(protocol, fault.clone()).await;
            let hanging = attempt(&client, Operation::GetCard, &id);
            tokio::pin!(hanging);
            while simulator.count(Operation::GetCard) == 0 {
                tokio::select! {
                    biased;
                    answer = &mut hanging => panic!("answered: {answer:?}"),
                    () = tokio::task::yield_now() => {}
                }
            }
            client.get(&id).await.expect(200);
            drop(simulator);
            assert!(hanging.await.is_err(), "it ends with the simulator");
        }
    }
}

#[tokio::test]
async fn after_a_hung_connection_new_ones_work() {
    for fault in [Fault::hung_connection(), Fault::hung_connection_with_pings()] {
        for protocol in protocols::ALL {
            let (simulator, client, id) = spoiled_over(protocol, fault.clone()).await;
            attempt(&client, Operation::GetCard, &id).await.unwrap().expect(200);
            let hanging = attempt(&client, Operation::GetCard, &id);
            tokio::pin!(hanging);
            let others = client.on_a_new_connection(&simulator);
            for _ in 0..3 {
                tokio::select! {
                    biased;
                    answer = &mut hanging => panic!("answered: {answer:?}"),
                    answer = others.get(&id) => drop(answer.expect(200)),
                }
            }
            drop(simulator);
            assert!(hanging.await.is_err(), "it ends with the simulator");
        }
    }
}

#[tokio::test]
async fn a_stale_connection_ends_with_the_next_request() {
    for fault in [Fault::stale_connection(), Fault::stale_connection().reset()] {
        let (simulator, client, id) = spoiled(fault).await;
        let request = client.request(Operation::GetCard, &id).build().unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
        let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
        let head = format!("GET /cards/{id} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 64 * 1024];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK"));
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(matches!(stream.read(&mut answer).await, Ok(0) | Err(_)));
        assert_eq!(simulator.count(Operation::GetCard), 1, "the second request was not read");
    }
}

#[tokio::test]
async fn chaos_is_survivable_and_repeatable() {
    let run = async |seed| {
        let simulator = Simulator::start().await.unwrap();
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        simulator.faults().chaos(Chaos::new(0.5).seed(seed));
        let mut outcomes = Vec::new();
        for _ in 0..60 {
            outcomes.push(
                attempt(&client.on_a_new_connection(&simulator), Operation::GetCard, &id)
                    .await
                    .map(|answer| answer.status)
                    .ok(),
            );
        }
        simulator.faults().clear();
        client.get(&id).await.expect(200);
        outcomes
    };
    let outcomes = run(7).await;
    assert_eq!(outcomes, run(7).await);
    assert!(outcomes.contains(&None) && outcomes.contains(&Some(200)) && outcomes.contains(&Some(503)));
}

#[test]
fn every_kind_of_fault_is_data() {
    let kinds = json!([
        { "do": { "answer": { "status": 503, "body": "html", "retry_after": "soon", "headers": { "a": "b" } } } },
        { "do": { "answer": { "status": 409, "body": { "json": { "x": 1 } }, "content_type": "text/json" } } },
        { "do": { "drop": { "close": "rst" } }, "effect_applied": true },
        { "do": { "cut_head": { "bytes": 3, "close": "fin" } } },
        { "do": { "cut_body": { "bytes": 3, "close": "rst" } }, "on": ["get_card", "token"], "after": 1 },
        { "do": { "truncate": {} }, "rate": 0.5 },
        { "do": { "garbage": {} } },
        { "do": { "content_type": { "media_type": "text/html" } } },
        { "do": { "drip": { "bytes": 1, "every_ms": 5 } } },
        { "do": { "hang": {} } },
        { "do": { "redirect": { "status": 302, "location": "/" } } },
        { "do": { "large_body": { "bytes": 9 } } },
        { "do": { "stale": { "close": "fin" } } },
        { "do": { "refuse_stream": {} } },
        { "do": { "go_away": { "code": 0, "debug": "request" } } },
        { "do": { "go_away": { "code": 11, "debug": { "text": "calm down" } } } },
        { "do": { "reset_body": { "bytes": 3 } } },
        { "do": { "stall_body": { "bytes": 3 } } },
        { "do": { "hang_connection": { "answers_pings": true } } },
        { "do": { "proceed": {} }, "delay_ms": 5, "times": 2 },
    ]);
    let faults: Vec<Fault> = serde_json::from_value(kinds.clone()).unwrap();
    assert_eq!(serde_json::to_value(&faults).unwrap(), kinds);
    assert_eq!(faults[9], Fault::new(Action::Hang {}));
    assert!(serde_json::from_value::<Fault>(json!({ "do": { "hang": {} }, "tims": 1 })).is_err());
}
