//! Network tokens are found whether the service includes them always, on request only, or refuses names in `include`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cmp::{
    Card, Client, ErrorKind,
    cards::Include,
    clock::ManualClock,
    error::NoNetworkToken,
    network_tokens::NetworkTokenState,
    payments::{Credential, NetworkTransactionId},
    retry::RetryPolicy,
    webhooks::{CardView, Event},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{JSON_API, builder, card_id, new_card};

const ALL: &str = "network_tokens,card_updates,card_update_subscriptions";
const TOKENS: &str = "network_tokens";

/// What a service makes of `include`.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Network tokens come without being asked for.
    unasked: bool,
    /// The names that it knows, any other gets a 400; `None`: it ignores all names.
    names: Option<&'static [&'static str]>,
    /// The same, of the requests that are made at first.
    first_requests: &'static [&'static str],
}

const ALWAYS: Reading = Reading { unasked: true, names: None, first_requests: &["-"] };
const ALWAYS_OR_NAMED: Reading = Reading {
    unasked: true,
    names: Some(&["network_tokens", "card_updates", "card_update_subscriptions"]),
    first_requests: &["-"],
};
const ON_REQUEST: Reading = Reading { unasked: false, first_requests: &["-", ALL], ..ALWAYS_OR_NAMED };
const ON_REQUEST_AND_FEW_NAMES: Reading =
    Reading { unasked: false, names: Some(&["network_tokens"]), first_requests: &["-", ALL, TOKENS] };
const REFUSES: Reading = Reading { unasked: true, names: Some(&[]), first_requests: &["-"] };
const READINGS: [Reading; 5] = [ALWAYS, ALWAYS_OR_NAMED, ON_REQUEST, ON_REQUEST_AND_FEW_NAMES, REFUSES];
/// A service that shows network tokens in no way.
const HIDES: Reading = Reading { unasked: false, names: Some(&[]), first_requests: &["-", ALL, TOKENS] };

struct World {
    reading: Reading,
    tokens: Vec<Value>,
    /// What the card's relationships name.
    named: Vec<&'static str>,
    /// An answer without included resources has an empty list of them.
    empty_list: bool,
    /// Every read, or every read by name, is answered with this status.
    fails: Option<(Reads, u16)>,
    /// `include` of each read, `-` for none, and the other requests by their method.
    requests: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Reads {
    All,
    ByName,
}

#[derive(Clone)]
struct Service(Arc<Mutex<World>>);

impl Service {
    async fn start(reading: Reading, tokens: Vec<Value>) -> (Self, Client) {
        let (service, builder) = Self::with_builder(reading, tokens).await;
        (service, builder.build().unwrap())
    }

    async fn with_builder(reading: Reading, tokens: Vec<Value>) -> (Self, cmp::ClientBuilder) {
        let world =
            World { reading, tokens, named: vec![], empty_list: false, fails: None, requests: Vec::new() };
        let service = Self(Arc::new(Mutex::new(world)));
        let router = Router::new()
            .route("/cards", post(create))
            .route("/cards/{id}", get(read))
            .route("/cards/{id}/cryptogram", post(cryptogram))
            .with_state(service.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, builder(&url, &ManualClock::new()))
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.0.lock().unwrap());
    }

    /// The requests since the last time.
    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }
}

fn token(id: &str, state: &str) -> Value {
    json!({"type": "network_tokens", "id": id, "attributes": {
        "network_token": "4124980000004244", "last4": "4244", "exp_month": 11, "exp_year": 27, "state": state,
        "reason_code": format!("cmp_network_token.{state}"), "updated_at": "2025-07-24T04:13:51Z",
    }})
}

fn active() -> Vec<Value> {
    vec![token("NT1", "active")]
}

fn error(status: u16) -> Response {
    answer(status, &json!({"errors": [{"error_code": "bad-request"}]}))
}

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, JSON_API)], body.to_string()).into_response()
}

async fn read(State(service): State<Service>, RawQuery(query): RawQuery) -> Response {
    let mut world = service.0.lock().unwrap();
    let query = query.map(|query| query.replace("%2C", ","));
    let include = query.as_deref().map(|query| query.strip_prefix("include=").unwrap());
    world.requests.push(include.unwrap_or("-").to_owned());
    if let Some((reads, status)) = world.fails
        && (reads == Reads::All || include.is_some())
    {
        return error(status);
    }
    let asked: Option<Vec<_>> = include.map(|names| names.split(',').collect());
    let shown = match (&asked, world.reading.names) {
        (Some(asked), Some(known)) if asked.iter().any(|name| !known.contains(name)) => return error(400),
        (Some(asked), Some(_)) => asked.contains(&"network_tokens"),
        _ => world.reading.unasked,
    };
    let mut document = json!({"data": {
        "id": card_id().as_str(), "type": "cards",
        "attributes": {"pan": "5100260000019206", "exp_month": 12, "exp_year": 30},
    }});
    if !world.named.is_empty() {
        let named: Vec<_> =
            world.named.iter().map(|id| json!({"type": "network_tokens", "id": id})).collect();
        document["data"]["relationships"] = json!({"network_tokens": {"data": named}});
    }
    match shown && !world.tokens.is_empty() {
        true => document["included"] = json!(world.tokens),
        false if world.empty_list => document["included"] = json!([]),
        false => {}
    }
    answer(200, &document)
}

async fn create(State(service): State<Service>) -> Response {
    service.0.lock().unwrap().requests.push("POST".to_owned());
    (StatusCode::SEE_OTHER, [(LOCATION, format!("/cards/{}", card_id()))]).into_response()
}

async fn cryptogram(State(service): State<Service>) -> Response {
    service.0.lock().unwrap().requests.push("POST".to_owned());
    error(424)
}

fn first_payment() -> NetworkTransactionId {
    NetworkTransactionId::new("123456789012345").unwrap()
}

async fn bulk_get(cmp: &Client) -> Card {
    cmp.bulk().over([card_id()]).get().next().await.unwrap().1.unwrap()
}

#[tokio::test]
async fn every_reader_finds_the_active_token_in_every_reading() {
    let id = card_id();
    for reading in READINGS {
        let fresh = async || Service::start(reading, active()).await;

        let (service, cmp) = fresh().await;
        let card = cmp.cards().get(&id).await.unwrap();
        assert!(card.network_token().is_ok() && card.lists_network_tokens, "{reading:?}");
        assert_eq!(service.requests(), reading.first_requests, "{reading:?}");
        let (_service, cmp) = fresh().await;
        assert!(bulk_get(&cmp).await.network_token().is_ok(), "{reading:?}");
        let (_service, cmp) = fresh().await;
        assert!(cmp.network_tokens().wait_for(&id).await.unwrap().is_usable(), "{reading:?}");
        let (_service, cmp) = fresh().await;
        assert!(cmp.payments().merchant_initiated(&id, first_payment()).await.is_ok(), "{reading:?}");
        let (_service, cmp) = fresh().await;
        let paid = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap();
        assert!(matches!(paid, Credential::NetworkToken(_)), "{reading:?}");
        let (_service, cmp) = fresh().await;
        let stored = cmp.cards().create(new_card()).await.unwrap();
        assert!(!stored.is_created() && stored.card().network_token().is_ok(), "{reading:?}");
    }
}

#[tokio::test]
async fn a_failed_token_is_reported_as_failed_in_every_reading() {
    let id = card_id();
    let reason_code = Some("cmp_network_token.failed".into());
    let failed = NoNetworkToken::NotUsable { state: NetworkTokenState::Failed, reason_code };
    for reading in READINGS {
        let fresh = async || Service::start(reading, vec![token("NT1", "failed")]).await;
        let (service, cmp) = fresh().await;
        let error = cmp.network_tokens().wait_for(&id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.no_network_token()),
            (ErrorKind::NoNetworkToken, Some(&failed)),
            "{reading:?}"
        );
        assert_eq!(error.attempts() as usize, service.requests().len(), "{reading:?}");

        let (service, cmp) = fresh().await;
        let error = cmp.network_tokens().cryptogram(&id).await.unwrap_err();
        assert_eq!(error.no_network_token(), Some(&failed), "{reading:?}");
        assert_eq!(error.attempts() as usize, service.requests().len(), "{reading:?}");

        let (_service, cmp) = fresh().await;
        let Credential::Pan(paid) = cmp.payments().card_form(&id).or_pan().await.unwrap() else { panic!() };
        assert_eq!(paid.because, Some(failed.clone()), "{reading:?}");
        let (_service, cmp) = fresh().await;
        let error = cmp.payments().customer_initiated(&id).await.unwrap_err();
        assert_eq!(error.no_network_token(), Some(&failed), "{reading:?}");
        let (service, cmp) = fresh().await;
        let error = cmp.payments().merchant_initiated(&id, first_payment()).await.unwrap_err();
        assert_eq!(error.no_network_token(), Some(&failed), "{reading:?}");
        assert_eq!(error.attempts() as usize, service.requests().len(), "{reading:?}");
    }
}

#[tokio::test]
async fn what_worked_is_learnt_once_for_all_clones() {
    let id = card_id();
    for reading in READINGS {
        let (service, cmp) = Service::start(reading, active()).await;
        cmp.cards().get(&id).await.unwrap();
        let once = [*reading.first_requests.last().unwrap()];
        service.requests();
        cmp.clone().cards().get(&id).await.unwrap();
        assert_eq!(service.requests(), once, "{reading:?}");
        cmp.with_retry(RetryPolicy::none()).network_tokens().wait_for(&id).await.unwrap();
        assert_eq!(service.requests(), once, "{reading:?}");

        service.change(|world| world.tokens.clear());
        let card = cmp.cards().get(&id).await.unwrap();
        assert_eq!(service.requests(), once, "that there is none costs no more: {reading:?}");
        assert!(card.lists_network_tokens, "{reading:?}");
        assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::None, "{reading:?}");
    }
}

#[tokio::test]
async fn refused_names_are_not_sent_again() {
    let (service, cmp) = Service::start(REFUSES, vec![]).await;
    let id = card_id();
    assert!(!cmp.cards().get(&id).await.unwrap().lists_network_tokens);
    assert_eq!(service.requests(), ["-", ALL, TOKENS]);
    cmp.cards().get(&id).await.unwrap();
    let waiting = cmp.network_tokens().wait_for(&id).deadline(Duration::from_secs(1)).await;
    assert_eq!(waiting.unwrap_err().no_network_token(), Some(&NoNetworkToken::NotListed));
    assert!(service.requests().iter().all(|include| include == "-"));
    service.change(|world| world.tokens = active());
    assert!(cmp.cards().get(&id).await.unwrap().lists_network_tokens);
}

#[tokio::test]
async fn a_refusal_of_names_has_several_statuses() {
    let id = card_id();
    for status in [400, 405, 414, 415, 422, 501] {
        let (service, cmp) = Service::start(ALWAYS, vec![]).await;
        service.change(|world| world.fails = Some((Reads::ByName, status)));
        let waiting = cmp.network_tokens().wait_for(&id).deadline(Duration::from_secs(10)).await;
        assert_eq!(waiting.unwrap_err().no_network_token(), Some(&NoNetworkToken::NotListed), "{status}");
        service.change(|world| world.tokens = active());
        assert!(cmp.network_tokens().wait_for(&id).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn parallel_first_reads_all_find_the_token() {
    let id = card_id();
    for reading in READINGS {
        let (service, cmp) = Service::start(reading, active()).await;
        let reads = (0..8).map(|_| async { cmp.cards().get(&id).await.unwrap().network_token().is_ok() });
        let found = futures_util::future::join_all(reads).await;
        assert!(found.iter().all(|found| *found), "{reading:?}");
        service.requests();
        cmp.cards().get(&id).await.unwrap();
        assert_eq!(service.requests().len(), 1, "{reading:?}");
    }
}

#[tokio::test]
async fn no_list_is_called_complete_that_may_not_be() {
    let id = card_id();
    for (reading, empty_list, complete) in [
        (HIDES, false, false),
        (HIDES, true, false),
        (REFUSES, true, false),
        (ALWAYS, false, false),
        // Asked by name, and answered with a list.
        (ON_REQUEST, true, true),
    ] {
        let (service, cmp) = Service::start(reading, vec![]).await;
        service.change(|world| world.empty_list = empty_list);
        let card = cmp.cards().get(&id).await.unwrap();
        assert_eq!(card.lists_network_tokens, complete, "{reading:?}, {empty_list}");
        let expected = if complete { NoNetworkToken::None } else { NoNetworkToken::NotListed };
        assert_eq!(card.network_token().unwrap_err(), expected, "{reading:?}, {empty_list}");

        let event = format!(
            r#"{{"id": "e1", "event": "cmp_network_token.updated", "timestamp": "2025-01-15T10:00:00Z",
                 "details": {{"card_id": "{id}", "network_token_id": "NT1", "state": "active"}}}}"#
        );
        let mut view = CardView::new(id.clone());
        view.apply(&Event::parse_unverified(event.as_bytes()).unwrap());
        view.read(&card);
        let state = view.network_token().and_then(|token| token.state()).unwrap();
        assert_eq!(*state == NetworkTokenState::Deleted, complete, "{reading:?}, {empty_list}");
    }
}

#[tokio::test]
async fn a_token_that_the_card_names_and_no_answer_shows_is_not_taken_for_none() {
    let id = card_id();
    for tokens in [vec![], vec![token("NT0", "deleted")]] {
        let (service, cmp) = Service::start(HIDES, tokens).await;
        service.change(|world| world.named = vec!["NT0", "NT1"]);
        let card = cmp.cards().get(&id).await.unwrap();
        assert!(!card.lists_network_tokens);
        assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::NotListed);
        service.requests();
        let error = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap_err();
        assert_eq!(error.no_network_token(), Some(&NoNetworkToken::NotListed), "the PAN is not taken");
        assert!(error.next_step().is_some());
        assert_eq!(error.attempts() as usize, service.requests().len());
    }
    // What is included can't be read.
    for unreadable in [json!(null), json!(7), json!("NT1"), json!([])] {
        let (service, cmp) = Service::start(ALWAYS, vec![unreadable]).await;
        let card = cmp.cards().get(&id).await.unwrap();
        assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::NotListed);
        assert!(!card.lists_network_tokens);
        service.requests();
        let error = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap_err();
        assert_eq!(error.no_network_token(), Some(&NoNetworkToken::NotListed), "the PAN is not taken");
        assert_eq!(error.attempts() as usize, service.requests().len());
    }
    // Of two tokens only one is shown.
    let (service, cmp) = Service::start(ALWAYS, vec![token("NT0", "deleted")]).await;
    service.change(|world| world.named = vec!["NT0", "NT1"]);
    let card = cmp.cards().get(&id).await.unwrap();
    assert!(!card.lists_network_tokens);
    assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::NotListed, "waiting for it may help");
}

#[tokio::test]
async fn a_lesson_that_an_answer_contradicts_is_given_up() {
    let id = card_id();
    // From unasked to on request: the card names a token that does not come any more.
    let (service, cmp) = Service::start(ALWAYS, active()).await;
    service.change(|world| world.named = vec!["NT1"]);
    cmp.cards().get(&id).await.unwrap();
    service.change(|world| world.reading = ON_REQUEST);
    service.requests();
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), ["-", ALL]);
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), [ALL]);
    // From on request to refused names.
    service.change(|world| world.reading = REFUSES);
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), [ALL, "-"]);
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), ["-"]);
    // From all names to few.
    let (service, cmp) = Service::start(ON_REQUEST, active()).await;
    cmp.cards().get(&id).await.unwrap();
    service.change(|world| world.reading = ON_REQUEST_AND_FEW_NAMES);
    service.requests();
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), [ALL, "-", ALL, TOKENS]);
    assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok());
    assert_eq!(service.requests(), [TOKENS]);
}

#[tokio::test]
async fn a_400_for_another_reason_is_not_taken_for_a_refusal_of_names() {
    let id = card_id();
    let (service, cmp) = Service::start(ON_REQUEST, active()).await;
    for requests in [&["-"][..], &[ALL, "-"]] {
        service.change(|world| world.fails = Some((Reads::All, 400)));
        let error = cmp.cards().get(&id).await.unwrap_err();
        assert_eq!((error.status(), error.attempts() as usize), (Some(400), requests.len()));
        assert_eq!(service.requests(), requests);
        service.change(|world| world.fails = None);
        assert!(cmp.cards().get(&id).await.unwrap().network_token().is_ok(), "nothing wrong was learnt");
        service.requests();
    }
    cmp.cards().get(&id).await.unwrap();
    assert_eq!(service.requests(), [ALL]);
}

#[tokio::test]
async fn where_the_second_look_fails_nothing_is_made_of_the_first() {
    let id = card_id();
    let (service, builder) = Service::with_builder(ON_REQUEST, active()).await;
    let cmp = builder.retry(RetryPolicy::none()).build().unwrap();
    service.change(|world| world.fails = Some((Reads::ByName, 503)));
    let error = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(503), 2), "the PAN is not taken");
    // The card was read all the same, and nothing wrong is learnt.
    for status in [403, 404, 500, 503] {
        service.change(|world| world.fails = Some((Reads::ByName, status)));
        service.requests();
        let card = cmp.cards().get(&id).await.unwrap();
        assert!(!card.lists_network_tokens, "{status}");
        assert_eq!(service.requests(), ["-", ALL]);
    }
    service.change(|world| world.fails = None);
    let paid = cmp.payments().merchant_initiated(&id, first_payment()).or_pan().await.unwrap();
    assert!(matches!(paid, Credential::NetworkToken(_)));
}

#[tokio::test]
async fn include_by_the_user_is_one_request_as_it_is() {
    let id = card_id();
    let (service, cmp) = Service::start(ON_REQUEST_AND_FEW_NAMES, active()).await;
    let error =
        cmp.cards().get(&id).include([Include::NetworkTokens, Include::CardUpdates]).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(400), 1));
    assert_eq!(service.requests(), ["network_tokens,card_updates"]);
    let card = cmp.cards().get(&id).include([Include::NetworkTokens]).await.unwrap();
    assert!(card.lists_network_tokens && card.network_token().is_ok());
    assert_eq!(service.requests(), [TOKENS]);

    let (service, cmp) = Service::start(ON_REQUEST, vec![]).await;
    service.change(|world| world.empty_list = true);
    let card = cmp.cards().get(&id).include([Include::CardUpdates]).await.unwrap();
    assert!(!card.lists_network_tokens, "they were not asked for");
    assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::NotListed);
    assert!(cmp.cards().get(&id).include([Include::NetworkTokens]).await.unwrap().lists_network_tokens);
    service.change(|world| world.empty_list = false);
    let card = cmp.cards().get(&id).include([Include::NetworkTokens]).await.unwrap();
    assert!(!card.lists_network_tokens, "there is no list");
}

#[tokio::test]
async fn cards_without_network_tokens_do_not_cost_two_requests_for_ever() {
    let id = card_id();
    let (service, cmp) = Service::start(ALWAYS, vec![]).await;
    for _ in 0..20 {
        cmp.cards().get(&id).await.unwrap();
    }
    assert_eq!(service.requests().len(), 20 + 16);
    // Where the network token matters, it is still looked for in both ways.
    let waiting = cmp.network_tokens().wait_for(&id).deadline(Duration::from_secs(10)).await;
    let error = waiting.unwrap_err();
    let requests = service.requests();
    assert!(requests.iter().any(|include| include == ALL));
    assert_eq!(error.attempts() as usize, requests.len());
    service.change(|world| (world.reading, world.tokens) = (ON_REQUEST, active()));
    assert!(cmp.network_tokens().wait_for(&id).await.is_ok());
}
