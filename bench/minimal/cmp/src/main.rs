//! Reads the card that the argument names, and fails if it has no network token.

use std::error::Error;

use cmp::{CardId, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let id = CardId::new(std::env::args().nth(1).unwrap_or_default())?;
    let card = Client::from_env()?.cards().get(&id).await?;
    card.network_token()?;
    Ok(())
}
