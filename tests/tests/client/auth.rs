//! Access tokens: one for all, replaced once, never lost to a caller who leaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cmp::{
    Client, Delivery, Environment, ErrorKind, ServiceAccount,
    auth::{AccessToken, AccessTokenError, AccessTokenFuture, AccessTokenProvider, AuthState},
    clock::ManualClock,
    error::StopReason,
    http::Proxy,
    retry::{Pace, RetryPolicy},
};
use cmp_simulator::{Fault, Operation as Simulated, Simulator};
use tokio::sync::Semaphore;

use crate::support::{builder, card_id, new_card, simulated};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_cold_callers_cost_one_token() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let cmp = cmp.clone();
            tokio::spawn(async move { cmp.warm_up().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(simulator.tokens_minted(), 1);
}

#[tokio::test]
async fn ten_parallel_refusals_cost_one_token() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    let stored = cmp.cards().create(new_card()).await.unwrap();
    simulator.world().revoke_access_tokens();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (cmp, id) = (cmp.clone(), stored.id().clone());
            tokio::spawn(async move { cmp.cards().get(&id).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(simulator.tokens_minted(), 2);
    assert_eq!(*cmp.auth_state().borrow(), AuthState::Ready { generation: 2 });
}

#[tokio::test]
async fn a_refused_request_is_replayed_once_whatever_its_class() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = simulated(&simulator, &ManualClock::new());
    simulator.faults().add(Fault::status(401).on(Simulated::CreateCard).times(1));
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(simulator.count(Simulated::CreateCard), 2);
    simulator.faults().add(Fault::status(401).on(Simulated::CreateCard));
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!((error.attempts(), simulator.count(Simulated::CreateCard)), (2, 4));
}

#[tokio::test]
async fn a_token_that_can_not_be_replaced_is_not_sent_twice() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = builder(simulator.url(), &ManualClock::new()).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!((error.attempts(), simulator.count(Simulated::GetCard)), (1, 1));
}

#[tokio::test]
async fn a_wrong_secret_is_told_at_once_and_not_shown() {
    let simulator = Simulator::start().await.unwrap();
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), "wrong-canary-secret");
    let cmp =
        Client::builder(environment).service_account(account).clock(ManualClock::new()).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery(), error.attempts()),
        (ErrorKind::Authentication, Delivery::NotSent, 1)
    );
    assert!(error.is_unauthorized() && error.status().is_some());
    let warming = cmp.warm_up().await.unwrap_err();
    assert!(warming.is_unauthorized() && !warming.is_retryable());
    assert!(!format!("{error} {error:?} {cmp:?}").contains("canary"));
    assert!(format!("{cmp:?}").contains(simulator.client_id()));
    assert_eq!(simulator.count(Simulated::GetCard), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_for_a_moment_is_waited_for() {
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).retry_after(3).on(Simulated::Token).times(1));
    let clock = ManualClock::new();
    simulated(&simulator, &clock).cards().create(new_card()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(3)]);
}

/// Hands out tokens whose life is over.
#[derive(Debug)]
struct Expired(Arc<AtomicUsize>);

impl AccessTokenProvider for Expired {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(AccessToken::new("an-old-token")?.lifetime(Duration::ZERO))
        })
    }
}

#[tokio::test]
async fn a_token_that_has_expired_when_it_comes_is_a_failure_with_a_pause() {
    let (fetched, clock) = (Arc::new(AtomicUsize::new(0)), ManualClock::new());
    let builder = builder("http://127.0.0.1:1", &clock).token_provider(Expired(fetched.clone()));
    let cmp = builder.build().unwrap();
    for _ in 0..2 {
        let error = cmp.warm_up().await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Authentication, Delivery::NotSent));
        assert_eq!(error.to_string(), "no access token: the token had expired when it came");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
    assert!(matches!(&*cmp.auth_state().borrow(), AuthState::Failed { still_usable: false, .. }));
    // A call fetches once an attempt, after a pause.
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!((error.attempts(), fetched.load(Ordering::SeqCst)), (4, 4), "{error}");
    assert_eq!(clock.slept(), [1, 2, 4].map(Duration::from_secs));
}

/// Hands out numbered tokens that live a minute, when it is let, and fails when it is told to.
#[derive(Debug)]
struct Scripted {
    fetched: Arc<AtomicUsize>,
    let_through: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
}

impl AccessTokenProvider for Scripted {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            self.let_through.acquire().await.expect("never closed").forget();
            let number = self.fetched.fetch_add(1, Ordering::SeqCst);
            if self.failing.load(Ordering::SeqCst) {
                return Err(AccessTokenError::transient("the test asked for a failure"));
            }
            Ok(AccessToken::new(format!("token-{number}"))?.lifetime(Duration::from_secs(60)))
        })
    }
}

struct Setting {
    cmp: Client,
    clock: ManualClock,
    fetched: Arc<AtomicUsize>,
    let_through: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
}

fn scripted() -> Setting {
    let (fetched, failing) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let let_through = Arc::new(Semaphore::new(0));
    let provider =
        Scripted { fetched: fetched.clone(), let_through: let_through.clone(), failing: failing.clone() };
    let clock = ManualClock::new();
    let cmp = builder("http://127.0.0.1:1", &clock).token_provider(provider).build().unwrap();
    Setting { cmp, clock, fetched, let_through, failing }
}

#[tokio::test]
async fn a_caller_who_leaves_takes_nothing_with_him() {
    let s = scripted();
    let leaving = tokio::spawn({
        let cmp = s.cmp.clone();
        async move { cmp.warm_up().await }
    });
    tokio::task::yield_now().await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.unwrap();
    assert_eq!(s.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refresh_comes_before_the_end_and_its_failure_costs_nothing() {
    let s = scripted();
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.unwrap();
    let mut state = s.cmp.auth_state();
    state.mark_unchanged();

    // The margin of a minute is at most 12 seconds.
    s.clock.advance(Duration::from_secs(47));
    s.cmp.warm_up().await.unwrap();
    assert_eq!(s.fetched.load(Ordering::SeqCst), 1);

    s.failing.store(true, Ordering::SeqCst);
    s.let_through.add_permits(1);
    s.clock.advance(Duration::from_secs(2));
    s.cmp.warm_up().await.expect("the old token is still good");
    state.changed().await.unwrap();
    assert!(matches!(&*state.borrow_and_update(), AuthState::Failed { still_usable: true, .. }));
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.expect("and stays so");
    tokio::task::yield_now().await;
    assert_eq!(s.fetched.load(Ordering::SeqCst), 2, "the endpoint is left alone for a while");

    s.failing.store(false, Ordering::SeqCst);
    s.clock.advance(Duration::from_secs(6));
    s.cmp.warm_up().await.unwrap();
    state.changed().await.unwrap();
    assert_eq!(*state.borrow(), AuthState::Ready { generation: 2 });
}

#[tokio::test]
async fn an_expired_token_is_not_used() {
    let s = scripted();
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.unwrap();
    s.clock.advance(Duration::from_secs(60));
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.unwrap();
    assert_eq!(s.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_lifetime_counts_from_the_request_and_not_from_its_answer() {
    let s = scripted();
    let slow = tokio::spawn({
        let cmp = s.cmp.clone();
        async move { cmp.warm_up().await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    // An attempt waits no longer than 20 seconds.
    s.clock.advance(Duration::from_secs(19));
    s.let_through.add_permits(2);
    slow.await.unwrap().unwrap();
    s.clock.advance(Duration::from_secs(39));
    s.cmp.warm_up().await.unwrap();
    assert_eq!(s.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_before_its_callers_are() {
    let s = scripted();
    let waiting = tokio::spawn({
        let cmp = s.cmp.clone();
        async move { cmp.warm_up().await }
    });
    for _ in 0..2 {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        s.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Authentication);
    s.let_through.add_permits(1);
    s.cmp.warm_up().await.expect("another fetch is made");
}

#[test]
fn a_runtime_that_ends_takes_only_its_own_fetch_with_it() {
    let s = scripted();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let cmp = s.cmp.clone();
        tokio::spawn(async move { cmp.warm_up().await });
        tokio::task::yield_now().await;
    });
    drop(first);
    s.let_through.add_permits(1);
    runtime().block_on(s.cmp.warm_up()).unwrap();
    assert_eq!(s.fetched.load(Ordering::SeqCst), 1);
}

#[derive(Debug)]
struct Panicking;

impl AccessTokenProvider for Panicking {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async { panic!("a provider's own fault") })
    }
}

#[tokio::test]
async fn a_provider_that_panics_is_an_error() {
    let cmp = builder("http://127.0.0.1:1", &ManualClock::new()).token_provider(Panicking).build().unwrap();
    assert_eq!(cmp.warm_up().await.unwrap_err().kind(), ErrorKind::Authentication);
    assert!(matches!(&*cmp.auth_state().borrow(), AuthState::Failed { still_usable: false, .. }));
    assert_eq!(cmp.warm_up().await.unwrap_err().kind(), ErrorKind::Authentication);
}

#[tokio::test]
async fn a_vaults_proxy_never_sees_the_client_secret() {
    let (identity, vault) = (Simulator::start().await.unwrap(), Simulator::start().await.unwrap());
    let environment = Environment::custom("http://127.0.0.1:9", identity.token_url()).unwrap();
    let account = ServiceAccount::new(identity.client_id(), identity.client_secret());
    let builder = || {
        let builder = Client::builder(environment.clone()).service_account(account.clone());
        builder.retry(RetryPolicy::none()).proxy(Proxy::new(vault.url()))
    };
    // The vault's simulator stands for the API too, which knows no token of another.
    let error = builder().build().unwrap().cards().get(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(401)));
    assert!(vault.requests().iter().all(|request| request.operation == Some(Simulated::GetCard)));
    assert!(vault.tokens_minted() == 0 && identity.tokens_minted() > 0);

    builder().token_proxy(Proxy::new(vault.url())).build().unwrap().warm_up().await.unwrap();
    assert_eq!(vault.tokens_minted(), 1, "where that is asked for");
}

#[tokio::test]
async fn wrong_credentials_cost_a_request_now_and_then_and_not_one_a_call() {
    let simulator = Simulator::start().await.unwrap();
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), "wrong");
    let clock = ManualClock::new();
    let cmp = Client::builder(environment).service_account(account).clock(clock.clone());
    let cmp = cmp.randomness(|| 1.0).build().unwrap();
    let asked = || simulator.count(Simulated::Token);
    let mut expected = 0;
    // The pauses, in seconds: they double up to half a minute.
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        expected += 1;
        for _ in 0..200 {
            let error = cmp.cards().get(&card_id()).await.unwrap_err();
            assert!(error.is_unauthorized() && !error.is_retryable());
            assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 1));
            assert_eq!(error.retry_after(), Some(Duration::from_secs(pause)));
        }
        assert_eq!(asked(), expected);
        clock.advance(Duration::from_secs(pause));
    }
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn credentials_that_become_right_are_used_after_the_pause() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    simulator.faults().add(Fault::status(401).on(Simulated::Token).times(1));
    assert!(cmp.warm_up().await.unwrap_err().is_unauthorized());
    assert!(cmp.warm_up().await.unwrap_err().is_unauthorized());
    clock.advance(Duration::from_secs(1));
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(simulator.count(Simulated::Token), 2);
    // A later failure starts with the shortest pause again.
    simulator.world().revoke_access_tokens();
    simulator.faults().add(Fault::status(401).on(Simulated::Token).times(1));
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_failure_that_may_pass_is_waited_for_as_long_as_the_pause_takes() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    simulator.faults().add(Fault::status(503).on(Simulated::Token).times(2));
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(1), Duration::from_secs(2)]);
    assert_eq!(simulator.count(Simulated::Token), 3);
}

#[tokio::test]
async fn a_token_endpoint_that_asks_for_an_hour_gets_five_minutes() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    simulator.faults().add(Fault::status(429).retry_after(3600).on(Simulated::Token).times(1));
    for _ in 0..2 {
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
        assert_eq!(error.stopped_because(), Some(StopReason::RetryAfterTooLong));
    }
    clock.advance(Duration::from_secs(300));
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(simulator.count(Simulated::Token), 2);
}

#[tokio::test]
async fn a_service_that_refuses_every_token_does_not_cost_a_token_a_call() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    simulator.faults().add(Fault::status(401).on(Simulated::GetCard));
    for minted in [2, 3, 4, 5] {
        for _ in 0..50 {
            let before = simulator.count(Simulated::GetCard);
            let error = cmp.cards().get(&card_id()).await.unwrap_err();
            assert!(error.is_unauthorized());
            assert_eq!(simulator.count(Simulated::GetCard) - before, error.attempts() as usize);
        }
        assert_eq!(simulator.tokens_minted(), minted);
        // Other calls go on with the token that there is.
        if minted == 5 {
            break;
        }
        clock.advance(Duration::from_secs(30));
    }
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(simulator.tokens_minted(), 5);

    // A success ends the pause: a token that is revoked now is replaced at once.
    simulator.faults().clear();
    simulator.world().revoke_access_tokens();
    cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(simulator.tokens_minted(), 6);
}

/// Until `seen` is true; the other tasks run meanwhile.
async fn until(seen: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if seen() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never happens");
}

/// Hands out a token to whom it is let through, and counts who waits.
#[derive(Debug, Clone)]
struct Gated {
    asked: Arc<AtomicUsize>,
    /// One gate for each fetch, in their order.
    gates: Arc<[Semaphore]>,
}

impl Gated {
    fn new(fetches: usize) -> Self {
        let gates = (0..fetches).map(|_| Semaphore::new(0)).collect();
        Self { asked: Arc::default(), gates }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn open(&self, fetch: usize) {
        self.gates[fetch].add_permits(1);
    }

    fn client(&self, clock: &ManualClock) -> Client {
        builder("http://127.0.0.1:1", clock).token_provider(self.clone()).build().unwrap()
    }
}

impl AccessTokenProvider for Gated {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            self.gates[number].acquire().await.expect("never closed").forget();
            Ok(AccessToken::new(format!("token-{number}"))?.lifetime(Duration::from_secs(60)))
        })
    }
}

#[tokio::test]
async fn a_fetch_that_hangs_is_replaced_and_its_late_outcome_does_no_harm() {
    let (clock, provider) = (ManualClock::new(), Gated::new(3));
    let cmp = provider.client(&clock);
    let warm = |cmp: &Client| {
        tokio::spawn({
            let cmp = cmp.clone();
            async move { cmp.warm_up().await }
        })
    };
    let first = warm(&cmp);
    until(|| provider.asked() == 1).await;
    clock.advance(Duration::from_secs(19));
    let second = warm(&cmp);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.asked(), 1, "an attempt may take 20 seconds");
    clock.advance(Duration::from_secs(1));
    assert_eq!(first.await.unwrap().unwrap_err().kind(), ErrorKind::Authentication);
    let third = warm(&cmp);
    until(|| provider.asked() == 2).await;
    // Who waited for the first one is served by the second.
    provider.open(1);
    third.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let mut state = cmp.auth_state();
    assert_eq!(*state.borrow_and_update(), AuthState::Ready { generation: 1 });

    // The first one comes late, with an older token.
    provider.open(0);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!state.has_changed().unwrap());
    cmp.warm_up().await.unwrap();
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn the_late_token_of_a_replaced_fetch_is_used_if_there_is_no_other() {
    let (clock, provider) = (ManualClock::new(), Gated::new(3));
    let cmp = provider.client(&clock);
    for fetch in 1..=2 {
        let waiting = tokio::spawn({
            let cmp = cmp.clone();
            async move { cmp.warm_up().await }
        });
        until(|| provider.asked() == fetch).await;
        if fetch == 1 {
            clock.advance(Duration::from_secs(20));
            waiting.await.unwrap().unwrap_err();
        } else {
            provider.open(0);
            waiting.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn fetches_that_hang_one_after_the_other_stay_few() {
    let (clock, provider) = (ManualClock::new(), Gated::new(20));
    let quick = RetryPolicy::none().attempt_timeout(Duration::from_secs(1));
    let cmp = provider.client(&clock).with_retry(quick);
    for _ in 0..25 {
        let waiting = tokio::spawn({
            let cmp = cmp.clone();
            async move { cmp.warm_up().await }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
        waiting.await.unwrap().unwrap_err();
    }
    assert_eq!(provider.asked(), 5, "they are replaced after 1, 2, 4 and 8 seconds");
}

#[test]
fn a_runtime_that_is_not_driven_blocks_no_other() {
    let (clock, provider) = (ManualClock::new(), Gated::new(2));
    let cmp = provider.client(&clock);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asleep = runtime();
    asleep.block_on(async {
        let cmp = cmp.clone();
        tokio::spawn(async move { cmp.warm_up().await });
        until(|| provider.asked() == 1).await;
    });
    provider.open(0);
    provider.open(1);
    // `asleep` lives on, and nobody polls it.
    runtime().block_on(cmp.warm_up()).unwrap();
    assert_eq!(provider.asked(), 2);
    // Its own callers go on where they were, and are given what there is by now.
    asleep.block_on(cmp.warm_up()).unwrap();
    assert_eq!(*cmp.auth_state().borrow(), AuthState::Ready { generation: 1 });
}

#[tokio::test]
async fn calls_that_wait_for_the_first_token_keep_the_pace_after_it() {
    let (clock, provider) = (ManualClock::new(), Gated::new(1));
    let cmp = builder("http://127.0.0.1:1", &clock).token_provider(provider.clone());
    let cmp = cmp.retry(RetryPolicy::none()).pace(Pace::per_second(1)).build().unwrap();
    let calls = [(); 3].map(|()| {
        let cmp = cmp.clone();
        tokio::spawn(async move { cmp.cards().get(&card_id()).await })
    });
    until(|| provider.asked() == 1).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(clock.slept().is_empty(), "nobody has a token, so nobody takes a time to send");
    provider.open(0);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Connection);
    }
    assert!(clock.slept().iter().sum::<Duration>() >= Duration::from_secs(2), "{:?}", clock.slept());
}

#[tokio::test]
async fn a_token_is_accepted_by_an_answer_that_is_no_success_too() {
    let simulator = Simulator::start().await.unwrap();
    let clock = ManualClock::new();
    let cmp = simulated(&simulator, &clock);
    for _ in 0..3 {
        simulator.faults().add(Fault::status(401).on(Simulated::GetCard).times(1));
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert_eq!(error.attempts(), 2);
        // The token expires.
        clock.advance(Duration::from_secs(24 * 3600));
    }
}
