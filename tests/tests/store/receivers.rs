//! Two receiver processes over one database. Each event comes three times, and receivers are killed at random steps.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use cmp::{
    CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    webhooks::{CardView, Event, TokenView},
};
use cmp_simulator::Simulator;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Notify,
};

use crate::databases::{Database, databases};

/// A documented sandbox test card whose network token becomes active.
const TEST_PAN: &str = "5100260000099224";
const CARDS: usize = 10;
const DELIVERIES: usize = 3;
const KILLS: usize = 50;

/// The cards of a simulator, the events about them, and a reading of each.
struct Story {
    events: Vec<String>,
    cards: BTreeMap<CardId, CardView>,
}

async fn story() -> Story {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let keep = async |State(bodies): State<Arc<Mutex<Vec<String>>>>, body: String| {
        bodies.lock().unwrap().push(body);
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(keep)).with_state(Arc::clone(&bodies));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let simulator = Simulator::builder().webhook(url, "whsec_example").unwrap().start().await.unwrap();
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build().unwrap();

    let mut cards = BTreeMap::new();
    for number in 0..CARDS {
        let new = NewCard::new(Pan::new(TEST_PAN).unwrap(), Expiry::new(12, 2030).unwrap());
        let stored = cmp.cards().create(new).await.unwrap();
        let (id, world) = (stored.id().clone(), simulator.world());
        world.suspend_token(id.as_str()).unwrap();
        if number % 3 > 0 {
            world.resume_token(id.as_str()).unwrap();
        }
        if number % 2 == 0 {
            world.update_card(id.as_str()).unwrap();
        }
        simulator.webhooks().settled().await;
        cards.insert(id.clone(), CardView::of(&cmp.cards().get(&id).await.unwrap()));
    }
    let events = bodies.lock().unwrap().clone();
    assert!(events.len() > 3 * CARDS, "{}", events.len());
    Story { events, cards }
}

/// A receiver process.
struct Receiver {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Receiver {
    fn start(database: &Database, mode: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_webhook-receiver"))
            .args([&database.url, mode])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        self.output.next_line().await.unwrap().expect("the receiver lives")
    }
}

/// What the two drivers share.
struct Sender<'a> {
    database: &'a Database,
    mode: &'static str,
    events: &'a [String],
    /// Indexes of events, one for each delivery that was not accepted.
    waiting: RefCell<Vec<usize>>,
    unaccepted: Cell<usize>,
    changed: Notify,
    random: RefCell<fastrand::Rng>,
    kills: RefCell<BTreeMap<String, usize>>,
}

impl Sender<'_> {
    fn killed(&self) -> usize {
        self.kills.borrow().values().sum()
    }

    /// Delivers until every delivery of both drivers is accepted.
    async fn drive(&self) -> Receiver {
        let mut receiver = Receiver::start(self.database, self.mode);
        while self.unaccepted.get() > 0 {
            let next = {
                let mut waiting = self.waiting.borrow_mut();
                let chosen = self.random.borrow_mut().usize(..waiting.len().max(1));
                (!waiting.is_empty()).then(|| waiting.swap_remove(chosen))
            };
            let Some(event) = next else {
                self.changed.notified().await;
                continue;
            };
            if self.deliver(&mut receiver, &self.events[event]).await {
                self.unaccepted.set(self.unaccepted.get() - 1);
            } else {
                self.waiting.borrow_mut().push(event);
            }
            self.changed.notify_waiters();
            self.changed.notify_one();
        }
        receiver
    }

    /// Returns whether the delivery was accepted.
    async fn deliver(&self, receiver: &mut Receiver, event: &str) -> bool {
        receiver.say(event).await;
        loop {
            let line = receiver.hear().await;
            let Some(step) = line.strip_prefix("at ") else {
                if line == "503" {
                    // The receiver that claimed the event may be dead: its claim expires. A claim of the living one
                    // expires with it, so the event may be handled twice at once.
                    self.database.age(std::time::Duration::from_secs(60)).await;
                }
                return line == "200";
            };
            let fate = self.random.borrow_mut().u8(..6);
            if fate < 2 && self.killed() < KILLS {
                *self.kills.borrow_mut().entry(step.to_owned()).or_default() += 1;
                if fate == 0 {
                    // Dies somewhere in the next step.
                    receiver.say("go").await;
                }
                receiver.child.kill().await.unwrap();
                *receiver = Receiver::start(self.database, self.mode);
                return false;
            }
            receiver.say("go").await;
        }
    }
}

async fn effects_after(
    database: &Database,
    story: &Story,
    mode: &'static str,
    seed: u64,
) -> BTreeMap<String, usize> {
    for table in ["cmp_events", "cmp_views", "effects"] {
        database.run(&format!("DELETE FROM {table}")).await;
    }
    let waiting: Vec<usize> =
        (0..story.events.len() * DELIVERIES).map(|number| number % story.events.len()).collect();
    let sender = Sender {
        database,
        mode,
        events: &story.events,
        unaccepted: Cell::new(waiting.len()),
        waiting: RefCell::new(waiting),
        changed: Notify::new(),
        random: RefCell::new(fastrand::Rng::with_seed(seed)),
        kills: RefCell::default(),
    };
    let (one, other) = tokio::join!(sender.drive(), sender.drive());
    assert_eq!(sender.killed(), KILLS);
    assert!(sender.kills.borrow().len() >= 4, "killed at {:?}", sender.kills);

    for mut receiver in [one, other] {
        for (id, reading) in &story.cards {
            receiver.say(&format!("view {}", id.as_str())).await;
            let view: CardView = serde_json::from_str(&receiver.hear().await).unwrap();
            let values = |view: &CardView| {
                let state = view.network_token().and_then(TokenView::state).cloned();
                (view.last4().map(str::to_owned), view.expiry(), state)
            };
            assert_eq!(values(&view), values(reading), "{id} in the {mode} mode, seed {seed}");
        }
    }
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for event in &story.events {
        effects.insert(Event::parse_unverified(event.as_bytes()).unwrap().id.to_string(), 0);
    }
    for event in database.texts("SELECT event FROM effects").await {
        *effects.get_mut(&event).expect("an event of the simulator") += 1;
    }
    effects
}

#[tokio::test]
async fn each_effect_in_the_callers_transaction_happens_once() {
    let story = story().await;
    for database in databases("happens_once").await {
        database.run("CREATE TABLE effects (event TEXT NOT NULL)").await;
        let effects = effects_after(&database, &story, "transaction", 1).await;
        assert!(effects.values().all(|count| *count == 1), "{effects:?}");
    }
}

#[tokio::test]
async fn each_effect_under_a_claim_happens_at_least_once() {
    let story = story().await;
    for database in databases("at_least_once").await {
        database.run("CREATE TABLE effects (event TEXT NOT NULL)").await;
        let effects = effects_after(&database, &story, "claims", 2).await;
        assert!(effects.values().all(|count| *count >= 1), "{effects:?}");
        assert!(
            effects.values().any(|count| *count > 1),
            "no receiver died between the effect and its record"
        );
    }
}
