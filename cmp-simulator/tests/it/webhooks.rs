//! Notifications, as a receiver behind a socket sees them.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use cmp_simulator::webhooks::{DeliveryOrder, Endpoint, Outcome};
use cmp_simulator::{CardUpdateEvent, Enrollment, NetworkTokenState, Settings, Simulator, TokenArrival};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Empty};
use hyper::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{ALIAS, Client, VISA, http, notifications};

pub(crate) const SECRET: &str = "whsec_simulated";

/// A receiver that answers with the given statuses, then with 204.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    /// It answers only while nobody holds this lock.
    gate: Arc<tokio::sync::Mutex<()>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) signature: Option<String>,
    headers: HeaderMap,
    pub(crate) octets: Bytes,
    /// Null if it is not JSON
    pub(crate) body: Value,
}

impl Received {
    /// In Unix seconds
    pub(crate) fn signed_at(&self) -> i64 {
        let (time, _) = self.signature.as_ref().unwrap().split_once(',').unwrap();
        time.strip_prefix("t=").unwrap().parse().unwrap()
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?from=vgs", listener.local_addr().unwrap());
        let (received, statuses, gate) = (Arc::default(), Arc::default(), Arc::default());
        let serving =
            tokio::spawn(serve(listener, Arc::clone(&received), Arc::clone(&statuses), Arc::clone(&gate)));
        Self { url, received, statuses, gate, serving }
    }

    fn answer(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }

    /// Returns what was received since the last call, and checks it against the contract.
    #[track_caller]
    pub(crate) fn take(&self) -> Vec<Received> {
        let received = self.take_anything();
        for message in &received {
            assert_eq!(notifications::violation(&message.headers, &message.body), None);
        }
        received
    }

    /// Returns what was received since the last call, unchecked.
    pub(crate) fn take_anything(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// Returns the name and, for a network token, the state of each event received.
    pub(crate) async fn names(&self, simulator: &Simulator) -> Vec<String> {
        simulator.webhooks().settled().await;
        let name = |received: Received| {
            let event = received.body["event"].as_str().unwrap().to_owned();
            match received.body["details"]["state"].as_str() {
                Some(state) => format!("{event} {state}"),
                None => event,
            }
        };
        self.take().into_iter().map(name).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    received: Arc<Mutex<Vec<Received>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    gate: Arc<tokio::sync::Mutex<()>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let (received, statuses, gate) =
                (Arc::clone(&received), Arc::clone(&statuses), Arc::clone(&gate));
            async move {
                assert_eq!(request.uri().path_and_query().unwrap(), "/hooks?from=vgs");
                let headers = request.headers().clone();
                let signature = headers.get("vgs-signature").map(|value| value.to_str().unwrap().to_owned());
                let octets = request.into_body().collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&octets).unwrap_or_default();
                received.lock().unwrap().push(Received { signature, headers, octets, body });
                drop(gate.lock().await);
                let status = statuses.lock().unwrap().pop_front().unwrap_or(204);
                let answer = hyper::Response::builder().status(status).body(Empty::<Bytes>::new());
                Ok::<_, Infallible>(answer.unwrap())
            }
        });
        let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        drop(served);
    }
}

pub(crate) async fn listening(change: impl FnOnce(&mut Settings)) -> (Simulator, Client, Receiver) {
    let receiver = Receiver::start().await;
    let simulator =
        Simulator::builder().webhook(receiver.url.as_str(), SECRET).unwrap().start().await.unwrap();
    simulator.configure(change);
    let client = Client::new(&simulator).await;
    (simulator, client, receiver)
}

/// Sorted, because another crate turns on the feature of `serde_json` that keeps the order of members.
pub(crate) fn members(value: &Value) -> String {
    let names: BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_change_without_a_request_makes_a_notification() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let id = client.store(VISA).await;
    assert_eq!(receiver.names(&simulator).await, ["cmp_network_token.updated active"], "without a GET");

    let world = simulator.world();
    world.suspend_token(&id).unwrap();
    world.resume_token(&id).unwrap();
    let expected = ["cmp_network_token.updated suspended", "cmp_network_token.updated activated"];
    assert_eq!(receiver.names(&simulator).await, expected);

    world.update_card(&id).unwrap();
    assert_eq!(
        receiver.names(&simulator).await,
        ["cmp_au_card.updated", "cmp_network_token.updated card_updated"]
    );
    world.report_update(&id, CardUpdateEvent::ContactCardholderAdvice).unwrap();
    world.report_update(&id, CardUpdateEvent::EnrollmentFailed).unwrap();
    world.delete_token(&id).unwrap();
    let expected = [
        "cmp_au_card.contact_cardholder_advice",
        "cmp_au_card.enrollment_failed",
        "cmp_network_token.updated deleted",
    ];
    assert_eq!(receiver.names(&simulator).await, expected);
    assert!(world.suspend_token(&id).is_err());
    assert_eq!(receiver.names(&simulator).await, [""; 0], "nothing happened");
    let outcomes: Vec<_> = simulator.webhooks().sent().iter().map(|sent| sent.outcome).collect();
    assert_eq!(outcomes, [Outcome::Delivered; 8]);
}

/// `take` checks each against its schema. The contract must list the simulator's events.
#[tokio::test]
async fn every_documented_event_is_sent() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let (id, world) = (client.store(VISA).await, simulator.world());
    client.enroll(ALIAS).await;
    for state in [NetworkTokenState::Suspended, NetworkTokenState::Activated, NetworkTokenState::Deleted] {
        world.change_v1_token(ALIAS, state).unwrap();
    }
    world.use_v1_token(ALIAS).unwrap();
    for event in [
        CardUpdateEvent::Updated,
        CardUpdateEvent::Expired,
        CardUpdateEvent::Closed,
        CardUpdateEvent::NonParticipating,
        CardUpdateEvent::ContactCardholderAdvice,
        CardUpdateEvent::Unknown,
        CardUpdateEvent::Enrolled,
        CardUpdateEvent::EnrollmentFailed,
        CardUpdateEvent::OptOut,
    ] {
        world.report_update(&id, event).unwrap();
        world.report_v1_update(ALIAS, event).unwrap();
    }
    simulator.webhooks().settled().await;
    let name = |message: Received| message.body["event"].as_str().unwrap().to_owned();
    let received: BTreeSet<_> = receiver.take().into_iter().map(name).collect();
    let webhooks = ["cmp_network_token", "cmp_au_card", "network_token", "au_card"];
    let documented = webhooks.map(notifications::documented_events).concat();
    // Only published code has this spelling.
    let documented = documented.into_iter().filter(|event| event != "enrollment.failed");
    assert_eq!(received, documented.collect());
}

#[tokio::test]
async fn a_breach_of_the_contract_is_found() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    client.store(VISA).await;
    simulator.webhooks().settled().await;
    let Received { headers, body, .. } = receiver.take().remove(0);
    let after = |change: &dyn Fn(&mut HeaderMap, &mut Value)| {
        let (mut headers, mut body) = (headers.clone(), body.clone());
        change(&mut headers, &mut body);
        notifications::violation(&headers, &body).expect("a violation")
    };
    assert!(after(&|_, body| body["event"] = json!("cmp_network_token.gone")).contains("is not listed"));
    assert!(after(&|_, body| body["details"]["card_id"] = json!(7)).ends_with("at /details/card_id"));
    assert!(after(&|_, body| body["details"]["state"] = Value::Null).ends_with("at /details/state"));
    assert!(after(&|_, body| body["timestamp"] = json!("2025-01-15T10:00:00")).ends_with("at /timestamp"));
    assert!(after(&|headers, _| drop(headers.remove("vgs-signature"))).ends_with("no header vgs-signature"));
    assert!(after(&|headers, _| drop(headers.remove("content-type"))).contains("of the type \"\""));
}

#[tokio::test]
async fn test_cards_make_the_documented_notifications() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    for (pan, expected) in [
        ("5100260000019206", ["cmp_au_card.enrolled", "cmp_network_token.updated active"]),
        ("5100260000009207", ["cmp_au_card.enrollment_failed", "cmp_network_token.updated failed"]),
        ("5100260000059202", ["cmp_au_card.expired", "cmp_network_token.updated active"]),
        ("5100260000039204", ["cmp_au_card.non_participating", "cmp_network_token.updated active"]),
    ] {
        client.store(pan).await;
        assert_eq!(receiver.names(&simulator).await, expected, "{pan}");
    }
    client.store("5100260000029221").await;
    assert_eq!(receiver.names(&simulator).await, ["cmp_network_token.updated suspended"]);
}

#[tokio::test]
async fn a_request_makes_no_notification() {
    let (simulator, client, receiver) = listening(|settings| settings.enrollment = Enrollment::Manual).await;
    let id = client.store(VISA).await;
    client.provision(&id).await.expect(201);
    assert_eq!(receiver.names(&simulator).await, [""; 0]);
}

#[tokio::test]
async fn a_token_arrives_by_the_clock() {
    let arrival = TokenArrival::AfterSeconds(3600);
    let (simulator, client, receiver) = listening(|settings| settings.token_arrival = arrival).await;
    client.store(VISA).await;
    assert_eq!(receiver.names(&simulator).await, [""; 0]);
    simulator.world().advance_clock(Duration::from_secs(3600));
    assert_eq!(receiver.names(&simulator).await, ["cmp_network_token.updated active"]);
}

#[tokio::test]
async fn the_message_has_the_documented_members() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let id = client.store(VISA).await;
    simulator.world().update_card(&id).unwrap();
    simulator.webhooks().settled().await;
    let received = receiver.take();
    for message in &received {
        assert_eq!(message.headers["content-type"], "application/json");
        assert_eq!(
            members(&message.body),
            "description details event fingerprint grouping id integration_id occurrence org_id producer scope \
             summary tenant timestamp"
        );
        let (time, hex) = message.signature.as_ref().unwrap().split_once(",v0=").unwrap();
        assert!(time.strip_prefix("t=").unwrap().parse::<i64>().is_ok());
        assert!(hex.len() == 64 && hex.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f')));
    }
    let [arrived, updated, changed] = received.as_slice() else { panic!("{}", received.len()) };
    assert_eq!(
        members(&arrived.body["details"]),
        "card_bin card_exp_month card_exp_year card_id card_last4 created_at exp_month exp_year network_token \
         network_token_id network_token_last4 pan_alias payment_account_reference reason_code reason_text state \
         tenant_id updated_at"
    );
    let details = &updated.body["details"];
    assert_eq!((&details["card_id"], &details["old_account_number"]), (&json!(id), &json!(VISA)));
    assert_eq!(
        (&details["old_expiration_date"], &details["new_expiration_date"]),
        (&json!("1235"), &json!("1238"))
    );
    assert_ne!(details["new_account_number"], VISA);
    let [at_the_card, at_the_token] = [(details, "occurred_at"), (&changed.body["details"], "updated_at")]
        .map(|(details, name)| details[name].as_str().unwrap().trim_end_matches('Z').to_owned());
    assert_eq!(at_the_card, at_the_token, "of one moment");
    assert_eq!(changed.body["details"]["card_last4"], details["card_last4"]);
    assert_ne!(arrived.body["id"], changed.body["id"]);
}

#[tokio::test]
async fn the_signature_has_the_time_of_sending_and_the_body_the_simulators() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let id = client.store(VISA).await;
    assert_eq!(receiver.names(&simulator).await.len(), 1);
    simulator.world().advance_clock(Duration::from_secs(3600));
    // The time in the body has milliseconds, the time in the signature has not.
    let before = Utc::now() - TimeDelta::milliseconds(1);
    simulator.world().suspend_token(&id).unwrap();
    simulator.webhooks().settled().await;
    let after = Utc::now();
    let received = receiver.take();
    let signed = received[0].signed_at();
    assert!((before.timestamp()..=after.timestamp()).contains(&signed), "{signed}");

    let happened: DateTime<Utc> = received[0].body["timestamp"].as_str().unwrap().parse().unwrap();
    let attempted = simulator.webhooks().sent()[1].attempts[0].at;
    for time in [happened, attempted] {
        assert!((before..=after).contains(&(time - TimeDelta::hours(1))), "{time}");
    }
}

#[tokio::test]
async fn a_notification_that_is_refused_comes_again_by_the_clock() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    receiver.answer(&[500, 302, 200]);
    client.store(VISA).await;
    simulator.webhooks().settled().await;
    assert_eq!(receiver.take().len(), 1);
    for _ in 0..2 {
        assert_eq!(simulator.webhooks().sent()[0].outcome, Outcome::Pending);
        simulator.world().advance_clock(Duration::from_secs(60));
        assert_eq!(receiver.names(&simulator).await.len(), 1);
    }
    let sent = &simulator.webhooks().sent()[0];
    let statuses: Vec<_> = sent.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(
        (statuses.as_slice(), sent.outcome),
        (&[Some(500), Some(302), Some(200)][..], Outcome::Delivered)
    );
}

#[tokio::test]
async fn a_notification_that_cannot_be_delivered_is_given_up_and_kept() {
    let (simulator, client, receiver) = listening(|settings| settings.webhooks.attempts = 2).await;
    let gone = receiver.url.clone();
    receiver.serving.abort();
    assert!((&mut { receiver }.serving).await.is_err(), "the socket is closed");
    client.store(VISA).await;
    simulator.webhooks().settled().await;
    simulator.world().advance_clock(Duration::from_secs(60));
    simulator.webhooks().settled().await;
    let sent = simulator.webhooks().sent();
    assert_eq!((sent[0].url.as_str(), sent[0].outcome), (gone.as_str(), Outcome::Failed));
    assert_eq!(sent[0].attempts.len(), 2);
    assert!(sent[0].attempts.iter().all(|attempt| attempt.status.is_none() && attempt.error.is_some()));
}

#[tokio::test]
async fn notifications_are_duplicated_delayed_and_reordered() {
    let (simulator, client, receiver) = listening(|settings| {
        settings.webhooks.delay_seconds = 3600;
        settings.webhooks.order = DeliveryOrder::NewestFirst;
        settings.webhooks.duplicates = 1;
    })
    .await;
    let id = client.store(VISA).await;
    simulator.world().suspend_token(&id).unwrap();
    simulator.world().resume_token(&id).unwrap();
    assert_eq!(receiver.names(&simulator).await, [""; 0], "delayed");
    let turned =
        ["activated", "suspended", "active"].map(|state| format!("cmp_network_token.updated {state}"));
    let mut ids = Vec::new();
    for _ in 0..2 {
        simulator.world().advance_clock(Duration::from_secs(3600));
        simulator.webhooks().settled().await;
        ids.extend(receiver.received.lock().unwrap().iter().map(|message| message.body["id"].clone()));
        assert_eq!(receiver.names(&simulator).await, turned);
    }
    assert_eq!(ids[..3], ids[3..], "the same events");
    simulator.world().advance_clock(Duration::from_secs(3600));
    assert_eq!(receiver.names(&simulator).await, [""; 0]);
}

#[tokio::test]
async fn the_seed_decides_ids_and_order() {
    let run = async || {
        let (simulator, client, receiver) = listening(|settings| {
            settings.webhooks.delay_seconds = 3600;
            settings.webhooks.order = DeliveryOrder::Shuffled;
        })
        .await;
        let id = client.store(VISA).await;
        for _ in 0..6 {
            simulator.world().suspend_token(&id).unwrap();
        }
        simulator.world().advance_clock(Duration::from_secs(3600));
        simulator.webhooks().settled().await;
        receiver.take().into_iter().map(|message| message.body["id"].clone()).collect::<Vec<_>>()
    };
    let order = run().await;
    assert_eq!(order.len(), 7);
    assert_eq!(order, run().await);
}

#[tokio::test]
async fn a_reset_while_a_notification_is_being_sent_loses_no_later_one() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let closed = receiver.gate.lock().await;
    client.store(VISA).await;
    while receiver.received.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    simulator.reset();
    Client::new(&simulator).await.store(VISA).await;
    drop(closed);
    simulator.webhooks().settled().await;
    let ids: Vec<_> = receiver.take().into_iter().map(|message| message.body["id"].clone()).collect();
    let [before, after] = ids.as_slice() else { panic!("{ids:?}") };
    assert_ne!(before, after, "another event");
    let sent = simulator.webhooks().sent();
    assert_eq!((sent.len(), &json!(sent[0].event_id)), (1, after));
    assert_eq!((sent[0].outcome, sent[0].attempts.len()), (Outcome::Delivered, 1));
}

#[tokio::test]
async fn a_reset_ends_the_wait_for_the_notifications_that_it_clears() {
    let (simulator, client, receiver) = listening(|_| ()).await;
    let _closed = receiver.gate.lock().await;
    client.store(VISA).await;
    let mut settled = pin!(simulator.webhooks().settled());
    assert!(settled.as_mut().now_or_never().is_none());
    simulator.reset();
    assert!(settled.now_or_never().is_some());
}

#[tokio::test]
async fn each_endpoint_gets_its_own_notifications() {
    let simulator = Simulator::builder().control_api(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    simulator.world().suspend_token(&id).unwrap();
    assert_eq!(simulator.webhooks().sent(), []);

    let (one, two) = (Receiver::start().await, Receiver::start().await);
    simulator.webhooks().send_to(one.url.as_str(), SECRET).unwrap();
    simulator.webhooks().send_to(two.url.as_str(), "whsec_another").unwrap();
    simulator.world().resume_token(&id).unwrap();
    simulator.webhooks().settled().await;
    let (one, two) = (one.take(), two.take());
    assert_eq!((one.len(), two.len()), (1, 1));
    assert_eq!(one[0].body, two[0].body);
    assert_ne!(one[0].signature, two[0].signature);

    let number = one[0].body["details"]["network_token"].as_str().unwrap();
    let shown = http().get(format!("{}/_simulator/webhooks", simulator.url())).send().await.unwrap();
    let shown = shown.text().await.unwrap();
    let settings = http().get(format!("{}/_simulator/settings", simulator.url())).send().await.unwrap();
    let settings = settings.text().await.unwrap();
    assert!(shown.contains("cmp_network_token.updated") && settings.contains("/hooks"));
    let handle = format!("{:?} {:?}", simulator.webhooks(), simulator.settings());
    for text in [shown, settings, handle] {
        assert!(!text.contains(number) && !text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn only_http_endpoints_with_a_secret_are_accepted() {
    for (url, secret) in
        [("https://example.com/", SECRET), ("no url", SECRET), ("/hooks", SECRET), ("http://a/", "")]
    {
        assert!(Simulator::builder().webhook(url, secret).is_err(), "{url}");
        let settings = json!({ "webhooks": { "endpoints": [{ "url": url, "signing_secret": secret }] } });
        assert!(serde_json::from_value::<Settings>(settings).is_err(), "{url}");
    }
    let settings: Settings = serde_json::from_value(json!({
        "webhooks": { "endpoints": [{ "url": "http://[::1]:9/", "signing_secret": SECRET }], "duplicates": 2 }
    }))
    .unwrap();
    assert_eq!(settings.webhooks.endpoints, [Endpoint::new("http://[::1]:9/", SECRET).unwrap()]);
}
