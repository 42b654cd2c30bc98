//! Notifications for tests of a receiver: custom messages, and signatures of every kind.

use chrono::Utc;
use cmp_simulator::webhooks::{Endpoint, Notification, Outcome, Signing};
use cmp_simulator::{Settings, Simulator};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{VISA, http};
use crate::webhooks::{Received, Receiver, SECRET, listening};

const EVENT: &str = r#"{ "id": "evt-1", "event": "cmp_card.painted", "details": ["odd"] }"#;

/// Returns `true` if a signature fits the body and this secret.
fn fits(secret: &str, received: &Received) -> bool {
    let mut parts = received.signature.as_ref().unwrap().split(",v0=");
    let time = parts.next().unwrap().strip_prefix("t=").unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(time).chain_update(".").chain_update(&received.octets).finalize();
    let expected = format!("{:x}", mac.into_bytes());
    parts.any(|signature| signature == expected)
}

/// The only notification that was received.
async fn only(simulator: &Simulator, receiver: &Receiver) -> Received {
    simulator.webhooks().settled().await;
    let mut received = receiver.take_anything();
    assert_eq!(received.len(), 1);
    received.remove(0)
}

#[tokio::test]
async fn any_message_is_sent_unchanged() {
    let (simulator, _client, receiver) = listening(|settings| settings.webhooks.duplicates = 1).await;
    for body in [EVENT.as_bytes(), b"", b"no JSON", b"\xff\xfe", br#"{"id":7}"#] {
        simulator.webhooks().send(body);
        simulator.webhooks().settled().await;
        let received = receiver.take_anything();
        assert_eq!(received.len(), 2, "delivered as the settings say");
        assert!(received.iter().all(|received| received.octets == body && fits(SECRET, received)));
    }
    let sent = simulator.webhooks().sent();
    let shown = |sent: &Notification| (sent.event_id.clone(), sent.event.clone(), sent.body.clone());
    let expected = ("evt-1".to_owned(), "cmp_card.painted".to_owned(), serde_json::from_str(EVENT).unwrap());
    assert_eq!(shown(&sent[0]), expected);
    assert_eq!(shown(&sent[2]), (String::new(), String::new(), json!("no JSON")));
    assert!(sent.iter().all(|sent| sent.outcome == Outcome::Delivered));
}

#[tokio::test]
async fn a_custom_message_is_shown_masked() {
    let (simulator, _client, _receiver) = listening(|_| ()).await;
    for body in [json!({ "details": { "old_account_number": VISA } }).to_string(), format!("card {VISA}")] {
        simulator.webhooks().send(body);
    }
    assert!(!format!("{:?}", simulator.webhooks()).contains(VISA));
}

#[tokio::test]
async fn the_control_api_sends_any_message() {
    let receiver = Receiver::start().await;
    let simulator = Simulator::builder().webhook(receiver.url.as_str(), SECRET).unwrap();
    let simulator = simulator.control_api(true).start().await.unwrap();
    let control = format!("{}/_simulator", simulator.url());
    let answer = http().post(format!("{control}/webhooks")).body(EVENT).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let received = only(&simulator, &receiver).await;
    assert!(received.octets == EVENT && fits(SECRET, &received));

    let change = json!({ "webhooks": { "signing": { "off_by_seconds": -600 } } }).to_string();
    let answer = http().patch(format!("{control}/settings")).body(change).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(simulator.settings().webhooks.signing, Signing::OffBySeconds(-600));
}

#[tokio::test]
async fn signatures_are_as_wrong_as_the_settings_say() {
    let (simulator, _client, receiver) = listening(|_| ()).await;
    for signing in [Signing::Unsigned, Signing::WrongSecret, Signing::TamperedBody, Signing::Proper] {
        simulator.configure(|settings| settings.webhooks.signing = signing);
        simulator.webhooks().send(EVENT);
        let received = only(&simulator, &receiver).await;
        assert_eq!(received.signature.is_none(), signing == Signing::Unsigned);
        if received.signature.is_some() {
            assert_eq!(fits(SECRET, &received), signing == Signing::Proper, "{signing:?}");
        }
        assert_eq!(received.octets == EVENT, signing != Signing::TamperedBody);
        assert_eq!(received.body, serde_json::from_str::<Value>(EVENT).unwrap(), "{signing:?}");
    }
}

#[tokio::test]
async fn a_signature_can_be_old_or_from_the_future() {
    let (simulator, _client, receiver) = listening(|_| ()).await;
    for seconds in [-600, 600] {
        simulator.configure(|settings| settings.webhooks.signing = Signing::OffBySeconds(seconds));
        let before = Utc::now().timestamp();
        simulator.webhooks().send(EVENT);
        let received = only(&simulator, &receiver).await;
        let signed = received.signed_at() - i64::from(seconds);
        assert!((before..=Utc::now().timestamp()).contains(&signed), "{seconds}");
        assert!(fits(SECRET, &received));
    }
}

#[tokio::test]
async fn during_a_rotation_either_secret_fits() {
    let (simulator, _client, receiver) = listening(|_| ()).await;
    let endpoint = Endpoint::new(receiver.url.as_str(), "whsec_new").unwrap().also(SECRET).unwrap();
    simulator.configure(|settings| settings.webhooks.endpoints = vec![endpoint.clone()]);
    simulator.webhooks().send(EVENT);
    let received = only(&simulator, &receiver).await;
    assert!(fits("whsec_new", &received) && fits(SECRET, &received) && !fits("whsec_another", &received));
    assert_eq!(received.signature.unwrap().matches(",v0=").count(), 2);

    simulator.configure(|settings| settings.webhooks.signing = Signing::WrongSecret);
    simulator.webhooks().send(EVENT);
    let received = only(&simulator, &receiver).await;
    assert!(!fits(SECRET, &received) && !fits("whsec_new", &received));

    assert!(endpoint.clone().also("").is_err());
    let written = json!({ "webhooks": { "endpoints": [{
        "url": endpoint.url(), "signing_secret": "whsec_new", "second_secret": SECRET
    }] } });
    let settings: Settings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.webhooks.endpoints, [endpoint]);
}
