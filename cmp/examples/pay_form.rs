//! A customer-initiated payment through a card form: the network token goes where the card number goes, and a short
//! cryptogram where the CVC goes (step 4 of the guide). Where a card has no network token, the PAN takes its place, by
//! choice. Against the embedded simulator and a mock PSP.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

mod psp;

use anyhow::{Result, bail};
use cmp::{Amount, CardId, Client, Expiry, NewCard, Pan, payments::Credential};
use serde_json::json;

/// A Visa test card: short cryptograms are Visa's.
const VISA: &str = "4111111111111111";
/// A documented sandbox test card whose network token fails.
const WITHOUT_TOKEN: &str = "5100260000009207";

#[tokio::main]
async fn main() -> Result<()> {
    // In a real program: `Client::from_env()`, and the PSP that you have.
    let (cmp, shop) = psp::simulated().await?;

    let id = store(&cmp, VISA).await?;
    cmp.network_tokens().wait_for(&id).await?;
    let form = cmp.payments().card_form(&id).amount(Amount::usd("19.99")?).await?;
    println!("form     {form:?}");
    let body = json!({
        "amount": 19.99,
        "number": form.number.expose(),
        "expiry": form.expiry.to_string(),
        "cvc": form.cvc.expose().as_str(),
    });
    println!("paid     network transaction {}", shop.pay(&body).await?);

    let id = store(&cmp, WITHOUT_TOKEN).await?;
    let Err(refused) = cmp.network_tokens().wait_for(&id).await else { bail!("its token fails") };
    println!("no token {refused}; {}", refused.next_step().unwrap_or_default());
    match cmp.payments().card_form(&id).or_pan().await? {
        Credential::NetworkToken(form) => println!("form     {form:?}"),
        Credential::Pan(payment) => println!("fallback {payment:?}"),
    }
    Ok(())
}

async fn store(cmp: &Client, pan: &str) -> Result<CardId> {
    let card = NewCard::new(Pan::new(pan)?, Expiry::new(12, 2030)?);
    Ok(cmp.cards().create(card).await?.id().clone())
}
