//! Three workers share a queue. One is killed, one is cut off and comes back, and every card has one outcome. A failure that
//! says nothing about a card is no outcome.
//!
//! `CARDS=100000 SHARE=4000 cargo test --manifest-path fleet/Cargo.toml --target-dir target -- --nocapture` runs more. A
//! server is needed: `CMP_STORE_POSTGRES` has its URL, and `cargo xtask ci postgres` starts one.

#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "the figures of a run by hand")]
#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

#[allow(dead_code, unreachable_pub, reason = "this test uses a part of the relay")]
#[path = "../../tests/src/network.rs"]
mod network;

use std::{
    collections::BTreeSet,
    env,
    process::Stdio,
    str::FromStr as _,
    sync::Arc,
    time::{Duration, Instant},
};

use cmp::{Client, Environment, Expiry, NewCard, Pan, ServiceAccount};
use cmp_simulator::{Enrollment, Fault, Operation, RateLimit, Simulator};
use futures_util::{StreamExt as _, stream};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use self::network::{Link, Server, Way};

const SERVER: &str = "CMP_STORE_POSTGRES";
const WORKERS: usize = 3;
const KILLED: usize = 0;
const CUT_OFF: usize = 1;
/// The default of a bulk run.
const CONCURRENCY: usize = 16;

fn number(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |number| number.parse().expect("a number"))
}

/// A line of a worker: which one, about which range, and what.
struct Said {
    worker: usize,
    range: String,
    what: String,
}

struct Fleet {
    simulator: Simulator,
    database: PgPool,
    /// The relay of each worker to Postgres, and to the simulator.
    links: Vec<[(Arc<Link>, String); 2]>,
}

impl Fleet {
    /// A database with the cards of the simulator, and an empty queue.
    async fn start(server: &str, name: &str, cards: usize, limit: Option<RateLimit>) -> Self {
        let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.unwrap();
        let ids = store(&simulator, cards).await;
        simulator.configure(|settings| {
            settings.rate_limit = limit;
            settings.request_log = 2 * cards;
        });
        simulator.forget_requests();

        let options = PgConnectOptions::from_str(server).unwrap();
        let admin = PgPool::connect_with(options.clone()).await.unwrap();
        let statements =
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")];
        for statement in statements {
            sqlx::query(&statement).execute(&admin).await.unwrap();
        }
        let database = PgPool::connect_with(options.clone().database(name)).await.unwrap();
        let statement = "CREATE TABLE cards_to_provision (position BIGINT PRIMARY KEY, card TEXT NOT NULL)";
        sqlx::query(statement).execute(&database).await.unwrap();
        let statement = "INSERT INTO cards_to_provision (card, position) SELECT * FROM unnest($1::text[]) WITH ORDINALITY";
        sqlx::query(statement).bind(ids).execute(&database).await.unwrap();

        let server = match options.get_socket() {
            Some(folder) => Server::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => {
                let host = (options.get_host(), options.get_port());
                Server::Tcp(tokio::net::lookup_host(host).await.unwrap().next().unwrap())
            }
        };
        let mut links = Vec::new();
        for _ in 0..WORKERS {
            let (to_postgres, postgres, ..) = Link::to(server.clone()).await.unwrap();
            let (to_simulator, api, ..) = Link::to(simulator.address()).await.unwrap();
            let postgres = format!("postgres://{}@{postgres}/{name}", options.get_username());
            links.push([(to_postgres, postgres), (to_simulator, format!("http://{api}"))]);
        }
        Self { simulator, database, links }
    }

    fn command(&self, worker: usize, arguments: &[&str]) -> Command {
        let [(_, database), (_, api)] = &self.links[worker];
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-fleet"));
        command
            .args(arguments)
            .env("DATABASE_URL", database)
            .env("VGS_ENVIRONMENT", "custom")
            .env("VGS_API_URL", api)
            .env("VGS_TOKEN_URL", self.simulator.token_url().replace(self.simulator.url(), api))
            .env("VGS_CLIENT_ID", self.simulator.client_id())
            .env("VGS_CLIENT_SECRET", self.simulator.client_secret())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn work(&self, worker: usize, share: usize, said: &UnboundedSender<Said>) -> Child {
        let mut command = self.command(worker, &["work"]);
        command.env("FLEET_PER_MINUTE", share.to_string()).env("FLEET_DEAD_AFTER", "2");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = said.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let (range, what) = line.split_once(": ").unwrap();
                let _ = said.send(Said { worker, range: range.to_owned(), what: what.to_owned() });
            }
        });
        child
    }

    fn cut_off(&self, worker: usize, way: Way) {
        for (link, _) in &self.links[worker] {
            link.set(way, way);
        }
    }

    async fn run(&self, statement: &str) {
        sqlx::query(statement).execute(&self.database).await.unwrap();
    }

    /// An outcome is stored once. One that replaces another is noted.
    async fn note_replaced_outcomes(&self) {
        self.run("CREATE TABLE replaced (item TEXT)").await;
        self.run("CREATE FUNCTION note() RETURNS trigger AS 'BEGIN INSERT INTO replaced VALUES (NEW.item); RETURN NEW; END' LANGUAGE plpgsql").await;
        self.run("CREATE TRIGGER note BEFORE UPDATE ON cmp_outcomes FOR EACH ROW EXECUTE FUNCTION note()")
            .await;
    }

    /// Enqueues all ranges, and returns how one worker ended the first attempt at each.
    async fn attempt(&self, size: usize, ranges: usize) -> Vec<String> {
        assert!(self.command(0, &["enqueue", &size.to_string()]).status().await.unwrap().success());
        let jobs = self.count("SELECT count(*) FROM graphile_worker._private_jobs").await;
        assert_eq!(jobs, ranges);
        let (sender, mut said) = unbounded_channel();
        let mut worker = self.work(0, 6_000, &sender);
        let mut ends = Vec::new();
        while ends.len() < ranges {
            let Said { what, .. } = said.recv().await.expect("a worker that runs");
            if what == "complete" || what.starts_with("ended") {
                ends.push(what);
            }
        }
        let stopped = Command::new("kill").arg(worker.id().unwrap().to_string()).status().await.unwrap();
        assert!(stopped.success() && worker.wait().await.unwrap().success());
        ends.sort();
        ends
    }

    async fn count(&self, query: &str) -> usize {
        let (count,): (i64,) = sqlx::query_as(query).fetch_one(&self.database).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

async fn store(simulator: &Simulator, count: usize) -> Vec<String> {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build().unwrap();
    let card = NewCard::new(Pan::new("5100260000019206").unwrap(), Expiry::new(12, 2030).unwrap());
    let stored = stream::iter(0..count).map(|_| async { cmp.cards().create(card.clone()).await.unwrap() });
    stored.buffer_unordered(32).map(|stored| stored.id().to_string()).collect().await
}

/// What was seen of a worker that was taken out, and of the range that it had.
#[derive(Default)]
struct Taken {
    range: String,
    over: bool,
}

/// Kills one worker and cuts another off, and returns when all ranges are complete. Returns how often a range was begun.
async fn disturb(
    fleet: &Fleet,
    workers: &mut [Child],
    said: &mut UnboundedReceiver<Said>,
    cards: usize,
) -> usize {
    let ranges = fleet.count("SELECT count(*) FROM graphile_worker._private_jobs").await;
    let (mut killed, mut cut_off): (Option<Taken>, Option<Taken>) = (None, None);
    let (mut complete, mut begun, mut more_done) = (BTreeSet::new(), 0, 0);
    let (mut fresh, mut has_ended) = (BTreeSet::new(), false);
    while complete.len() < ranges || !has_ended {
        let Said { worker, range, what } = said.recv().await.expect("a worker that runs");
        let has_stored = what.ends_with("more done");
        more_done += usize::from(has_stored) * 50;
        if what.starts_with("begins") {
            begun += 1;
            if what == "begins with 0 done" {
                fresh.insert(range.clone());
            } else {
                fresh.remove(&range);
            }
            for (index, taken) in [(KILLED, &mut killed), (CUT_OFF, &mut cut_off)] {
                if let Some(taken) = taken.as_mut().filter(|taken| worker != index && taken.range == range) {
                    assert_ne!(what, "begins with 0 done", "{range} goes on where it stopped");
                    taken.over = true;
                }
            }
        }
        let is_complete = what == "complete";
        // Most of it is left.
        let is_in_the_middle = what == "50 more done" && fresh.contains(&range);
        if is_complete {
            complete.insert(range.clone());
        }
        if worker == KILLED && killed.is_none() && is_in_the_middle && more_done >= cards / 2 {
            workers[KILLED].start_kill().unwrap();
            killed = Some(Taken { range, over: false });
        } else if worker == CUT_OFF && cut_off.is_none() && is_in_the_middle && more_done >= cards / 4 {
            fleet.cut_off(CUT_OFF, Way::Waits);
            cut_off = Some(Taken { range, over: false });
        } else if let Some(taken) = cut_off.as_ref().filter(|taken| taken.range == range) {
            if worker != CUT_OFF && taken.over && (has_stored || is_complete) {
                // What waited on the way arrives now, after the successor has stored outcomes.
                fleet.cut_off(CUT_OFF, Way::Passes);
            } else if worker == CUT_OFF && what.starts_with("ended") {
                // By what it notices first: it was taken over, it gets no connection, or a call gets no answer.
                println!("{range}, cut off: {what}");
                has_ended = true;
            }
            assert!(
                has_ended || worker != CUT_OFF || !is_complete,
                "{range} is complete without the database"
            );
        }
    }
    assert!(killed.is_some_and(|taken| taken.over) && cut_off.is_some_and(|taken| taken.over));
    println!("{ranges} ranges were begun {begun} times");
    begun - ranges
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_card_has_one_outcome_and_the_limit_of_the_account_holds() {
    let Ok(server) = env::var(SERVER) else {
        println!("skipped, because {SERVER} is not set; `cargo xtask ci postgres` starts a server");
        return;
    };
    let (cards, share) = (number("CARDS", 2_400), number("SHARE", 2_000));
    let limit = share * WORKERS;
    // The burst is a second's requests. So 20 seconds have at most five in a hundred more than the limit, and a minute two.
    let mut rate_limit = RateLimit::per_minute(u32::try_from(limit).unwrap());
    rate_limit.burst = Some(u32::try_from(limit / 60).unwrap());
    let fleet = Fleet::start(&server, "cmp_fleet_test", cards, Some(rate_limit)).await;
    let size = (cards / 12).clamp(1, 1_000).to_string();
    assert!(fleet.command(2, &["enqueue", &size]).status().await.unwrap().success());
    fleet.note_replaced_outcomes().await;

    let (sender, mut said) = unbounded_channel();
    let started = Instant::now();
    let mut workers: Vec<_> = (0..WORKERS).map(|worker| fleet.work(worker, share, &sender)).collect();
    drop(sender);
    let longest = Duration::from_secs(120 + 3 * 60 * cards as u64 / limit as u64);
    let disturbed = disturb(&fleet, &mut workers, &mut said, cards);
    let taken_over = tokio::time::timeout(longest, disturbed).await.expect("an end");
    println!("{cards} cards in {:?}", started.elapsed());
    // They finish what they do, such as to remove the last job.
    for worker in &mut workers[CUT_OFF..] {
        let stopped = Command::new("kill").arg(worker.id().unwrap().to_string()).status().await.unwrap();
        assert!(stopped.success() && worker.wait().await.unwrap().success());
    }

    let count = async |query: &str| fleet.count(query).await;
    assert_eq!(count("SELECT count(*) FROM graphile_worker._private_jobs").await, 0, "jobs are left");
    assert_eq!(count("SELECT count(*) FROM cmp_outcomes WHERE error IS NULL").await, cards);
    assert_eq!(count("SELECT count(DISTINCT item) FROM cmp_outcomes").await, cards);
    assert_eq!(
        count("SELECT count(*) FROM cards_to_provision JOIN cmp_outcomes ON item = card").await,
        cards
    );
    assert_eq!(count("SELECT count(*) FROM replaced").await, 0, "an outcome was stored twice");

    let stored = fleet.simulator.cards();
    assert_eq!(stored.len(), cards);
    assert!(stored.iter().all(|card| card.network_tokens.len() == 1), "one network token a card");
    let requests = fleet.simulator.count(Operation::ProvisionNetworkToken);
    let refused = fleet.simulator.requests().iter().filter(|request| request.status == Some(429)).count();
    println!("{requests} requests, {taken_over} ranges taken over, {refused} requests over the limit");
    assert_eq!(refused, 0, "more than {limit} requests a minute, by five in a hundred or more");
    assert!(requests <= cards + taken_over * CONCURRENCY, "{requests}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_says_nothing_about_the_card_is_no_outcome() {
    let Ok(server) = env::var(SERVER) else { return };
    let fleet = Fleet::start(&server, "cmp_fleet_failures", 40, None).await;
    // Positions far apart, and the first is a test card's number.
    let far = "UPDATE cards_to_provision SET position = 4111111111111111 + (position - 1) * 1000000000000";
    fleet.run(far).await;
    assert!(fleet.command(0, &["enqueue", "20"]).status().await.unwrap().success());
    fleet.note_replaced_outcomes().await;
    let outcomes = "SELECT count(*) FROM cmp_outcomes";
    let faults = fleet.simulator.faults();
    let fault = |status| Fault::status(status).on(Operation::ProvisionNetworkToken);

    for (name, fault) in [
        ("a gateway that does not know the service", fault(404).html()),
        ("a gateway that refuses the request", fault(400).html()),
        ("another account", fault(404)),
        ("a wrong client secret", Fault::status(400).on(Operation::Token)),
        ("a missing scope", fault(403)),
    ] {
        faults.add(fault);
        let ends = fleet.attempt(20, 2).await;
        assert_eq!(ends, ["ended, 10 cards have no outcome"; 2], "{name}");
        assert_eq!(fleet.count(outcomes).await, 0, "{name}");
        faults.clear();
    }
    // One card fails, and holds up no other.
    faults.add(fault(500).times(1));
    assert_eq!(fleet.attempt(20, 2).await, ["complete", "ended, 1 cards have no outcome"]);
    assert_eq!(fleet.count(outcomes).await, 39);
    // What the service says about a card is its outcome. The range has found other cards before.
    faults.add(fault(404));
    assert_eq!(fleet.attempt(20, 2).await, ["complete", "complete"]);
    assert_eq!(fleet.count("SELECT count(*) FROM cmp_outcomes WHERE error IS NOT NULL").await, 1);
    faults.clear();

    // New rows at the end belong to the last range, which goes on with them, and to new ones.
    let add = |row: i64, card: &str| {
        format!("INSERT INTO cards_to_provision VALUES (4111111111111111 + {row} * 1000000000000, '{card}')")
    };
    fleet.run(&add(50, "../cards")).await;
    let ends = fleet.attempt(20, 3).await;
    assert_eq!(ends[..2], ["complete", "complete"]);
    assert!(ends[2].starts_with("ended, the row at position 4161111111111111: "), "{ends:?}");
    // A source that changed is refused, and nothing is stored.
    fleet
        .run("DELETE FROM cards_to_provision WHERE position = (SELECT max(position) FROM cards_to_provision)")
        .await;
    fleet
        .run("DELETE FROM cards_to_provision WHERE position BETWEEN 4111111111111112 AND 4114111111111111")
        .await;
    // The job of the bad row is still in the queue.
    let ends = fleet.attempt(20, 3).await;
    assert!(ends.iter().any(|end| end.contains("the source does not yield the items")), "{ends:?}");
    assert_eq!(fleet.count("SELECT count(*) FROM replaced").await, 0, "an outcome was stored twice");
}
