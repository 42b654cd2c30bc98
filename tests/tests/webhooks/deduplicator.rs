use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cmp::{
    clock::ManualClock,
    webhooks::{
        Claim, ClaimOutcome, Deduplicator, Event, EventStore, Handled, MemoryStore, StoreError, StoreFuture,
    },
};
use futures_util::FutureExt;
use tokio::sync::Notify;

fn event(id: &str) -> Event {
    Event::parse_unverified(format!(r#"{{"id":"{id}","event":"cmp_au_card.closed"}}"#).as_bytes()).unwrap()
}

async fn handle(once: &Deduplicator, id: &str) -> Handled<()> {
    once.handle(&event(id), async || Ok::<_, StoreError>(())).await.unwrap()
}

#[tokio::test]
async fn an_event_is_handled_once() {
    let once = Deduplicator::in_memory(10);
    let times = AtomicUsize::new(0);
    for _ in 0..3 {
        let work = async || Ok::<_, StoreError>(times.fetch_add(1, Ordering::Relaxed));
        once.clone().handle(&event("1"), work).await.unwrap();
    }
    assert_eq!(times.into_inner(), 1);
    assert_eq!(handle(&once, "2").await, Handled::Now(()));
}

#[tokio::test]
async fn a_failure_makes_the_next_delivery_new() {
    let once = Deduplicator::in_memory(10);
    let failed =
        once.handle(&event("1"), async || Err::<(), _>(StoreError::new("the database is away"))).await;
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
        Ok::<_, StoreError>(())
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

const LEASE: Duration = Duration::from_secs(30);

fn leasing(clock: &ManualClock) -> MemoryStore {
    MemoryStore::new(10).lease(LEASE).clock(clock.clone())
}

async fn first(store: &impl EventStore, id: &str) -> Claim {
    match store.claim(id).await.unwrap() {
        ClaimOutcome::Claimed(claim) => claim,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn a_claim_of_a_receiver_that_died_lapses() {
    let clock = ManualClock::new();
    let store = leasing(&clock);
    first(&store, "1").await;
    clock.advance(LEASE - Duration::from_secs(1));
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress));
    clock.advance(Duration::from_secs(1));
    let claim = first(&store, "1").await;
    store.complete("1", claim).await.unwrap();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::Handled));
}

#[tokio::test]
async fn a_claim_belongs_to_the_one_that_made_it() {
    let clock = ManualClock::new();
    let store = leasing(&clock);
    let late = first(&store, "1").await;
    clock.advance(LEASE);
    let claim = first(&store, "1").await;
    store.release("1", late).await.unwrap();
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress), "another's claim was released");
    store.complete("1", late).await.unwrap();
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress), "another's claim was completed");
    store.release("1", claim).await.unwrap();
    assert_ne!(first(&store, "1").await, late);
}

#[tokio::test]
async fn work_that_outlives_its_claim_is_noted_if_nobody_claimed_the_event_since() {
    let clock = ManualClock::new();
    let store = leasing(&clock);
    let late = first(&store, "1").await;
    clock.advance(LEASE);
    first(&store, "2").await;
    store.complete("1", late).await.unwrap();
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::Handled));
}

#[tokio::test]
async fn an_event_whose_handling_was_dropped_is_new_once_the_claim_has_lapsed() {
    let clock = ManualClock::new();
    let once = Deduplicator::new(leasing(&clock));
    let event = event("1");
    let begun = Notify::new();
    let stuck = once.handle(&event, async || {
        begun.notify_one();
        std::future::pending::<Result<(), StoreError>>().await
    });
    tokio::select! {
        _ = stuck => unreachable!("it never ends"),
        () = begun.notified() => {}
    }
    assert_eq!(handle(&once, "1").await, Handled::InProgress);
    clock.advance(LEASE);
    assert_eq!(handle(&once, "1").await, Handled::Now(()));
}

#[tokio::test]
async fn what_is_being_handled_is_not_forgotten() {
    let clock = ManualClock::new();
    let store = MemoryStore::new(1).lease(LEASE).clock(clock.clone());
    let claim = first(&store, "1").await;
    assert!(!store.is_empty(), "an event that is being handled");
    for id in ["2", "3"] {
        let claim = first(&store, id).await;
        store.complete(id, claim).await.unwrap();
    }
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::InProgress));
    store.complete("1", claim).await.unwrap();
    assert_eq!(store.claim("1").await, Ok(ClaimOutcome::Handled));
    assert_eq!(store.len(), 1, "of those that were handled");

    for id in 0..100 {
        first(&store, &format!("abandoned {id}")).await;
    }
    clock.advance(LEASE);
    first(&store, "4").await;
    assert_eq!(store.len(), 2, "claims that have lapsed are forgotten");
}

#[tokio::test]
async fn memory_is_bounded_and_the_oldest_are_forgotten() {
    let store = MemoryStore::new(3);
    assert!(store.is_empty());
    for number in 0..1000 {
        let id = format!("{number}{}", "x".repeat(10_000));
        let claim = first(&store, &id).await;
        if number % 2 == 0 {
            store.release(&id, claim).await.unwrap();
        } else {
            store.complete(&id, claim).await.unwrap();
        }
        assert!(store.len() <= 3);
    }
    for id in ["a", "b", "c", "d"] {
        let claim = first(&store, id).await;
        store.complete(id, claim).await.unwrap();
    }
    assert_eq!(store.claim("b").await, Ok(ClaimOutcome::Handled));
    first(&store, "a").await;
    assert_eq!(store.len(), 4, "three that were handled and the oldest, which was forgotten, anew");
}

/// A store in which one of the methods fails, or does not answer.
#[derive(Debug)]
struct Broken {
    way: &'static str,
    /// How often the method does not answer before it works, and how often it was called.
    silent: Option<(usize, Arc<AtomicUsize>)>,
    store: MemoryStore,
}

impl Broken {
    fn at(way: &'static str, clock: &ManualClock) -> Deduplicator {
        Deduplicator::new(Self { way, silent: None, store: leasing(clock) })
    }

    fn silent_once_at(way: &'static str, clock: &ManualClock) -> (Deduplicator, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let store = Self { way, silent: Some((1, Arc::clone(&calls))), store: leasing(clock) };
        (Deduplicator::new(store).clock(clock.clone()), calls)
    }

    fn fail<'a, T: 'a>(&self, way: &str, working: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        if self.way != way {
            return working;
        }
        let Some((times, calls)) = &self.silent else {
            return Box::pin(async { Err(StoreError::new("no connection")) });
        };
        let is_silent = calls.fetch_add(1, Ordering::Relaxed) < *times;
        if is_silent { Box::pin(std::future::pending()) } else { working }
    }
}

impl EventStore for Broken {
    fn claim<'a>(&'a self, id: &'a str) -> StoreFuture<'a, ClaimOutcome> {
        self.fail("claim", self.store.claim(id))
    }

    fn claim_lifetime(&self) -> Duration {
        self.store.claim_lifetime()
    }

    fn renew<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, bool> {
        self.fail("renew", self.store.renew(id, claim))
    }

    fn complete<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        self.fail("complete", self.store.complete(id, claim))
    }

    fn release<'a>(&'a self, id: &'a str, claim: Claim) -> StoreFuture<'a, ()> {
        self.fail("release", self.store.release(id, claim))
    }
}

#[tokio::test]
async fn without_its_store_nothing_is_handled() {
    let once = Broken::at("claim", &ManualClock::new());
    let handled = once.handle(&event("1"), async || -> Result<(), StoreError> { panic!("handled") }).await;
    assert_eq!(handled.unwrap_err().to_string(), "the store of events failed: no connection");
}

#[tokio::test]
async fn the_error_of_the_work_is_returned_when_its_claim_can_not_be_released() {
    let clock = ManualClock::new();
    let once = Broken::at("release", &clock);
    let failed = once.handle(&event("1"), async || Err::<(), _>(StoreError::new("of the work"))).await;
    assert_eq!(failed, Err(StoreError::new("of the work")));
    assert_eq!(handle(&once, "1").await, Handled::InProgress);
    clock.advance(LEASE);
    assert_eq!(handle(&once, "1").await, Handled::Now(()));
}

#[tokio::test]
async fn work_that_can_not_be_noted_is_repeated_once_its_claim_has_lapsed() {
    let clock = ManualClock::new();
    let once = Broken::at("complete", &clock);
    let times = AtomicUsize::new(0);
    for seconds_later in [0, 29, 1] {
        clock.advance(Duration::from_secs(seconds_later));
        let work = async || Ok::<_, StoreError>(times.fetch_add(1, Ordering::Relaxed));
        let handled = once.handle(&event("1"), work).await;
        match seconds_later {
            29 => assert_eq!(handled, Ok(Handled::InProgress)),
            _ => assert_eq!(handled, Err(StoreError::new("no connection"))),
        }
    }
    assert_eq!(times.into_inner(), 2);
}

#[tokio::test]
async fn the_claim_of_long_work_is_renewed() {
    let clock = ManualClock::new();
    let once = Deduplicator::new(leasing(&clock)).clock(clock.clone());
    let end = Notify::new();
    let event = event("1");
    let work = once.handle(&event, async || {
        end.notified().await;
        Ok::<_, StoreError>(())
    });
    let others = async {
        for _ in 0..10 {
            clock.advance(LEASE / 2);
            tokio::task::yield_now().await;
            assert_eq!(handle(&once, "1").await, Handled::InProgress);
        }
        end.notify_one();
    };
    assert_eq!(tokio::join!(work, others).0, Ok(Handled::Now(())));
    assert_eq!(handle(&once, "1").await, Handled::Before);
}

#[tokio::test]
async fn work_goes_on_when_its_claim_can_not_be_renewed() {
    let clock = ManualClock::new();
    let once = Broken::at("renew", &clock).clock(clock.clone());
    let end = Notify::new();
    let event = event("1");
    let work = once.handle(&event, async || {
        end.notified().await;
        Ok::<_, StoreError>(())
    });
    let others = async {
        for seconds_later in [20, 9] {
            clock.advance(Duration::from_secs(seconds_later));
            tokio::task::yield_now().await;
            assert_eq!(handle(&once, "1").await, Handled::InProgress);
        }
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert_eq!(
            handle(&once, "1").await,
            Handled::Now(()),
            "handled beside the first, which lost its claim"
        );
        end.notify_one();
    };
    assert_eq!(tokio::join!(work, others).0, Ok(Handled::Now(())));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_away() {
    for (way, fails, expected) in [
        ("claim", false, "the store of events failed: it did not answer in time"),
        ("complete", false, "the store of events failed: it did not answer in time"),
        ("release", true, "the store of events failed: of the work"),
    ] {
        let clock = ManualClock::new();
        let (once, _) = Broken::silent_once_at(way, &clock);
        let event = event("1");
        let work = async || if fails { Err(StoreError::new("of the work")) } else { Ok(()) };
        let mut handling = std::pin::pin!(once.handle(&event, work));
        assert!(handling.as_mut().now_or_never().is_none(), "{way}");
        clock.advance(LEASE / 3 - Duration::from_millis(1));
        assert!(handling.as_mut().now_or_never().is_none(), "{way}");
        clock.advance(Duration::from_millis(1));
        let handled = handling.as_mut().now_or_never().expect("an answer to the sender");
        assert_eq!(handled.unwrap_err().to_string(), expected, "{way}");
    }
}

#[tokio::test]
async fn a_renewal_without_an_answer_is_tried_again() {
    let clock = ManualClock::new();
    let (once, calls) = Broken::silent_once_at("renew", &clock);
    let end = Notify::new();
    let event = event("1");
    let work = once.handle(&event, async || {
        end.notified().await;
        Ok::<_, StoreError>(())
    });
    let others = async {
        for _ in 0..12 {
            clock.advance(LEASE / 3);
            // The two take turns in changing order.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            assert_eq!(handle(&once, "1").await, Handled::InProgress);
        }
        end.notify_one();
    };
    assert_eq!(tokio::join!(work, others).0, Ok(Handled::Now(())));
    assert_eq!(calls.load(Ordering::Relaxed), 12, "one for each third of its time");
}
