//! Broken HTTP: the simulator answers or closes, and keeps running.

use cmp_simulator::{Operation, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Client, JSON_API, VISA};

async fn connect(simulator: &Simulator) -> TcpStream {
    TcpStream::connect(simulator.address()).await.unwrap()
}

/// Sends only these bytes, and reads to the end of the connection.
async fn converse(simulator: &Simulator, bytes: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = connect(simulator).await.into_split();
    let send = async {
        // The simulator may close before it has read everything.
        let _ = write.write_all(bytes).await;
        let _ = write.shutdown().await;
    };
    let mut answer = Vec::new();
    let receive = async {
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::join!(send, receive);
    answer
}

fn status(answer: &[u8]) -> Option<&str> {
    std::str::from_utf8(answer.get(9..12)?).ok()
}

#[tokio::test]
async fn bad_requests_are_answered_or_cut_off() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let long_header = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-many: 1\r\n".repeat(500));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000));
    let cases: [(&[u8], Option<&str>); 12] = [
        (long_header.as_bytes(), Some("431")),
        (many_headers.as_bytes(), Some("431")),
        (long_path.as_bytes(), Some("431")),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Some("400")),
        (b"GET / HTTP/9.9\r\n\r\n", Some("400")),
        (b"\r\n\r\n\r\n", None),
        (b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", Some("400")),
        (b"GET /cards/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\r\n\r\n", Some("401")),
        (b"POST /cards HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", Some("400")),
        (b"POST /cards HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", None),
        (b"POST /cards HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", None),
        (b"GET / HTTP/1.1\r\nhost", None),
    ];
    for (bytes, expected) in cases {
        let answer = converse(&simulator, bytes).await;
        let sent = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
        assert_eq!(status(&answer), expected, "{sent:?}: {:?}", String::from_utf8_lossy(&answer));
    }
    client.create(VISA).await.expect(201);
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let send = async |length: usize| {
        let request = client.request(Operation::CreateCard, "").header("content-type", JSON_API);
        Answer::read(request.body("x".repeat(length)).send().await.unwrap()).await.unwrap()
    };
    send(1024 * 1024).await.expect(400);
    send(1024 * 1024 + 1).await.expect(413);
    client.create(VISA).await.expect(201);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let simulator = Simulator::start().await.unwrap();
    let paths = ["/cards/a", "/nothing", "/cards"];
    let requests: String = (0..60)
        .map(|number| format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", paths[number % 3]))
        .chain(["GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned()])
        .collect();
    let answers = converse(&simulator, requests.as_bytes()).await;
    let answers = String::from_utf8_lossy(&answers);
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    let expected: Vec<_> = (0..60).map(|number| ["401", "404", "405"][number % 3]).chain(["404"]).collect();
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn half_open_connections_keep_nobody_waiting() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let mut open = Vec::new();
    for number in 0..200 {
        let mut stream = connect(&simulator).await;
        let parts: [&[u8]; 3] =
            [b"", b"GET / HT", b"POST /cards HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"];
        stream.write_all(parts[number % 3]).await.unwrap();
        open.push(stream);
    }
    client.create(VISA).await.expect(201);
    drop(simulator);
    for mut stream in open {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "the connection ends with the simulator");
    }
}
