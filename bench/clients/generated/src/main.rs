//! The generated client alone, over reqwest. It neither retries nor limits the time of a call by itself.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bench_work::documents::card_id;
use bench_work::{CONNECT_TIMEOUT, Client, Scenario, TIMEOUT, TOKEN, USER_AGENT};
use cmp_generated::{hooks, lenient, types};
use serde::de::DeserializeOwned;

#[derive(Clone)]
struct Generated {
    http: reqwest::Client,
    base: Arc<str>,
}

fn main() -> Result<()> {
    bench_work::run::<Generated>()
}

impl Client for Generated {
    fn new(url: &str, certificate: Option<&str>) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        if let Some(certificate) = certificate {
            builder = builder.tls_certs_merge([reqwest::Certificate::from_pem(certificate.as_bytes())?]);
        }
        Ok(Self { http: builder.build()?, base: url.into() })
    }

    async fn call(&self, scenario: Scenario) -> Result<()> {
        let context = hooks::Context::new(hooks::MediaType::JsonApi).authorization(hooks::bearer(TOKEN)?);
        let client = cmp_generated::Client::new_with_client(&self.base, self.http.clone(), context);
        let body = scenario.body()?.unwrap_or_default();
        // The error's text has whole bodies in it.
        let (document, expected) = match scenario {
            Scenario::Get(included) => (client.get_card(&card_id(included), None).await.ok(), included),
            Scenario::Create => (client.create_card(&request(&body)?).await.ok(), 1),
            Scenario::Cryptogram => {
                let answer = client.request_cryptogram(&card_id(1), &request(&body)?).await.ok();
                ensure!(answer.context("cryptogram")?.into_inner().data.is_some(), "another response");
                return Ok(());
            }
            Scenario::Subscribe => {
                let answer = client.subscribe_to_card_updates(&card_id(1)).await.ok();
                ensure!(answer.context("subscription")?.into_inner().data.is_some(), "another response");
                return Ok(());
            }
            Scenario::Unsubscribe => {
                client.unsubscribe_from_card_updates(&card_id(1)).await.ok().context("end")?;
                return Ok(());
            }
            Scenario::Check => {
                let answer = client.check_for_card_updates(&card_id(1)).await.ok();
                ensure!(answer.context("update")?.into_inner().data.is_some(), "another response");
                return Ok(());
            }
        };
        checked(&document.context("card")?.into_inner(), expected)
    }

    fn decode(body: &[u8], included: usize) -> Result<()> {
        checked(&lenient::decode(body)?, included)
    }
}

fn checked(card: &types::CardResourceResponse, expected: usize) -> Result<()> {
    ensure!(card.included.as_ref().map_or(0, Vec::len) == expected, "another response");
    Ok(())
}

/// A request of the generated client. Its types are long to write, and reading them costs less than a hundredth of a call.
fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(body)?)
}
