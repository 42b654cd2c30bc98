use std::time::Duration;

use cmp::{
    clock::{Clock, ManualClock},
    webhooks::{
        Claim, ClaimOutcome, Deduplicator, Event, EventStore, Handled, Signer, StoreError, StoreFuture,
        Verifier, WebhookSecret,
    },
};
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

#[test]
fn verdicts_about_signatures_are_counted() {
    let (collected, clock) = (Collected::new(), ManualClock::new());
    // The clock is set last, and still the one that counts.
    let verifier = Verifier::new(secret("right")).meter(&collected.meter()).clock(clock.clone());
    let signer = Signer::new(secret("right"));
    let signed = headers(&signer.sign(BODY));
    verifier.verify(&signed, BODY).unwrap();
    verifier.verify_value(&signer.sign(BODY), BODY).unwrap();
    verifier.verify(&HeaderMap::new(), BODY).unwrap_err();
    verifier.verify(&headers("nonsense"), BODY).unwrap_err();
    verifier.verify(&headers(&Signer::new(secret("wrong")).sign(BODY)), BODY).unwrap_err();
    clock.advance(Duration::from_secs(3600));
    verifier.clone().verify(&signed, BODY).unwrap_err();
    let early = Verifier::new(secret("right")).meter(&collected.meter()).clock(Yesterday);
    early.verify(&signed, BODY).unwrap_err();
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

#[test]
fn signed_bodies_that_are_no_events_are_counted() {
    let collected = Collected::new();
    let verifier = Verifier::new(secret("right")).meter(&collected.meter());
    let signer = Signer::new(secret("right"));
    for body in [&b"\xff\xfe{"[..], b"{", b"{}", b"[]", BODY] {
        let _ = verifier.verify_value(&signer.sign(body), body).unwrap().parse();
    }
    assert_eq!(
        collected.of(EVENTS),
        [
            "cmp.webhook.outcome=not_an_event: 2",
            "cmp.webhook.outcome=not_json: 1",
            "cmp.webhook.outcome=not_utf8: 1",
        ]
    );
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

#[tokio::test]
async fn outcomes_of_events_are_counted() {
    let collected = Collected::new();
    let event = Event::parse_unverified(BODY).unwrap();
    let once = Deduplicator::in_memory(10).meter(&collected.meter());
    let fails = async || Err::<(), _>(StoreError::new("the work failed"));
    once.handle(&event, fails).await.unwrap_err();
    let beside = async || once.handle(&event, async || Ok::<_, StoreError>(())).await;
    assert_eq!(once.handle(&event, beside).await.unwrap(), Handled::Now(Handled::InProgress));
    for _ in 0..2 {
        once.handle(&event, async || Ok::<_, StoreError>(())).await.unwrap();
    }
    for at_claim in [true, false] {
        let once = Deduplicator::new(Fails { at_claim }).meter(&collected.meter());
        once.handle(&event, async || Ok::<_, StoreError>(())).await.unwrap_err();
    }
    assert_eq!(
        collected.of(EVENTS),
        [
            "cmp.webhook.outcome=duplicate: 2",
            "cmp.webhook.outcome=failed: 1",
            "cmp.webhook.outcome=handled: 1",
            "cmp.webhook.outcome=in_progress: 1",
            "cmp.webhook.outcome=store_failed: 2",
        ]
    );
}
