//! Stores a card, subscribes it to updates, checks it, and reads the expiry that the update changed.
//!
//! Runs against the embedded simulator: no account, no network. With `VGS_CLIENT_ID` and `VGS_CLIENT_SECRET` set, the same
//! program runs against the sandbox (or where `VGS_ENVIRONMENT` says, except `live`).

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use std::env;

use anyhow::{Context, Result, ensure};
use cmp::{Client, Environment, Expiry, NewCard, Pan, ServiceAccount, account_updater::Decision};
use cmp_simulator::Simulator;

/// The documented sandbox test card for checks on demand.
const TEST_PAN: &str = "4680056031099387";

#[tokio::main]
async fn main() -> Result<()> {
    let simulator = match env::var_os("VGS_CLIENT_ID") {
        None => Some(Simulator::start().await?),
        Some(_) => None,
    };
    let cmp = match &simulator {
        Some(simulator) => client_of(simulator)?,
        None => {
            let environment = Environment::from_env()?;
            ensure!(environment != Environment::Live, "this example stores a test card: not in `live`");
            Client::from_env()?
        }
    };
    println!("talking to {}", if simulator.is_some() { "the embedded simulator" } else { "VGS" });

    let card =
        cmp.cards().create(NewCard::new(Pan::new(TEST_PAN)?, Expiry::new(12, 2030)?)).await?.into_card();
    println!("stored      {}, expires {}", card.id, card.expiry.context("no expiry")?);

    let subscription = cmp.account_updater().subscribe(&card.id).await?;
    println!("subscribed  {:?}", subscription.state);

    for update in cmp.account_updater().check(&card.id).await? {
        let event = update.event.context("an update without an event")?;
        match event.decision() {
            Decision::UseNewDetails => println!("checked     {event}: go on with the new details"),
            Decision::StopCharging => println!("checked     {event}: ask for another card"),
            other => println!("checked     {event}: {other:?}"),
        }
    }

    let card = cmp.cards().get(&card.id).await?;
    println!("read again  {}, expires {}", card.id, card.expiry.context("no expiry")?);
    println!(
        "it has {} update(s), and its network token stays: {}",
        card.updates.len(),
        card.network_token().is_ok()
    );

    cmp.account_updater().unsubscribe(&card.id).await?;
    println!("unsubscribed");
    Ok(())
}

fn client_of(simulator: &Simulator) -> Result<Client> {
    let environment = Environment::custom(simulator.url(), simulator.token_url())?;
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    Ok(Client::builder(environment).service_account(account).build()?)
}
