async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    cmp.payments().merchant_initiated(card).await?;
    Ok(())
}

fn main() {}
