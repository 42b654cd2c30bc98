//! Access tokens: one for all, replaced once, never lost to a caller who leaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cmp::{
    Client, Delivery, Environment, ErrorKind, Proxy, RetryPolicy, ServiceAccount,
    auth::{AccessToken, AuthState, TokenError, TokenFuture, TokenProvider},
    clock::ManualClock,
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

/// Hands out numbered tokens that live a minute, when it is let, and fails when it is told to.
#[derive(Debug)]
struct Scripted {
    fetched: Arc<AtomicUsize>,
    let_through: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
}

impl TokenProvider for Scripted {
    fn fetch(&self) -> TokenFuture<'_> {
        Box::pin(async {
            self.let_through.acquire().await.expect("never closed").forget();
            let number = self.fetched.fetch_add(1, Ordering::SeqCst);
            if self.failing.load(Ordering::SeqCst) {
                return Err(TokenError::transient("told to fail"));
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
    s.clock.advance(Duration::from_secs(29));
    s.let_through.add_permits(2);
    slow.await.unwrap().unwrap();
    s.clock.advance(Duration::from_secs(29));
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

impl TokenProvider for Panicking {
    fn fetch(&self) -> TokenFuture<'_> {
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
