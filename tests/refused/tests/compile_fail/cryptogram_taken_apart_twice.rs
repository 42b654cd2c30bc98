async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let cryptogram = cmp.network_tokens().cryptogram(card).await?;
    let _first = cryptogram.value;
    let _second = cryptogram.value;
    Ok(())
}

fn main() {}
