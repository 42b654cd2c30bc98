async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let request = cmp.network_tokens().short_cryptogram(card);
    request.transaction_type(cmp::network_tokens::TransactionType::Aft).await?;
    Ok(())
}

fn main() {}
