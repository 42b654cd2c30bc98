//! Stores a card, looks up its network token, requests a cryptogram, and holds what a payment needs.
//!
//! Runs against the embedded simulator: no account, no network. With `VGS_CLIENT_ID` and `VGS_CLIENT_SECRET` set, the
//! same program runs against the VGS sandbox (or where `VGS_ENVIRONMENT` says, except `live`).

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use anyhow::{Result, ensure};
use cmp::{Amount, Client, Cvc, Environment, Expiry, NewCard, Pan, ServiceAccount};
use cmp_simulator::Simulator;

/// A documented sandbox test card whose network token becomes active.
const TEST_PAN: &str = "5100260000019206";

#[tokio::main]
async fn main() -> Result<()> {
    let simulator =
        if std::env::var_os("VGS_CLIENT_ID").is_none() { Some(Simulator::start().await?) } else { None };
    let cmp = match &simulator {
        Some(simulator) => {
            let environment = Environment::custom(simulator.url(), simulator.token_url())?;
            let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
            Client::builder(environment).service_account(account).build()?
        }
        None => {
            let environment = Environment::from_env()?;
            ensure!(environment != Environment::Live, "this example stores a test card: not in `live`");
            Client::from_env()?
        }
    };
    println!("talking to {}", if simulator.is_some() { "the embedded simulator" } else { "VGS" });

    let card = NewCard::new(Pan::new(TEST_PAN)?, Expiry::new(12, 2030)?)
        .cvc(Cvc::new("123")?)
        .meta("order", "A-1001");
    let stored = cmp.cards().create(card).await?;
    println!("stored       {} ({:?})", stored.id(), Pan::new(TEST_PAN)?);

    let card = cmp.cards().get(stored.id()).await?;
    let token = match card.network_token() {
        Ok(token) => token.clone(),
        // An account enrolled for manual provisioning has none until it is asked for.
        Err(none_yet) => {
            println!("no token yet ({none_yet}): provisioning");
            cmp.network_tokens().provision(&card.id).await?.into_network_token()
        }
    };
    println!("token        {:?}, {}, expires {}", token.number.as_ref(), &token.state, show(token.expiry));

    let cryptogram = cmp.network_tokens().cryptogram(&card.id).amount(Amount::usd("19.99")?).await?;
    println!(
        "cryptogram   {:?}, {}, ECI {}",
        &cryptogram.value,
        &cryptogram.kind,
        show(cryptogram.eci.as_ref())
    );

    println!();
    println!("a payment needs:");
    println!("  token      {:?}", cryptogram.network_token.number.as_ref());
    println!("  expiry     {}", show(cryptogram.network_token.expiry));
    println!("  cryptogram {:?}", &cryptogram.value);
    println!("  ECI        {}", show(cryptogram.eci.as_ref()));

    cmp.cards().delete(&card.id).await?;
    println!("\ndeleted      {}", &card.id);
    Ok(())
}

fn show(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "(none)".to_owned(), |value| value.to_string())
}
