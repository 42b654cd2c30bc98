use std::time::Duration;

use cmp::{
    clock::{Clock, ManualClock},
    opentelemetry::metrics::Meter,
    webhooks::{
        Claim, ClaimOutcome, Deduplicator, Event, EventStore, Handled, Signer, StoreError, StoreFuture,
        Verifier, WebhookSecret,
    },
};
use futures_util::FutureExt;
use http::HeaderMap;

use crate::collected::Collected;

const VERIFICATIONS: &str = "cmp.webhook.verifications";
const EVENTS: &str = "cmp.webhook.events";
const BODY: &[u8] = br#"{"id":"evt-1","event":"cmp_au_card.closed"}"#;

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text).expect("a secret")
}

fn headers(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(Signer::HEADER.parse().expect("a name"), value.parse().expect("a value"))])
}

/// A receiver whose clock is wrong.
#[derive(Debug)]
struct Yesterday;

impl Clock for Yesterday {
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn utc(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::Utc::now() - chrono::Duration::days(1)
    }

    fn sleep(&self, _: Duration) -> cmp::clock::Tick {
        Box::pin(std::future::ready(()))
    }

    fn alarm(&self, _: std::time::Instant) -> cmp::clock::Tick {
        Box::pin(std::future::pending())
    }
}

/// A store that fails after so many calls.
#[derive(Debug)]
struct Fails {
    at_claim: bool,
}

impl EventStore for Fails {
    fn claim<'a>(&'a self, _: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async {
            if self.at_claim { Err(StoreError::new("away")) } else { Ok(ClaimOutcome::Claimed(Claim(1))) }
        })
    }

    fn claim_lifetime(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn renew<'a>(&'a self, _: &'a str, _: Claim) -> StoreFuture<'a, bool> {
        Box::pin(async { Ok(true) })
    }

    fn complete<'a>(&'a self, _: &'a str, _: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async { Err(StoreError::new("away")) })
    }

    fn release<'a>(&'a self, _: &'a str, _: Claim) -> StoreFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn every_verdict(meter: &Meter) {
    let clock = ManualClock::new();
    // The clock is set last, and still the one that counts.
    let verifier = Verifier::new(secret("right")).meter(meter).clock(clock.clone());
    let signer = Signer::new(secret("right"));
    let signed = headers(&signer.sign(BODY));
    verifier.verify(&signed, BODY).expect("our signature");
    verifier.verify_value(&signer.sign(BODY), BODY).expect("our signature");
    verifier.verify(&HeaderMap::new(), BODY).expect_err("no signature");
    verifier.verify(&headers("nonsense"), BODY).expect_err("malformed");
    verifier.verify(&headers(&Signer::new(secret("wrong")).sign(BODY)), BODY).expect_err("wrong");
    clock.advance(Duration::from_secs(3600));
    verifier.clone().verify(&signed, BODY).expect_err("too old");
    let early = Verifier::new(secret("right")).meter(meter).clock(Yesterday);
    early.verify(&signed, BODY).expect_err("too new");
}

fn every_body(meter: &Meter) {
    let verifier = Verifier::new(secret("right")).meter(meter);
    let signer = Signer::new(secret("right"));
    for body in [&b"\xff\xfe{"[..], b"{", b"{}", b"[]", BODY] {
        drop(verifier.verify_value(&signer.sign(body), body).expect("our signature").parse());
    }
}

async fn every_end(meter: &Meter) {
    let event = Event::parse_unverified(BODY).expect("an event");
    let once = Deduplicator::in_memory(10).meter(meter);
    let works = async || Ok::<_, StoreError>(());
    let another =
        Event::parse_unverified(br#"{"id":"evt-2","event":"cmp_au_card.closed"}"#).expect("an event");
    let pending = async || std::future::pending::<Result<(), StoreError>>().await;
    let fails = async || Err::<(), _>(StoreError::new("the work failed"));
    once.handle(&event, fails).await.expect_err("the work failed");
    let beside = async || once.handle(&event, works).await;
    assert_eq!(once.handle(&event, beside).await, Ok(Handled::Now(Handled::InProgress)));
    for _ in 0..2 {
        assert_eq!(once.handle(&event, works).await, Ok(Handled::Before));
    }
    drop(once.handle(&another, pending).now_or_never());
    for at_claim in [true, false] {
        let once = Deduplicator::new(Fails { at_claim }).meter(meter);
        once.handle(&event, works).await.expect_err("the store is away");
    }
}

/// Lets everything happen that is measured about webhooks.
pub(crate) async fn every_outcome(meter: &Meter) {
    every_verdict(meter);
    every_body(meter);
    every_end(meter).await;
}

#[test]
fn verdicts_about_signatures_are_counted() {
    let collected = Collected::new();
    every_verdict(&collected.meter());
    assert_eq!(
        collected.of(VERIFICATIONS),
        [
            "cmp.webhook.verdict=malformed_signature: 1",
            "cmp.webhook.verdict=no_signature: 1",
            "cmp.webhook.verdict=too_new: 1",
            "cmp.webhook.verdict=too_old: 1",
            "cmp.webhook.verdict=valid: 2",
            "cmp.webhook.verdict=wrong_signature: 1",
        ]
    );
}

#[test]
fn signed_bodies_that_are_no_events_are_counted() {
    let collected = Collected::new();
    every_body(&collected.meter());
    assert_eq!(
        collected.of(EVENTS),
        [
            "cmp.webhook.outcome=not_an_event: 2",
            "cmp.webhook.outcome=not_json: 1",
            "cmp.webhook.outcome=not_utf8: 1",
        ]
    );
}

#[tokio::test]
async fn outcomes_of_events_are_counted() {
    let collected = Collected::new();
    every_end(&collected.meter()).await;
    assert_eq!(
        collected.of(EVENTS),
        [
            "cmp.webhook.outcome=cancelled: 1",
            "cmp.webhook.outcome=duplicate: 2",
            "cmp.webhook.outcome=failed: 1",
            "cmp.webhook.outcome=handled: 1",
            "cmp.webhook.outcome=in_progress: 1",
            "cmp.webhook.outcome=store_failed: 2",
        ]
    );
}
