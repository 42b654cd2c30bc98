//! What the service and the token endpoint send, through a client and a socket.
//!
//! The server is a few lines in the same thread: it answers each request with the bytes under test.

use std::{cell::RefCell, rc::Rc, time::Duration};

use cmp::{
    CardChanges, CardId, Client, ClientBuilder, Environment, Error, Expiry, NewCard, Pan, ServiceAccount,
    auth::AccessToken,
    clock::ManualClock,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy},
    v1,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::LocalSet,
};

use super::{assert_shows_no_pan, check_error};
use crate::Calls;

const STATUSES: [u16; 16] = [200, 201, 202, 204, 303, 400, 401, 403, 404, 409, 422, 424, 429, 500, 503, 299];
const DEADLINE: Duration = Duration::from_secs(600);
const TOKEN: &[u8] = br#"{"access_token": "a-token", "token_type": "Bearer", "expires_in": 1200}"#;
/// The longest `Retry-After` that an error reports.
const A_YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A response to any request, by its first two bytes: a letter for the operation, one for the status, and the body.
///
/// A refusal is never a success. What a success shows follows the size of its body.
pub fn answer(input: &[u8]) {
    let [operation, status, body @ ..] = input else { return };
    let (operation, status) = (operation_of(*operation), STATUSES[usize::from(status % 16)]);
    PLACE.with(|place| {
        let outcome = place.call(operation, &response_of(status, "", body), None);
        assert!(status < 400 || outcome.is_err(), "{operation:?} succeeds with {status}: {outcome:?}");
        check(&outcome, body.len());
    });
}

/// A whole response, from its status line to wherever it ends. The connection closes behind it.
pub fn response(input: &[u8]) {
    let [operation, response @ ..] = input else { return };
    PLACE.with(|place| {
        let outcome = place.call(operation_of(*operation), response, None);
        check(&outcome, input.len());
    });
}

/// The value of `Retry-After`. No wait outlasts the deadline, and no error reports more than a year.
pub fn retry_after(input: &[u8]) {
    let [status, value @ ..] = input else { return };
    let status = [429, 503, 500, 404][usize::from(status % 4)];
    let mut field = b"retry-after: ".to_vec();
    field.extend(value.iter().filter(|octet| **octet == b'\t' || **octet >= b' ' && **octet != 0x7f));
    field.extend(b"\r\n");
    PLACE.with(|place| {
        let before = place.clock.slept().len();
        let response = response_with(status, &field, b"{}");
        let outcome = place.call(Operation::GetCard, &response, None);
        let waited: Duration = place.clock.slept()[before..].iter().sum();
        assert!(waited <= DEADLINE, "waits {waited:?}");
        let error = outcome.as_ref().expect_err("a refusal");
        assert!(error.retry_after().unwrap_or_default() <= A_YEAR);
        check(&outcome, 0);
    });
}

/// A response of the token endpoint. The first byte is for the status.
///
/// Neither the token nor what else the endpoint sends appears in an error.
pub fn token(input: &[u8]) {
    let [status, body @ ..] = input else { return };
    let status = STATUSES[usize::from(status % 16)];
    PLACE.with(|place| {
        let outcome = place.call(
            Operation::GetCard,
            &response_of(404, "", b"{}"),
            Some(&response_of(status, "", body)),
        );
        let error = outcome.as_ref().expect_err("there is no card");
        check(&outcome, body.len());
        let token = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
        if let Some(token) = token["access_token"].as_str().filter(|token| token.len() >= 12) {
            assert!(!format!("{error:?} {error}").contains(token), "the token is in the error");
        }
    });
}

fn operation_of(octet: u8) -> Operation {
    Operation::ALL[usize::from(octet) % Operation::ALL.len()]
}

fn response_of(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    response_with(status, fields.as_bytes(), body)
}

fn response_with(status: u16, fields: &[u8], body: &[u8]) -> Vec<u8> {
    let length = body.len();
    // 204 has no body.
    let length = if status == 204 { String::new() } else { format!("content-length: {length}\r\n") };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/vnd.api+json\r\n{length}");
    let body = if status == 204 { &[][..] } else { body };
    [head.as_bytes(), fields, b"connection: close\r\n\r\n", body].concat()
}

fn check(outcome: &Result<String, Error>, received: usize) {
    match outcome {
        Ok(shown) => {
            assert_shows_no_pan(shown);
            assert!(shown.len() < 10_000 + 16 * received, "{} bytes for {received}", shown.len());
        }
        Err(error) => {
            check_error(error);
            assert!(!error.next_step().unwrap_or("nothing").is_empty());
        }
    }
}

/// What the server sends.
#[derive(Default)]
struct Script {
    api: Vec<u8>,
    token: Vec<u8>,
}

struct Place {
    runtime: Runtime,
    server: LocalSet,
    script: Rc<RefCell<Script>>,
    environments: (Environment, v1::Environment),
    clock: ManualClock,
    card: CardId,
    alias: v1::PanAlias,
    new_card: NewCard,
}

thread_local! {
    static PLACE: Place = Place::new();
}

impl Place {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Rc::<RefCell<Script>>::default();
        let server = LocalSet::new();
        server.spawn_local(serve(listener, Rc::clone(&script)));
        let token = format!("{url}/token");
        Self {
            runtime,
            server,
            script,
            environments: (
                Environment::custom(&url, &token).expect("loopback"),
                v1::Environment::custom(&url, &token).expect("loopback"),
            ),
            clock: ManualClock::new(),
            card: "CRDecqZp3xRgXU3TFmtcDdzQs".parse().expect("an id"),
            alias: v1::PanAlias::new("tok_1").expect("an alias"),
            new_card: NewCard::new(
                Pan::new("4111111111111111").expect("a test card"),
                Expiry::new(12, 2030).expect("a date"),
            ),
        }
    }

    /// Calls the operation with a client of its own, so that nothing is left of the input before.
    fn call(&self, operation: Operation, api: &[u8], token: Option<&[u8]>) -> Result<String, Error> {
        *self.script.borrow_mut() = Script {
            api: api.to_vec(),
            token: token.map_or_else(|| response_of(200, "", TOKEN), <[u8]>::to_vec),
        };
        let fetches = token.is_some();
        let cmp = self.set(Client::builder(self.environments.0.clone()), fetches).build().expect("a client");
        let v1 = v1::Client::builder(self.environments.1.clone());
        let v1 = self.set(v1, fetches).build().expect("a client");
        let calls = Calls {
            cmp: &cmp,
            v1: &v1,
            new_card: self.new_card.clone(),
            changes: CardChanges::new().expiry(Expiry::new(11, 2031)?),
            card: &self.card,
            alias: &self.alias,
        };
        let returned = self.runtime.block_on(self.server.run_until(calls.call(operation)))?;
        Ok(format!("{returned:?}"))
    }

    fn set<E>(&self, builder: ClientBuilder<E>, fetches: bool) -> ClientBuilder<E> {
        let policy = RetryPolicy::default().max_attempts(2).deadline(DEADLINE);
        let builder = builder.retry(policy).retry_budget(RetryBudget::new(1_000)).clock(self.clock.clone());
        let builder = builder.randomness(|| 0.5).watch_drift();
        if fetches {
            builder.service_account(ServiceAccount::new("ACfuzz", "a-secret"))
        } else {
            builder.access_token(AccessToken::new("a-token").expect("a token"))
        }
    }
}

async fn serve(listener: TcpListener, script: Rc<RefCell<Script>>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::task::spawn_local(exchange(stream, Rc::clone(&script)));
    }
}

/// One request, one response, and the end of the connection.
async fn exchange(mut stream: TcpStream, script: Rc<RefCell<Script>>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let response = {
        let script = script.borrow();
        if request.starts_with(b"POST /token") { script.token.clone() } else { script.api.clone() }
    };
    // The client may have gone away in the middle of it.
    drop(stream.write_all(&response).await);
    drop(stream.shutdown().await);
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length"))
}
