async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let cryptogram = cmp.network_tokens().cryptogram(card).await?;
    let _first = cryptogram.into_parts();
    let _second = cryptogram.into_parts();
    Ok(())
}

fn main() {}
