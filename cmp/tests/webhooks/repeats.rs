use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use cmp::{
    clock::ManualClock,
    webhooks::{Deduplicator, Event, Handled, MemoryStore, SeenError, SeenEvents, SeenFuture, Sighting},
};
use tokio::sync::Notify;

fn event(id: &str) -> Event {
    Event::parse_unverified(format!(r#"{{"id":"{id}","event":"cmp_au_card.closed"}}"#).as_bytes()).unwrap()
}

async fn handle(once: &Deduplicator, id: &str) -> Handled<()> {
    once.handle(&event(id), async || Ok::<_, SeenError>(())).await.unwrap()
}

#[tokio::test]
async fn an_event_is_handled_once() {
    let once = Deduplicator::in_memory(10);
    let times = AtomicUsize::new(0);
    for _ in 0..3 {
        let work = async || Ok::<_, SeenError>(times.fetch_add(1, Ordering::Relaxed));
        once.clone().handle(&event("1"), work).await.unwrap();
    }
    assert_eq!(times.into_inner(), 1);
    assert_eq!(handle(&once, "2").await, Handled::Now(()));
}

#[tokio::test]
async fn a_failure_makes_the_next_delivery_new() {
    let once = Deduplicator::in_memory(10);
    let failed =
        once.handle(&event("1"), async || Err::<(), _>(SeenError::new("the database is away"))).await;
    assert!(failed.is_err());
    assert_eq!(handle(&once, "1").await, Handled::Now(()));
    assert_eq!(handle(&once, "1").await, Handled::Before);
}

#[tokio::test]
async fn a_delivery_beside_another_waits_for_its_outcome() {
    let once = Deduplicator::in_memory(10);
    let (begun, end) = (Notify::new(), Notify::new());
    let event = event("1");
    let first = once.handle(&event, async || {
        begun.notify_one();
        end.notified().await;
        Ok::<_, SeenError>(())
    });
    let second = async {
        begun.notified().await;
        let handled = handle(&once, "1").await;
        end.notify_one();
        handled
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Ok(Handled::Now(())), Handled::InProgress));
    assert_eq!(handle(&once, "1").await, Handled::Before);
}

#[tokio::test]
async fn a_claim_of_a_receiver_that_died_lapses() {
    let clock = ManualClock::new();
    let store = MemoryStore::new(10).lease(Duration::from_secs(30)).clock(clock.clone());
    assert_eq!(store.claim("1").await, Ok(Sighting::First));
    clock.advance(Duration::from_secs(29));
    assert_eq!(store.claim("1").await, Ok(Sighting::InProgress));
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.claim("1").await, Ok(Sighting::First));
    store.complete("1").await.unwrap();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(store.claim("1").await, Ok(Sighting::Repeat));
}

#[tokio::test]
async fn memory_is_bounded_and_the_oldest_are_forgotten() {
    let store = MemoryStore::new(3);
    assert!(store.is_empty());
    for id in 0..1000 {
        let id = format!("{id}{}", "x".repeat(10_000));
        assert_eq!(store.claim(&id).await, Ok(Sighting::First));
        if id.len() % 2 == 0 {
            store.release(&id).await.unwrap();
        } else {
            store.complete(&id).await.unwrap();
        }
        assert!(store.len() <= 3);
    }
    for id in ["a", "b", "c", "d"] {
        store.claim(id).await.unwrap();
        store.complete(id).await.unwrap();
    }
    assert_eq!(store.claim("b").await, Ok(Sighting::Repeat));
    assert_eq!(store.claim("a").await, Ok(Sighting::First), "the oldest was forgotten");
    assert_eq!(store.len(), 3);
}

#[derive(Debug)]
struct Broken;

impl SeenEvents for Broken {
    fn claim<'a>(&'a self, _: &'a str) -> SeenFuture<'a, Sighting> {
        Box::pin(async { Err(SeenError::new("no connection")) })
    }

    fn complete<'a>(&'a self, _: &'a str) -> SeenFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn release<'a>(&'a self, _: &'a str) -> SeenFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn without_its_store_nothing_is_handled() {
    let once = Deduplicator::with_store(Broken);
    let handled = once.handle(&event("1"), async || -> Result<(), SeenError> { panic!("handled") }).await;
    assert_eq!(handled.unwrap_err().to_string(), "the store of seen events failed: no connection");
}
