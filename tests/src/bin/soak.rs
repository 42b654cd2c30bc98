//! Runs a client for so many minutes against a simulator that fails: 5 % faults, access tokens of two seconds, callers who
//! leave, connections that are cut, and a network that is suspended and resumed. Fails if a call hangs, if an outcome is
//! wrong, or if tasks, connections or memory grow. Writes a plot.
//!
//! `cargo xtask soak --minutes 60` runs it.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::{
    collections::HashMap,
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use cmp::{
    CardChanges, CardId, Client, Delivery, Environment, Expiry, NewCard, Pan, ServiceAccount,
    operation::{Operation, RetryClass},
    retry::{RetryBudget, RetryPolicy},
};
use cmp_simulator::{Chaos, ReceivedRequest, Simulator};
use fastrand::Rng;
use peak_alloc::PeakAlloc;
use tokio::{
    runtime::Handle,
    sync::{Mutex, RwLock},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use workspace_tests::network::{Link, Way};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const WORKERS: u64 = 16;
const FAULTS: f64 = 0.05;
const DEADLINE: Duration = Duration::from_secs(10);
/// A call that takes longer hangs.
const HANGS: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    left: AtomicU64,
}

/// The calls whose requests the simulator has on record.
#[derive(Debug, Default)]
struct Ledger {
    /// Held by each call, so that nobody calls while the record is compared and emptied; the number of times that it was
    quiet: RwLock<u64>,
    ended: Mutex<HashMap<String, Ended>>,
    access_tokens: AtomicUsize,
    /// The octets of the heap in use at that moment
    heap: AtomicUsize,
}

#[derive(Debug)]
struct Ended {
    operation: Operation,
    /// `None`: the caller left.
    outcome: Option<std::result::Result<(), cmp::Error>>,
}

/// One second of the run.
struct Sample {
    tasks: usize,
    sockets: usize,
    kilobytes: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let minutes: u64 = arguments.next().context("soak MINUTES PLOT")?.parse()?;
    let plot = arguments.next().context("soak MINUTES PLOT")?;
    let account = cmp_simulator::ServiceAccount::new("ACsoak", "a-secret").token_lifetime_seconds(2);
    let simulator = Simulator::builder().account(account).duplicate_detection(false).start().await?;
    let simulator = Arc::new(simulator);
    simulator.faults().chaos(Chaos::new(FAULTS));
    let (link, address, _stuck, _accepting) = Link::to(simulator.address()).await?;
    let url = format!("http://{address}");
    let token_url = format!("{url}{}", &simulator.token_url()[simulator.url().len()..]);
    let policy = RetryPolicy::default()
        .attempt_timeout(Duration::from_secs(2))
        .deadline(DEADLINE)
        .backoff(Duration::from_millis(20), Duration::from_millis(200))
        .backoff_when_throttled(Duration::from_millis(100), Duration::from_secs(1))
        .longest_retry_after(Duration::from_secs(2));
    let client = Client::builder(Environment::custom(&url, token_url)?)
        .service_account(ServiceAccount::new("ACsoak", "a-secret"))
        .retry(policy)
        .retry_budget(RetryBudget::default())
        .build()?;

    let counts = Arc::new(Counts::default());
    let ledger = Arc::new(Ledger::default());
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let mut workers = Vec::new();
    for seed in 0..WORKERS {
        let (client, counts, ledger) = (client.clone(), Arc::clone(&counts), Arc::clone(&ledger));
        workers.push(tokio::spawn(async move {
            let mut rng = Rng::with_seed(seed);
            let mut cards = (0, Vec::new());
            while Instant::now() < end {
                call(&client, &counts, &ledger, &mut cards, &mut rng).await?;
            }
            anyhow::Ok(())
        }));
    }

    let mut samples = Vec::new();
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut rng = Rng::with_seed(WORKERS);
    while Instant::now() < end {
        second.tick().await;
        samples.push(sample(&ledger)?);
        // The record of requests would grow without end.
        if samples.len() % 20 == 0 {
            settle(&simulator, &ledger).await?;
        }
        if rng.u8(..20) == 0 {
            link.cut();
        }
        if rng.u8(..45) == 0 {
            link.set(Way::Waits, Way::Waits);
            sleep(Duration::from_secs(3)).await;
            link.heal();
        }
    }
    let mut outcome = ended(workers).await;
    if outcome.is_ok() {
        outcome = settle(&simulator, &ledger).await;
    }
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let summary = format!(
        "{minutes} minutes, {} calls: {} succeeded, {} failed, {} callers left; {} access tokens",
        of(&counts.begun),
        of(&counts.succeeded),
        of(&counts.failed),
        of(&counts.left),
        ledger.access_tokens.load(Ordering::Relaxed)
    );
    println!("{summary}");
    let series = [
        Series::of("tasks", 20, &samples, |sample| sample.tasks),
        Series::of("sockets", 20, &samples, |sample| sample.sockets),
        Series::of("heap in kB with an empty account", 500, &samples, |sample| sample.kilobytes),
    ];
    series.iter().for_each(|series| println!("{}", series.figures()));
    // Also the plot of a run that failed.
    fs::write(&plot, svg(&summary, &series))?;
    outcome?;
    series.iter().try_for_each(Series::is_flat)
}

/// Ends with the first caller that failed.
async fn ended(workers: Vec<JoinHandle<Result<()>>>) -> Result<()> {
    for worker in workers {
        timeout(HANGS * 2, worker).await.context("a caller hangs")???;
    }
    Ok(())
}

/// Makes one call, and notes how it ended.
async fn call(
    client: &Client,
    counts: &Counts,
    ledger: &Ledger,
    (account, cards): &mut (u64, Vec<CardId>),
    rng: &mut Rng,
) -> Result<()> {
    let accounts = ledger.quiet.read().await;
    if std::mem::replace(account, *accounts) != *accounts {
        cards.clear();
    }
    let number = counts.begun.fetch_add(1, Ordering::Relaxed).to_string();
    let client = client.with_header("x-call", &number)?;
    let card = rng.choice(&*cards).cloned();
    let operation = match (&card, rng.u8(..10)) {
        (None, _) | (_, 0..2) if cards.len() < 50 => Operation::CreateCard,
        (_, 2 | 3) => Operation::DeleteCard,
        (_, 4) => Operation::UpdateCard,
        (_, 5 | 6) => Operation::RequestCryptogram,
        _ => Operation::GetCard,
    };
    let calling = async {
        let card = card.as_ref();
        match (operation, card) {
            (Operation::CreateCard, _) | (_, None) => {
                let pan = Pan::new("4111111111111111")?;
                let stored = client.cards().create(NewCard::new(pan, Expiry::new(12, 2030)?)).await?;
                return Ok(Some(stored.id().clone()));
            }
            (Operation::DeleteCard, Some(card)) => client.cards().delete(card).await?,
            (Operation::UpdateCard, Some(card)) => {
                let changes = CardChanges::new().expiry(Expiry::new(11, 2031)?);
                drop(client.cards().update(card, changes).await?);
            }
            (Operation::RequestCryptogram, Some(card)) => {
                drop(client.network_tokens().cryptogram(card).await?);
            }
            (_, Some(card)) => drop(client.cards().get(card).await?),
        }
        cmp::Result::Ok(None)
    };
    // One of ten callers leaves.
    let patience = (rng.u8(..10) == 0).then(|| Duration::from_millis(rng.u64(..40)));
    let outcome = match (timeout(patience.unwrap_or(HANGS), calling).await, patience) {
        (Ok(outcome), _) => Some(outcome),
        (Err(_), Some(_)) => None,
        (Err(_), None) => bail!("{operation} hangs"),
    };
    let count = match &outcome {
        Some(Ok(_)) => &counts.succeeded,
        Some(Err(_)) => &counts.failed,
        None => &counts.left,
    };
    count.fetch_add(1, Ordering::Relaxed);
    if operation == Operation::DeleteCard {
        cards.retain(|known| Some(known) != card.as_ref());
    }
    let outcome = outcome.map(|outcome| outcome.map(|stored| cards.extend(stored)));
    ledger.ended.lock().await.insert(number, Ended { operation, outcome });
    Ok(())
}

/// Compares how each call ended with all its requests that the simulator received, also after its end. Then the simulator
/// begins with an empty account, since all that it keeps is in the memory of this process.
async fn settle(simulator: &Simulator, ledger: &Ledger) -> Result<()> {
    let mut accounts = ledger.quiet.write().await;
    // What the network held back arrives.
    sleep(Duration::from_secs(1)).await;
    let mut received = HashMap::<String, Vec<ReceivedRequest>>::new();
    for request in simulator.requests() {
        if let Some(call) = request.header("x-call") {
            received.entry(call.to_owned()).or_default().push(request);
        }
    }
    ledger.access_tokens.fetch_add(simulator.tokens_minted(), Ordering::Relaxed);
    simulator.reset();
    simulator.faults().chaos(Chaos::new(FAULTS));
    *accounts += 1;
    for (number, Ended { operation, outcome }) in std::mem::take(&mut *ledger.ended.lock().await) {
        let received = received.remove(&number).unwrap_or_default();
        let carried_out = received.iter().filter(|request| request.carried_out).count();
        let class = operation.retry_class();
        let hold = |is_so: bool, rule: &str| {
            let requests = received.len();
            ensure!(
                is_so,
                "{operation}, {outcome:?}: {rule}; {requests} requests, {carried_out} carried out"
            );
            Ok(())
        };
        hold(carried_out <= 1 || class != RetryClass::Unsafe, "an unsafe operation took effect twice")?;
        match &outcome {
            None => {}
            Some(Ok(())) => hold(carried_out >= 1, "it succeeded, and nothing was carried out")?,
            Some(Err(error)) => {
                let attempts = usize::try_from(error.attempts())?;
                hold(received.len() <= attempts, "more requests than attempts()")?;
                let delivery = error.delivery();
                hold(delivery != Delivery::NotSent || received.is_empty(), "NotSent, and a request came")?;
                let is_open = delivery == Delivery::OutcomeUnknown;
                let is_harmless = carried_out == 0 || class == RetryClass::Safe;
                hold(is_open || is_harmless, "carried out, and not OutcomeUnknown")?;
            }
        }
    }
    drop(received);
    ledger.heap.store(MEMORY.current_usage(), Ordering::Relaxed);
    Ok(())
}

fn sample(ledger: &Ledger) -> Result<Sample> {
    let mut sockets = 0;
    for file in fs::read_dir("/proc/self/fd")? {
        let target = fs::read_link(file?.path()).unwrap_or_default();
        sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
    }
    let kilobytes = ledger.heap.load(Ordering::Relaxed) / 1000;
    Ok(Sample { tasks: Handle::current().metrics().num_alive_tasks(), sockets, kilobytes })
}

/// What one line of the plot shows.
struct Series {
    name: &'static str,
    values: Vec<usize>,
    /// The means of the second and the last fifth of the run
    early: usize,
    late: usize,
    most: usize,
    /// By so much the last fifth may need more.
    slack: usize,
}

impl Series {
    fn of(name: &'static str, slack: usize, samples: &[Sample], value: fn(&Sample) -> usize) -> Self {
        let values: Vec<usize> = samples.iter().map(value).collect();
        let fifth = values.len() / 5;
        let mean = |values: &[usize]| values.iter().sum::<usize>() / values.len().max(1);
        let (early, late) = (mean(&values[fifth..2 * fifth]), mean(&values[4 * fifth..]));
        let most = values.iter().max().copied().unwrap_or_default();
        Self { name, values, early, late, most, slack }
    }

    fn figures(&self) -> String {
        let Self { name, early, late, most, .. } = self;
        format!("{name}: {early} early, {late} late, {most} at most")
    }

    fn is_flat(&self) -> Result<()> {
        ensure!(self.late <= self.early + self.slack, "it grows: {}", self.figures());
        Ok(())
    }
}

/// One line for each series, in its own scale.
fn svg(title: &str, series: &[Series]) -> String {
    const WIDTH: usize = 720;
    const HEIGHT: usize = 120;
    const TITLE: usize = 20;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"2\" y=\"14\">{title}</text>\n",
        TITLE + series.len() * HEIGHT
    );
    for (row, series) in series.iter().enumerate() {
        let bottom = TITLE + (row + 1) * HEIGHT - 10;
        // An hour has more seconds than the plot has columns.
        let of_column = series.values.len().div_ceil(WIDTH).max(1);
        let columns: Vec<_> =
            series.values.chunks(of_column).filter_map(|values| values.iter().max()).collect();
        let points = columns.iter().enumerate().map(|(column, value)| {
            let x = column * WIDTH / columns.len();
            format!("{x},{}", bottom - **value * (HEIGHT - 30) / series.most.max(1))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        out += &format!("<text x=\"2\" y=\"{}\">{}</text>\n", bottom + 25 - HEIGHT, series.figures());
        out += &format!(
            "<polyline fill=\"none\" stroke=\"#3366aa\" points=\"{points}\"/>\n<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{bottom}\" \
             y2=\"{bottom}\" stroke=\"#999\"/>\n"
        );
    }
    out + "</svg>\n"
}
