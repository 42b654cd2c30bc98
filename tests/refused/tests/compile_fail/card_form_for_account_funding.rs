async fn pay(cmp: &cmp::Client, card: &cmp::CardId) -> cmp::Result<()> {
    let request = cmp.payments().card_form(card);
    request.transaction_type(cmp::network_tokens::TransactionType::Aft).await?;
    Ok(())
}

fn main() {}
