//! Reads the card that the argument names, and fails if it has no network token. Nothing more than that: no retry, no
//! token refresh, no check of the answer.

use std::error::Error;

use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    included: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    network_token: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let id = std::env::args().nth(1).unwrap_or_default();
    let url = format!("{}/cards/{id}", std::env::var("VGS_API_URL")?);
    let request = reqwest::Client::new().get(url).bearer_auth(std::env::var("VGS_ACCESS_TOKEN")?);
    let answer = request.header("accept", "application/vnd.api+json").send().await?.error_for_status()?;
    let document: Document = serde_json::from_slice(&answer.bytes().await?)?;
    let token = document.included.into_iter().find_map(|resource| resource.attributes.network_token);
    token.map(drop).ok_or_else(|| "the card has no network token".into())
}
