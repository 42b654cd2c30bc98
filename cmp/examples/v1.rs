//! Enrolls a vaulted card with V1, waits for its network token, and deletes it.
//!
//! Runs against the embedded simulator: no account, no network. With `VGS_CLIENT_ID`, `VGS_CLIENT_SECRET` and
//! `VGS_PAN_ALIAS` set, the same program runs against V1's sandbox (or where `VGS_ENVIRONMENT` says, except `live`).

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use std::{env, time::Duration};

use anyhow::{Context, Result, ensure};
use cmp::{
    Expiry, ServiceAccount,
    v1::{Client, Environment, NewEnrollment, PanAlias},
};
use cmp_simulator::{Simulator, TokenArrival};

/// The alias of the API reference's sample.
const SAMPLE_ALIAS: &str = "5573495XKjDP28V7312";
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<()> {
    let simulator = match env::var_os("VGS_CLIENT_ID") {
        None => Some(Simulator::builder().token_arrival(TokenArrival::AfterGets(1)).start().await?),
        Some(_) => None,
    };
    let (v1, alias) = match &simulator {
        Some(simulator) => (client_of(simulator)?, SAMPLE_ALIAS.to_owned()),
        None => {
            let environment = Environment::from_env()?;
            ensure!(
                environment != Environment::Live,
                "this example enrolls a card and deletes it: not in `live`"
            );
            (
                Client::from_env()?,
                env::var("VGS_PAN_ALIAS").context("set VGS_PAN_ALIAS to the alias of a vaulted card")?,
            )
        }
    };
    println!("talking to {}", if simulator.is_some() { "the embedded simulator" } else { "VGS" });
    let alias = PanAlias::new(alias)?;

    let token = v1.enroll(NewEnrollment::new(alias.clone(), Expiry::new(12, 2030)?)).await?;
    println!("enrolled  state {}", token.state);

    let token = v1.wait_for_final_state(&alias).deadline(PATIENCE).await?.active()?;
    let card = token.card.and_then(|card| card.last4);
    println!("final     state {}, token …{}", token.state, token.last4.as_deref().unwrap_or("????"));
    println!("card      …{}", card.as_deref().unwrap_or("????"));

    if let Some(token) = v1.delete(&alias).await? {
        println!("deleted   state {}", token.state);
    }
    Ok(())
}

fn client_of(simulator: &Simulator) -> Result<Client> {
    let environment = Environment::custom(simulator.url(), simulator.token_url())?;
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    Ok(Client::builder(environment).service_account(account).tenant("tntsimulator").build()?)
}
