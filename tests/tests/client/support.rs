//! Clients that talk to loopback, with a clock that stands still.

use cmp::{
    CardId, Client, ClientBuilder, Environment, Expiry, NewCard, Pan, ServiceAccount, auth::AccessToken,
    clock::ManualClock,
};
use cmp_simulator::Simulator;
use httpmock::{Method, MockServer};
use serde_json::Value;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const TEST_PAN: &str = "5100260000019206";

/// A client of `url` with a token from nowhere, waits that end at once, and the longest jitter.
pub(crate) fn builder(url: &str, clock: &ManualClock) -> ClientBuilder {
    let environment = Environment::custom(url, format!("{url}/token")).expect("loopback is allowed");
    let token = AccessToken::new("test-token").expect("a plain token");
    Client::builder(environment).access_token(token).clock(clock.clone()).randomness(|| 1.0)
}

pub(crate) fn client(url: &str) -> Client {
    builder(url, &ManualClock::new()).build().expect("a complete builder")
}

/// A client of the simulator with its service account.
pub(crate) fn simulated(simulator: &Simulator, clock: &ManualClock) -> Client {
    simulated_builder(simulator, clock).build().expect("a complete builder")
}

pub(crate) fn simulated_builder(simulator: &Simulator, clock: &ManualClock) -> ClientBuilder {
    let environment =
        Environment::custom(simulator.url(), simulator.token_url()).expect("loopback is allowed");
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let builder = Client::builder(environment).service_account(account);
    builder.clock(clock.clone()).randomness(|| 1.0)
}

pub(crate) fn card_id() -> CardId {
    "CRDecqZp3xRgXU3TFmtcDdzQs".parse().expect("an id of the guide")
}

pub(crate) fn new_card() -> NewCard {
    NewCard::new(Pan::new(TEST_PAN).expect("a test card"), Expiry::new(12, 2030).expect("a date"))
}

/// Answers every GET of the card with `body`.
pub(crate) async fn card_is(body: Value) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.method(Method::GET).path("/cards/CRDecqZp3xRgXU3TFmtcDdzQs");
            then.status(200).header("content-type", JSON_API).body(body.to_string());
        })
        .await;
    let client = client(&server.base_url());
    (server, client)
}

/// Answers every request with `status` and `body`.
pub(crate) async fn always(status: u16, content_type: &str, body: &str) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(status).header("content-type", content_type).body(body);
        })
        .await;
    let client = client(&server.base_url());
    (server, client)
}
