//! Canaries: marked secrets go through every operation and failure, and must not come out anywhere.

use std::{
    io::Write,
    sync::{Arc, LazyLock, Mutex},
};

use cmp::{
    Amount, CardChanges, Cardholder, Client, Cvc, Environment, Expiry, NewCard, Pan, ServiceAccount,
    auth::AccessToken, clock::ManualClock, payments::NetworkTransactionId,
};
use cmp_simulator::{Fault, Simulator};
use serde_json::json;
use tracing::{Dispatch, subscriber::NoSubscriber};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::support::{JSON_API, always, builder, card_id, card_is, simulated};

const PAN: &str = "5100260000019206";
const CVC: &str = "7391";
const HOLDER: &str = "Canary Holder";
const TOKEN: &str = "canary-bearer-0123456789";
const CRYPTOGRAM: &str = "CanaryCryptogram+0123456789A==";
const NETWORK_TOKEN: &str = "5580043943638177";
const CANARIES: [&str; 6] = [PAN, CVC, HOLDER, TOKEN, CRYPTOGRAM, NETWORK_TOKEN];

/// While one subscriber is alone, `tracing` asks the thread that first meets a span whether anybody listens, and takes its
/// word for all threads: with a second one, another test's thread can't silence a span here.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Collects all that the client's side logs, at every level and from every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("trace,httpmock=off,cmp_simulator=off"))
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .without_time()
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn assert_no_canary(text: &str, what: &str) {
    for canary in CANARIES {
        let stands_alone = |at: usize| !text[at + canary.len()..].starts_with(|c: char| c.is_ascii_digit());
        let found = text.match_indices(canary).any(|(at, _)| stands_alone(at));
        assert!(!found, "{what} shows {canary}: {text}");
    }
}

fn new_card() -> NewCard {
    NewCard::new(Pan::new(PAN).unwrap(), Expiry::new(12, 2030).unwrap())
        .cvc(Cvc::new(CVC).unwrap())
        .cardholder(Cardholder::new().name(HOLDER))
        .meta("note", PAN)
}

/// Runs every operation and returns all that a program could print of the outcomes.
async fn run_everything(cmp: &Client) -> String {
    let id = card_id();
    let changes = CardChanges::new().cvc(Cvc::new(CVC).unwrap());
    let mut shown = format!("{cmp:?} {:?} {changes:?}", new_card());
    let mut show = |outcome: String| shown.push_str(&outcome);
    show(outcome(cmp.cards().create(new_card()).await));
    show(outcome(cmp.cards().get(&id).await));
    show(outcome(cmp.cards().update(&id, changes).await));
    show(outcome(cmp.cards().delete(&id).await));
    show(outcome(cmp.network_tokens().provision(&id).await));
    show(outcome(cmp.network_tokens().delete(&id).await));
    let amount = Amount::usd("19.99").unwrap();
    show(outcome(cmp.network_tokens().cryptogram(&id).amount(amount).await));
    show(outcome(cmp.network_tokens().short_cryptogram(&id).await));
    let payments = cmp.payments();
    show(outcome(payments.customer_initiated(&id).amount(amount).await));
    show(outcome(payments.customer_initiated(&id).or_pan().await));
    show(outcome(payments.card_form(&id).or_pan().await));
    let first_payment = NetworkTransactionId::new("123456789012345").unwrap();
    show(outcome(payments.merchant_initiated(&id, first_payment.clone()).await));
    show(outcome(payments.merchant_initiated(&id, first_payment).or_pan().await));
    shown
}

fn outcome<T: std::fmt::Debug>(result: cmp::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?} {value:#?}"),
        Err(error) => {
            let mut text = format!("{error} {error:?} {error:#?}");
            let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
            while let Some(inner) = cause {
                text.push_str(&format!("{inner} {inner:?}"));
                cause = inner.source();
            }
            text
        }
    }
}

/// An error answer that repeats everything that was ever sent.
fn echo() -> String {
    let said =
        format!("{PAN} {CVC} {HOLDER} Bearer {TOKEN} {CRYPTOGRAM} {NETWORK_TOKEN}").replace(HOLDER, "");
    json!({
        "errors": [{"error_code": PAN, "summary": said, "detail": said, "path": format!("/data/{PAN}"), "title": said,
            "details": said, "fingerprint": PAN, "status": PAN}],
        "meta": {"observability": {"trace_id": PAN}, "pan": PAN},
        PAN: PAN
    })
    .to_string()
}

#[tokio::test]
async fn nothing_shows_in_answers_that_repeat_what_was_sent() {
    let (log, _guard) = Log::listen();
    for status in [200, 201, 202, 204, 301, 303, 400, 401, 403, 404, 422, 424, 429, 500, 502, 503, 504] {
        for (content_type, body) in [(JSON_API, echo()), ("text/html", format!("<p>{PAN} {CVC} {TOKEN}</p>"))]
        {
            let (server, _) = always(status, content_type, &body).await;
            let builder = builder(&server.base_url(), &ManualClock::new());
            let cmp = builder.access_token(AccessToken::new(TOKEN).unwrap()).build().unwrap();
            assert_no_canary(&run_everything(&cmp).await, &format!("{status} {content_type}"));
        }
    }
    let logged = log.text();
    assert!(logged.contains("cmp.request") && logged.contains("/cards/{card_id}"), "the log is empty");
    assert_no_canary(&logged, "the log");
}

#[tokio::test]
async fn nothing_shows_in_answers_that_hold_secrets() {
    let (log, _guard) = Log::listen();
    let card = json!({"data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "type": "cards",
    "attributes": {"pan": PAN, "cvc": CVC, "exp_month": 5, "exp_year": 28, "cardholder": {"name": HOLDER}},
    "meta": {"note": PAN},
    "included": [
        {"type": "network_tokens", "id": "NT1", "attributes": {"network_token": NETWORK_TOKEN, "state": "active",
            "cryptogram": {"type": "TAVV", "value": CRYPTOGRAM, "eci": "07"}}},
        {"type": "card_updates", "id": "CU1", "attributes": {
            "updated_values": [{"field_name": "pan", "old_value": PAN, "new_value": NETWORK_TOKEN}]}},
        {"type": "surprise", "attributes": {"pan": PAN}}
    ]}});
    let (_server, cmp) = card_is(card).await;
    let read = cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!(read.pan.as_ref().map(Pan::expose), Some(PAN), "the canaries are there to be seen");
    assert_no_canary(&format!("{read:?} {read:#?}"), "Debug");
    let misplaced = json!({"data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "attributes": {"bin": PAN, "first8": PAN,
        "last4": PAN, "card_brand": PAN, "token_type": PAN, "capabilities": [PAN]}, "relationships": {PAN: {}}},
        "metadata": {"observability": {"trace_id": PAN}},
        "included": [{"type": "network_tokens", "id": "NT1", "attributes": {"state": PAN, "reason_code": PAN}}]});
    let (_server, cmp) = card_is(misplaced).await;
    let read = cmp.cards().get(&card_id()).await.unwrap();
    let why = read.network_token().unwrap_err();
    assert_no_canary(
        &format!("{read:?} {read:#?} {why} {why:?} {:?} {:?}", read.token_type.as_ref(), &read.capabilities),
        "Debug",
    );
    let body = json!({"data": {"attributes": {"network_token": NETWORK_TOKEN,
        "cryptogram": {"type": "TAVV", "value": CRYPTOGRAM, "eci": "07"}}}});
    let (_server, cmp) = always(200, JSON_API, &body.to_string()).await;
    let read = cmp.network_tokens().cryptogram(&card_id()).await.unwrap();
    assert_no_canary(&format!("{read:?} {read:#?}"), "Debug");
    let used = read;
    assert_no_canary(&format!("{used:?} {used:#?}"), "Debug");
    assert_eq!(*used.value.expose(), CRYPTOGRAM, "the canaries are there to be seen");
    assert_no_canary(&log.text(), "the log");
}

#[tokio::test]
async fn a_span_says_what_was_sent_how_often_and_how_it_ended() {
    let (log, _guard) = Log::listen();
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).times(1).on(cmp_simulator::Operation::GetCard));
    simulated(&simulator, &ManualClock::new()).cards().get(&card_id()).await.unwrap_err();
    let logged = log.text();
    for said in [
        r#"cmp.operation="get_card" http.request.method="GET" http.request.resend_count=0 url.template="/cards/{card_id}""#,
        r#"server.address="127.0.0.1" server.port="#,
        r#"network.protocol.version="1.1""#,
        r#"http.response.status_code=503 error.type="503""#,
        "http.request.resend_count=1",
        r#"http.response.status_code=404 error.type="404""#,
    ] {
        assert!(logged.contains(said), "{said} is not in {logged}");
    }
    assert!(!logged.contains("http.request.resend_count=2"));
}

#[tokio::test]
async fn nothing_shows_when_connections_break() {
    let (log, _guard) = Log::listen();
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    cmp.warm_up().await.unwrap();
    for fault in [
        Fault::dropped(),
        Fault::cut_head(9),
        Fault::cut_body(30).reset(),
        Fault::garbage(),
        Fault::truncated_json(),
    ] {
        simulator.faults().clear();
        simulator.faults().add(fault);
        assert_no_canary(&run_everything(&cmp).await, "a broken connection");
    }
    assert_no_canary(&log.text(), "the log");
    assert!(!log.text().contains(simulator.client_secret()));
}

#[tokio::test]
async fn the_service_account_stays_hidden() {
    let (log, _guard) = Log::listen();
    for status in [200, 400, 401, 500] {
        let body = json!({"error": "invalid_client canary-secret-99", "error_description": "canary-secret-99", "access_token": 99}).to_string();
        let (server, _) = always(status, "application/json", &body).await;
        let environment = Environment::custom(server.base_url(), server.base_url()).unwrap();
        let account = ServiceAccount::new("ACcanary", "canary-secret-99");
        let builder = Client::builder(environment).service_account(account).clock(ManualClock::new());
        let shown = format!("{builder:?}");
        let cmp = builder.build().unwrap();
        let error = cmp.warm_up().await.unwrap_err();
        let shown = format!("{shown} {cmp:?} {error} {error:?} {:?}", *cmp.auth_state().borrow());
        assert!(!shown.contains("canary-secret-99"), "{shown}");
    }
    assert!(!log.text().contains("canary-secret-99"));
}
