//! A client and a service with a network in between that fails by a seeded script: partitions of one or both ways, half-open
//! connections, connections cut at any octet, and clocks that drift apart or jump, over HTTP/1.1 and HTTP/2.
//!
//! The client only takes sockets, so the network is a relay on loopback, and the time is the tests' clock. A partition keeps
//! what was sent and delivers it when it is over, even if the sender has given up since: this is how a request arrives late. A
//! seed repeats the script. It doesn't repeat how the kernel orders the events of two sockets, nor does the relay lose or
//! reorder single packets.
//!
//! `SEED=… cargo test -p workspace-tests --test network` repeats one script, and `SCRIPTS=10000` runs more.

use std::{
    env,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use cmp::{
    CardChanges, Client, Delivery, Environment, Expiry, NewCard, Pan, ServiceAccount,
    clock::{Clock, ManualClock, Tick},
    operation::{Operation, RetryClass},
    retry::{RetryBudget, RetryPolicy},
    v1,
};
use cmp_simulator::{Protocol, Simulator};
use fastrand::Rng;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
};
use workspace_tests::{
    Calls,
    network::{Direction, Link, Way},
};

const SCRIPTS: u64 = 1_000;
const CALLS: usize = 6;
const TIMEOUT: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(50);
const STEP: Duration = Duration::from_secs(11);
const ATTEMPTS: u32 = 3;
/// In real time: a script that takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Fails in one of many ways until it is healed.
fn fail_at_random(link: &Link, rng: &mut Rng) {
    link.heal();
    let (up, down) = match rng.u8(..10) {
        0..4 => (Way::Passes, Way::Passes),
        4 => (Way::Waits, Way::Waits),
        5 => (Way::Waits, Way::Passes),
        6 => (Way::Passes, Way::Waits),
        7 => (Way::Lost, Way::Lost),
        8 => (Way::Lost, Way::Passes),
        _ => (Way::Passes, Way::Lost),
    };
    link.set(up, down);
    if rng.u8(..8) == 0 {
        link.cut();
    }
    if rng.u8(..3) == 0 {
        let direction = if rng.bool() { Direction::Up } else { Direction::Down };
        link.cut_after(Some((direction, rng.usize(..1500))));
    }
}

/// The tests' clock, with a time of day that may jump both ways.
#[derive(Debug, Clone)]
struct Jumping {
    clock: ManualClock,
    seconds: Arc<AtomicI64>,
}

impl Clock for Jumping {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn utc(&self) -> DateTime<Utc> {
        self.clock.utc() + chrono::Duration::seconds(self.seconds.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> Tick {
        self.clock.sleep(duration)
    }

    fn alarm(&self, at: Instant) -> Tick {
        self.clock.alarm(at)
    }
}

struct Called {
    operation: Operation,
    error: Option<cmp::Error>,
    took: Duration,
}

fn new_card() -> NewCard {
    NewCard::new(Pan::new("4111111111111111").expect("a test card"), Expiry::new(12, 2030).expect("a date"))
}

/// Ends when the network has had time for many turns: a call then waits for something that was stuck before.
async fn quiet(turns: &TcpListener) {
    const TURNS: usize = 300;
    let address = turns.local_addr().expect("an address");
    for _ in 0..TURNS {
        let (made, accepted) = tokio::join!(TcpStream::connect(address), turns.accept());
        drop((made.expect("a connection"), accepted.expect("a connection")));
    }
}

/// Runs one script, and returns what was broken.
async fn play(seed: u64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let protocol = if seed.is_multiple_of(4) { Protocol::TlsHttp2 } else { Protocol::Http1 };
    let account = cmp_simulator::ServiceAccount::new("ACnetwork", "a-secret").token_lifetime_seconds(120);
    let builder = Simulator::builder().protocol(protocol).account(account).duplicate_detection(false);
    let simulator = builder.start().await.expect("a free port");

    let (link, address, mut is_stuck, accepting) = Link::to(simulator.address()).await.expect("a free port");
    let turns = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let clock = Jumping { clock: ManualClock::new(), seconds: Arc::default() };
    let url = simulator.url().replace(&simulator.address().port().to_string(), &address.port().to_string());
    let token_url = format!("{url}{}", &simulator.token_url()[simulator.url().len()..]);
    let environment = Environment::custom(&url, &*token_url);
    let policy = || RetryPolicy::default().max_attempts(ATTEMPTS).attempt_timeout(TIMEOUT).deadline(DEADLINE);
    let account = || ServiceAccount::new("ACnetwork", "a-secret");
    let budget = || RetryBudget::new(1_000_000);
    let mut builder = Client::builder(environment.expect("loopback"));
    let mut v1 = v1::Client::builder(v1::Environment::custom(&url, &*token_url).expect("loopback"));
    if let Some(certificate) = simulator.root_certificate() {
        builder = builder.root_certificate(certificate).token_root_certificate(certificate);
        v1 = v1.root_certificate(certificate).token_root_certificate(certificate);
    }
    let builder = builder.service_account(account()).retry(policy()).retry_budget(budget());
    let client = builder.clock(clock.clone()).randomness(|| 0.5).build().expect("a client");
    let v1 = v1.service_account(account()).retry(policy()).retry_budget(budget());
    let v1 = v1.clock(clock.clone()).randomness(|| 0.5).build().expect("a client");
    let alias = v1::PanAlias::new("tok_network").expect("an alias");
    let card = client.cards().create(new_card()).await.expect("nothing fails yet").into_card().id;

    let mut calls = Vec::new();
    for number in 0..CALLS {
        fail_at_random(&link, &mut rng);
        match rng.u8(..6) {
            0 => clock.clock.advance(Duration::from_secs(rng.u64(..300))),
            1 => simulator.world().advance_clock(Duration::from_secs(rng.u64(..300))),
            2 => clock.seconds.store(rng.i64(-100_000..100_000), Ordering::Relaxed),
            _ => {}
        }
        let operation = *rng.choice(Operation::ALL).expect("some operations");
        let number = number.to_string();
        let calls_of = Calls {
            cmp: &client.with_header("x-call", &number).expect("a header"),
            v1: &v1.with_header("x-call", &number).expect("a header"),
            new_card: new_card(),
            changes: CardChanges::new().expiry(Expiry::new(11, 2031).expect("a date")),
            card: &card,
            alias: &alias,
        };
        let began = clock.now();
        let mut calling = pin!(calls_of.call(operation));
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut calling => break outcome,
                _ = is_stuck.recv() => if rng.u8(..3) == 0 {
                    link.heal();
                },
                () = quiet(&turns) => {}
            }
            clock.clock.advance(STEP);
        };
        calls.push(Called { operation, error: outcome.err(), took: clock.now() - began });
    }

    // The network works again: so does the client, and what is late arrives.
    link.heal();
    let mut broken = Vec::new();
    let mut works = Ok(());
    for _ in 0..4 {
        clock.clock.advance(Duration::from_secs(3600));
        simulator.world().advance_clock(Duration::from_secs(3600));
        let mut getting = pin!(client.cards().get(&card).into_future());
        works = loop {
            tokio::select! {
                biased;
                outcome = &mut getting => break outcome.map(drop),
                _ = is_stuck.recv() => {}
                () = quiet(&turns) => {}
            }
            clock.clock.advance(STEP);
        };
    }
    // The card may have been deleted.
    if let Err(error) = works
        && !error.is_not_found()
    {
        broken.push(format!("the client does not recover: {error}"));
    }
    drop((client, v1));
    link.cut();
    accepting.abort();
    for (number, called) in calls.iter().enumerate() {
        // A deletion that is late comes between two attempts of a call.
        let may_be_gone = calls[..number].iter().any(|earlier| deletes(earlier.operation));
        broken.extend(check(&simulator, number, called, may_be_gone));
    }
    broken
}

fn deletes(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::DeleteCard
            | Operation::DeleteNetworkToken
            | Operation::UnsubscribeFromCardUpdates
            | Operation::DeleteV1NetworkToken
    )
}

fn check(simulator: &Simulator, number: usize, called: &Called, may_be_gone: bool) -> Vec<String> {
    let number = number.to_string();
    let of_call = |header: Option<&str>| header == Some(&*number);
    let received: Vec<_> =
        simulator.requests().into_iter().filter(|request| of_call(request.header("x-call"))).collect();
    let received: Vec<_> = received.iter().filter(|request| request.operation.is_some()).collect();
    let carried_out = received.iter().filter(|request| request.carried_out).count();
    let requests = u32::try_from(received.len()).expect("few");
    let class = called.operation.retry_class();
    let mut broken = Vec::new();
    let mut hold = |is_so: bool, rule: &str| {
        if !is_so {
            let Called { operation, error, took } = called;
            let outcome = error.as_ref().map_or("it succeeded".to_owned(), |error| {
                format!("{error} [{:?}, {} attempts]", error.delivery(), error.attempts())
            });
            broken.push(format!(
                "call {number}, {operation}: {rule}; {requests} received, {carried_out} carried out, {outcome}, in {took:?}"
            ));
        }
    };
    hold(called.took <= DEADLINE + STEP, "the call outlasts its deadline");
    if class == RetryClass::Unsafe {
        hold(carried_out <= 1, "an unsafe operation took effect twice");
    }
    match &called.error {
        // What an earlier call deleted, and did not know that it did, is gone: that is a success.
        None => {
            hold(carried_out >= 1 || deletes(called.operation), "it succeeded, and nothing was carried out");
        }
        Some(error) => {
            hold(requests <= error.attempts(), "more requests at the server than attempts()");
            if error.delivery() == Delivery::NotSent {
                hold(requests == 0, "NotSent, and a request reached the server");
            }
            if carried_out > 0 && class != RetryClass::Safe && !may_be_gone {
                hold(error.delivery() == Delivery::OutcomeUnknown, "carried out, and not OutcomeUnknown");
            }
        }
    }
    broken
}

#[test]
fn no_outcome_is_wrong_over_a_network_that_fails() {
    let number = |name| env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCRIPTS").unwrap_or(SCRIPTS),
    };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    for seed in seeds {
        let broken = runtime.block_on(async { tokio::time::timeout(WATCHDOG, play(seed)).await });
        let broken = broken.unwrap_or_else(|_| vec!["it hangs".to_owned()]);
        assert!(broken.is_empty(), "SEED={seed}: {}", broken.join("\n"));
    }
}
