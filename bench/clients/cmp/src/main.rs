//! The client `cmp`, with everything on.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use bench_work::documents::{EVENT, PAN, WEBHOOK_SECRET, card_id};
use bench_work::{BULK_CONCURRENCY, Client, SIGNATURE_HEADER, Scenario, TOKEN, signature};
use cmp::auth::AccessToken;
use cmp::webhooks::{Verifier, WebhookSecret};
use cmp::{Amount, CardId, Environment, Expiry, NewCard, Pan};
use http::{HeaderMap, HeaderValue};

#[derive(Clone)]
struct Cmp(cmp::Client);

fn main() -> Result<()> {
    bench_work::run::<Cmp>()
}

impl Client for Cmp {
    fn new(url: &str, certificate: Option<&str>) -> Result<Self> {
        let environment = Environment::custom(url, format!("{url}/token"))?;
        let mut builder = cmp::Client::builder(environment).access_token(AccessToken::new(TOKEN)?);
        if let Some(certificate) = certificate {
            builder = builder.root_certificate(certificate);
        }
        Ok(Self(builder.build()?))
    }

    async fn call(&self, scenario: Scenario) -> Result<()> {
        static ONE: LazyLock<CardId> = LazyLock::new(|| card_id(1).parse().expect("an id"));
        let Self(cmp) = self;
        match scenario {
            Scenario::Get(included) => {
                let card = cmp.cards().get(&CardId::new(card_id(included))?).await?;
                ensure!(card.network_tokens.len() == included, "another response");
            }
            Scenario::Create => {
                let stored = cmp.cards().create(NewCard::new(Pan::new(PAN)?, Expiry::new(12, 2039)?));
                ensure!(stored.await?.is_created(), "another response");
            }
            Scenario::Cryptogram => {
                cmp.network_tokens().cryptogram(&ONE).amount(Amount::usd("19.99")?).await?;
            }
            Scenario::Subscribe => {
                let subscription = cmp.account_updater().subscribe(&ONE).await?;
                ensure!(subscription.state.is_some(), "another response");
            }
            Scenario::Unsubscribe => cmp.account_updater().unsubscribe(&ONE).await?,
            Scenario::Check => {
                ensure!(cmp.account_updater().check(&ONE).await?.len() == 1, "another response");
            }
        }
        Ok(())
    }

    async fn bulk(&self, count: usize) -> Result<()> {
        let id: CardId = card_id(1).parse()?;
        let ids = (0..count).map(move |_| id.clone());
        let mut run = self.0.bulk().concurrency(BULK_CONCURRENCY).over(ids).get();
        while let Some((_, outcome)) = run.next().await {
            outcome?;
        }
        Ok(())
    }

    fn receiver() -> Result<Box<dyn Fn() -> Result<()>>> {
        let secret = WebhookSecret::new(WEBHOOK_SECRET)?;
        let headers = HeaderMap::from_iter([(SIGNATURE_HEADER, HeaderValue::try_from(signature()?)?)]);
        let verifier = Verifier::new(secret);
        Ok(Box::new(move || {
            let event = verifier.verify(&headers, EVENT.as_bytes())?.parse()?;
            ensure!(event.card_id().is_some(), "another event");
            Ok(())
        }))
    }

    async fn take_token(&self) -> Result<()> {
        Ok(self.0.warm_up().await?)
    }
}
