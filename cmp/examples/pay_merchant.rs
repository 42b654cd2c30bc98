//! Merchant-initiated payments, such as a subscription's: the first payment is the customer's and gives a network
//! transaction id; each one after it goes out with token, expiry and that id, and no cryptogram (step 4 of the guide).
//! Against the embedded simulator and a mock PSP.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

mod psp;

use anyhow::Result;
use cmp::{Amount, Expiry, NewCard, Pan, payments::NetworkTransactionId};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    // In a real program: `Client::from_env()`, and the PSP that you have.
    let (cmp, psp) = psp::simulated().await?;

    let card = NewCard::new(Pan::new("5100260000019206")?, Expiry::new(12, 2030)?);
    let id = cmp.cards().create(card).await?.id().clone();
    cmp.network_tokens().wait_for(&id).await?;

    let first = cmp.payments().customer_initiated(&id).amount(Amount::usd("9.99")?).await?;
    let body = json!({
        "amount": 9.99,
        "number": first.number.expose(),
        "expiry": first.expiry.to_string(),
        "cryptogram": first.cryptogram.expose().as_str(),
    });
    // To be stored beside the card: every later payment refers to it.
    let first_payment = NetworkTransactionId::new(psp.pay(&body).await?)?;
    println!("customer paid: network transaction {first_payment}");

    for month in 1..=3 {
        let payment = cmp.payments().merchant_initiated(&id, first_payment.clone()).await?;
        let body = json!({
            "amount": 9.99,
            "number": payment.number.expose(),
            "expiry": payment.expiry.to_string(),
            "network_transaction_id": payment.network_transaction_id.as_str(),
        });
        psp.pay(&body).await?;
        println!("month {month}: {payment:?}");
    }
    Ok(())
}
