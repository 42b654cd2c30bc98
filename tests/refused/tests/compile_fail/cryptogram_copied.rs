async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let cryptogram = cmp.network_tokens().cryptogram(card).await?;
    let _copy = cryptogram.clone();
    Ok(())
}

fn main() {}
