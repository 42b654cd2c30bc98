async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let payment = cmp.payments().customer_initiated(card).await?;
    let _first = payment.cryptogram.expose();
    let _second = payment.cryptogram.expose();
    Ok(())
}

fn main() {}
