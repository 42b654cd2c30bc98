//! Stores cards and provisions a network token for each, with a line of progress: 10,000, or as many as the first argument
//! says. Ids flow from the one step into the other, and none is kept; sums of their hashes show that none got lost or
//! came twice.
//!
//! Runs against the embedded simulator. Every twentieth request of the second step fails at first. With
//! `VGS_ENVIRONMENT=custom` and the variables of the README set, against a simulator in another process. It refuses the
//! sandbox and `live`, where the cards would stay.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use anyhow::{Result, ensure};
use cmp::{CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount};
use cmp_simulator::{Chaos, Enrollment, Fault, Operation, Simulator};
use futures_util::{Stream, StreamExt, stream};

const CARDS: u64 = 10_000;
const CONCURRENCY: usize = 32;
/// A documented sandbox test card whose network token becomes active.
const TEST_PAN: &str = "5100260000019206";

#[tokio::main]
async fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(CARDS), |count| count.parse())?;
    let simulator =
        if std::env::var_os("VGS_ENVIRONMENT").is_none() { Some(start_simulator().await?) } else { None };
    let cmp = match &simulator {
        Some(simulator) => {
            let environment = Environment::custom(simulator.url(), simulator.token_url())?;
            let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
            Client::builder(environment).service_account(account).build()?
        }
        None => {
            let is_custom = matches!(Environment::from_env()?, Environment::Custom(_));
            ensure!(is_custom, "this example stores {count} cards: only with `VGS_ENVIRONMENT=custom`");
            Client::from_env()?
        }
    };

    let start = Instant::now();
    let hasher = RandomState::new();
    let (went_in, mut came_out) = (AtomicU64::new(0), 0_u64);
    let ids = stored(&cmp, count).inspect(|id| {
        went_in.fetch_add(hasher.hash_one(id), Ordering::Relaxed);
    });
    let mut run = cmp.bulk().concurrency(CONCURRENCY).over_stream(ids).provision();
    let mut failures: BTreeMap<String, u64> = BTreeMap::new();
    // A call can succeed with a token that the card network refused, so these are counted by themselves.
    let mut usable = 0_u64;
    while let Some((id, outcome)) = run.next().await {
        came_out = came_out.wrapping_add(hasher.hash_one(&id));
        match outcome {
            Ok(provisioned) => usable += u64::from(provisioned.network_token().is_usable()),
            Err(error) => {
                *failures.entry(format!("{:?} {:?}", error.kind(), error.status())).or_default() += 1;
            }
        }
        let progress = run.progress();
        let finished = progress.finished();
        if finished.is_multiple_of(100) || finished == count {
            let rate = finished as f64 / start.elapsed().as_secs_f64();
            print!("\r{finished}/{count} cards, {rate:.0}/s, {} failed ", progress.failed);
            std::io::stdout().flush()?;
        }
    }
    println!();

    let progress = run.progress();
    ensure!(came_out == went_in.load(Ordering::Relaxed), "an id was lost or came twice");
    println!("{} calls succeeded, {} failed: {failures:?}", progress.succeeded, progress.failed);
    println!("{usable} network tokens can be paid with");
    Ok(())
}

async fn start_simulator() -> Result<Simulator> {
    // One test card stands for all.
    let builder = Simulator::builder().enrollment(Enrollment::Manual);
    let simulator = builder.start().await?;
    let faults = [Fault::status(503), Fault::status(502).html(), Fault::dropped(), Fault::lost_answer()];
    let faults = faults.map(|fault| fault.on(Operation::ProvisionNetworkToken));
    simulator.faults().chaos(Chaos::new(0.05).faults(faults));
    Ok(simulator)
}

/// Stores cards as they are asked for, and gives their ids.
fn stored(cmp: &Client, count: u64) -> impl Stream<Item = CardId> {
    let storing = stream::iter(0..count).map(|_| async {
        let card = NewCard::new(Pan::new(TEST_PAN)?, Expiry::new(12, 2030)?);
        anyhow::Ok(cmp.cards().create(card).await?.id().clone())
    });
    storing
        .buffer_unordered(CONCURRENCY)
        .filter_map(|stored| async { stored.inspect_err(|error| println!("\rnot stored: {error}")).ok() })
}
