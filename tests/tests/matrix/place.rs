//! A simulator and a client of it, with a clock that moves when nothing else does.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use cmp::clock::{Clock, ManualClock};
use cmp::{
    CardChanges, CardId, Client, Cvc, Environment, Expiry, NewCard, Pan, ServiceAccount,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy},
    v1,
};
use cmp_simulator::{Enrollment, Operation as Simulated, Protocol, Simulator};
use tokio::net::{TcpListener, TcpStream};
use workspace_tests::{
    Calls,
    marks::{CLIENT_SECRET, CVC, METADATA, PAN},
};

use super::Outcome;
use super::faults::Case;

pub(crate) const ATTEMPTS: u32 = 3;

/// How many turns of the network nothing may happen in before the clock goes on, where a request hangs that the
/// simulator has not read. So long that a call which is only slow is not cut off.
const QUIET: usize = 500;

/// In the time of the tests' clock.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// In real time: no call of a test takes so long.
const WATCHDOG: Duration = Duration::from_secs(60);

/// How often and how long the clients of a place try.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    pub(crate) attempts: u32,
    pub(crate) budget: u32,
    pub(crate) deadline: Duration,
    /// The random number of each wait
    pub(crate) jitter: f64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: ATTEMPTS, budget: 1_000_000, deadline: TIMEOUT * 60, jitter: 1.0 }
    }
}

pub(crate) struct Place {
    pub(crate) simulator: Simulator,
    clock: ManualClock,
    cmp: Client,
    v1: v1::Client,
    listener: TcpListener,
    operation: Simulated,
    /// Whether the fault before may have left a connection that hangs
    may_hang: bool,
    /// How many connections of no use the pool may have. Each of them can fail one request more.
    dead: u32,
}

impl Place {
    pub(crate) async fn new(protocol: Protocol, operation: Simulated) -> Self {
        Self::with(protocol, operation, &Patience::default()).await
    }

    pub(crate) async fn with(protocol: Protocol, operation: Simulated, patience: &Patience) -> Self {
        let jitter = patience.jitter;
        let enrollment = match operation {
            Simulated::ProvisionNetworkToken => Enrollment::Manual,
            _ => Enrollment::OnCreate,
        };
        let account = cmp_simulator::ServiceAccount::new("AC-matrix", CLIENT_SECRET.value);
        let builder = Simulator::builder().protocol(protocol).enrollment(enrollment).account(account);
        let simulator = builder.start().await.expect("a free port");
        let clock = ManualClock::new();
        let account = || ServiceAccount::new("AC-matrix", CLIENT_SECRET.value);
        let policy = RetryPolicy::default().max_attempts(patience.attempts).attempt_timeout(TIMEOUT);
        let policy = || policy.clone().deadline(patience.deadline);
        let (url, token_url) = (simulator.url(), simulator.token_url());
        let mut cmp = Client::builder(Environment::custom(url, &*token_url).expect("loopback"));
        let mut v1 = v1::Client::builder(v1::Environment::custom(url, &*token_url).expect("loopback"));
        if let Some(certificate) = simulator.root_certificate() {
            cmp = cmp.root_certificate(certificate).token_root_certificate(certificate);
            v1 = v1.root_certificate(certificate).token_root_certificate(certificate);
        }
        let budget = || RetryBudget::new(patience.budget);
        let cmp = cmp.service_account(account()).retry(policy()).retry_budget(budget());
        let v1 = v1.service_account(account()).retry(policy()).retry_budget(budget());
        Self {
            cmp: cmp.clock(clock.clone()).randomness(move || jitter).build().expect("a client"),
            v1: v1.clock(clock.clone()).randomness(move || jitter).build().expect("a client"),
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port"),
            simulator,
            clock,
            operation,
            may_hang: false,
            dead: 0,
        }
    }

    /// Prepares a call, adds the fault and makes the call.
    pub(crate) async fn meet(&mut self, case: &Case, times: Option<u32>) -> Outcome {
        self.simulator.reset();
        // What a failure has made the client wait for is over.
        self.clock.advance(TIMEOUT * 360);
        let operation = client_operation(self.operation);
        let mut prepared = self.patient(self.may_hang, self.prepare()).await;
        while prepared.is_err() && self.dead > 0 {
            self.dead -= 1;
            prepared = self.patient(self.may_hang, self.prepare()).await;
        }
        let target = match prepared {
            Ok(target) => target,
            Err(error) => {
                self.may_hang = true;
                let unprepared =
                    Some(format!("{error} [{:?}, {} attempts]", error.delivery(), error.attempts()));
                return Outcome { error: None, unprepared, received: 0, carried_out: 1, operation };
            }
        };
        if self.operation == Simulated::Token {
            self.simulator.world().revoke_access_tokens();
        }
        let fault = case.fault.clone().on(self.operation);
        self.simulator.faults().add(match times {
            Some(times) => fault.times(times),
            None => fault,
        });
        let outcome = self.outcome(case.hangs, &target).await;
        self.may_hang = case.hangs && case.leaves_a_dead_connection;
        self.dead += u32::from(case.leaves_a_dead_connection);
        outcome
    }

    /// Prepares a call, adds the faults, each for one request, and makes the call. Returns also how long it took.
    pub(crate) async fn play(&self, script: &[&Case]) -> (Outcome, Duration) {
        let target = self.prepare().await.expect("nothing is broken yet");
        if self.operation == Simulated::Token {
            self.simulator.world().revoke_access_tokens();
        }
        for case in script {
            self.simulator.faults().add(case.fault.clone().on(self.operation).times(1));
        }
        let begin = self.clock.now();
        let outcome = self.outcome(script.iter().any(|case| case.hangs), &target).await;
        (outcome, self.clock.now() - begin)
    }

    async fn outcome(&self, hangs: bool, target: &Target) -> Outcome {
        let operation = client_operation(self.operation);
        self.simulator.forget_requests();
        let called = self.patient(hangs, self.call(target)).await;
        let wanted = simulated(operation);
        let received =
            self.simulator.requests().into_iter().filter(|request| request.operation == Some(wanted));
        let received: Vec<_> = received.collect();
        Outcome {
            error: called.err(),
            unprepared: None,
            received: u32::try_from(received.len()).expect("few"),
            carried_out: u32::try_from(received.iter().filter(|request| request.carried_out).count())
                .expect("few"),
            operation,
        }
    }

    pub(crate) async fn warm_up(&self) -> cmp::Result<()> {
        self.cmp.warm_up().await
    }

    pub(crate) async fn create(&self) -> cmp::Result<()> {
        self.cmp.cards().create(new_card()?).await.map(drop)
    }

    async fn prepare(&self) -> cmp::Result<Target> {
        let alias = v1::PanAlias::new("tok_matrix")?;
        match self.operation {
            Simulated::CreateCard | Simulated::Token => self.warm_up().await?,
            Simulated::ProvisionV1NetworkToken => self.v1.warm_up().await?,
            Simulated::GetV1NetworkToken | Simulated::DeleteV1NetworkToken => {
                self.v1.enroll(v1::NewEnrollment::new(alias.clone(), Expiry::new(7, 2030)?)).await?;
            }
            _ => {
                let card = self.cmp.cards().create(new_card()?).await?.into_card();
                if self.operation == Simulated::UnsubscribeFromCardUpdates {
                    self.cmp.account_updater().subscribe(&card.id).await?;
                }
                return Ok(Target { card: card.id.clone(), alias });
            }
        }
        Ok(Target { card: "CRDnobody".parse()?, alias })
    }

    async fn call(&self, target: &Target) -> cmp::Result<()> {
        let Target { card, alias } = target;
        let changes = CardChanges::new().expiry(Expiry::new(11, 2031)?);
        let calls = Calls { cmp: &self.cmp, v1: &self.v1, new_card: new_card()?, changes, card, alias };
        calls.call(client_operation(self.operation)).await.map(drop)
    }

    /// Runs a call to its end. Where something hangs, the clock goes on as soon as that is sure.
    pub(crate) async fn patient<T>(&self, hangs: bool, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let moves = async {
            loop {
                let (mut received, hanging) = self.seen();
                let mut quiet = 0;
                while quiet < QUIET && self.seen().1 == hanging {
                    self.turn().await;
                    let now = self.seen().0;
                    quiet = if now == received { quiet + 1 } else { 0 };
                    received = now;
                }
                self.clock.advance(TIMEOUT);
            }
        };
        let watched = tokio::time::timeout(WATCHDOG, async {
            if hangs {
                tokio::select! {
                    result = &mut call => result,
                    () = moves => unreachable!("the clock goes on and on"),
                }
            } else {
                call.await
            }
        });
        watched.await.unwrap_or_else(|_| panic!("{} hangs", self.operation))
    }

    /// How many requests were received, and how many of them will never be answered.
    fn seen(&self) -> (usize, usize) {
        let received = self.simulator.requests();
        let hangs = |fault| matches!(fault, Some("hang" | "stall_body" | "hang_connection"));
        let hanging = received.iter().filter(|request| request.status.is_none() && hangs(request.fault));
        (received.len(), hanging.count())
    }

    /// Lets the network do something: a connection to this process is made and accepted.
    async fn turn(&self) {
        let address = self.listener.local_addr().expect("an address");
        let (made, accepted) = tokio::join!(TcpStream::connect(address), self.listener.accept());
        drop((made.expect("a connection"), accepted.expect("a connection")));
    }
}

struct Target {
    card: CardId,
    alias: v1::PanAlias,
}

fn new_card() -> cmp::Result<NewCard> {
    Ok(NewCard::new(Pan::new(PAN.value)?, Expiry::new(12, 2030)?)
        .cvc(Cvc::new(CVC.value)?)
        .meta("note", METADATA.value))
}

/// The client's operation that meets the faults of the simulator's one.
fn client_operation(operation: Simulated) -> Operation {
    let name = if operation == Simulated::Token { "create_card" } else { operation.name() };
    *Operation::ALL.iter().find(|known| known.name() == name).expect("the client has every operation")
}

fn simulated(operation: Operation) -> Simulated {
    let mut all = Simulated::ALL.into_iter();
    all.find(|known| known.name() == operation.name()).expect("the simulator has every operation")
}
