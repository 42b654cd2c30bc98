//! A customer-initiated payment with a PSP that takes network tokens: token, expiry, cryptogram and ECI go out
//! (step 4 of the guide). Against the embedded simulator and a mock PSP.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

mod psp;

use anyhow::{Result, bail};
use cmp::{Amount, Expiry, NewCard, Pan};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    // In a real program: `Client::from_env()`, and the PSP that you have.
    let (cmp, psp) = psp::simulated().await?;

    let card = NewCard::new(Pan::new("5100260000019206")?, Expiry::new(12, 2030)?);
    let id = cmp.cards().create(card).await?.id().clone();
    let token = cmp.network_tokens().wait_for(&id).await?;
    println!("token    {:?} for {id}", token.number.as_ref());

    let payment = cmp.payments().customer_initiated(&id).amount(Amount::usd("19.99")?).await?;
    println!("payment  {payment:?}");
    let body = json!({
        "amount": 19.99,
        "number": payment.number.expose(),
        "expiry": payment.expiry.to_string(),
        "cryptogram": payment.cryptogram.expose().as_str(),
        "eci": payment.eci.as_ref().map(cmp::network_tokens::Eci::as_str),
    });
    println!("paid     network transaction {}", psp.pay(&body).await?);

    // What the types forbid, done by hand: the same cryptogram in a second payment.
    let Err(refused) = psp.pay(&body).await else { bail!("a cryptogram is good once") };
    println!("again    {refused}");
    Ok(())
}
