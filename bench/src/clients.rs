//! The same calls, four ways. All read the response into types, send the same headers, and limit the time of a call. Only
//! `cmp` also retries, refreshes its access token, masks what is secret, and copes with answers that break the contract.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use cmp::{Amount, CardId, Environment, Expiry, NewCard, Pan, auth::AccessToken};
use cmp_generated::hooks;
use http_body_util::{BodyExt, Full};
use hyper::Method;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls_platform_verifier::Verifier;
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::{
    ClientConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::documents::{self, CardAttributes, CryptogramRequest, IncludedAttributes, Request, card_id};

const TOKEN: &str = "bench";
const JSON_API: &str = "application/vnd.api+json";
const USER_AGENT: &str = concat!("bench/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// A call and its canned response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Gets a card with so many included network tokens.
    Get(usize),
    /// Stores a card.
    Create,
    /// Requests a cryptogram.
    Cryptogram,
    /// Subscribes a card to updates.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
    /// Asks for a card's latest update.
    Check,
}

impl Scenario {
    pub(crate) fn path(self) -> String {
        match self {
            Self::Get(included) => format!("/cards/{}", card_id(included)),
            Self::Create => "/cards".to_owned(),
            Self::Cryptogram => format!("/cards/{}/cryptogram", card_id(1)),
            Self::Subscribe | Self::Unsubscribe => format!("/cards/{}/card-update-subscriptions", card_id(1)),
            Self::Check => format!("/cards/{}/check", card_id(1)),
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Get(_) => Method::GET,
            Self::Unsubscribe => Method::DELETE,
            _ => Method::POST,
        }
    }

    /// The request's body by hand, if it has one.
    fn body(self) -> Result<Option<Vec<u8>>> {
        Ok(match self {
            Self::Get(_) | Self::Subscribe | Self::Unsubscribe | Self::Check => None,
            Self::Create => {
                let card = documents::NewCard { pan: documents::PAN, exp_month: 12, exp_year: 39 };
                Some(serde_json::to_vec(&Request::new(card))?)
            }
            Self::Cryptogram => Some(serde_json::to_vec(&Request::new(CryptogramRequest {
                amount: 19.99,
                currency_code: "USD",
                transaction_type: "ECOM",
                cryptogram_type: "TAVV",
            }))?),
        })
    }

    /// Reads the response by hand.
    fn read(self, body: &[u8]) -> Result<()> {
        match self {
            Self::Get(included) => documents::read::<CardAttributes>(body, included).map(drop),
            Self::Create => documents::read::<CardAttributes>(body, 1).map(drop),
            Self::Cryptogram | Self::Subscribe | Self::Check => {
                documents::read::<IncludedAttributes>(body, 0).map(drop)
            }
            Self::Unsubscribe => Ok(()),
        }
    }
}

/// Who makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// reqwest and serde by hand: what the others are compared with.
    Reqwest,
    /// hyper-util's pooled client and serde by hand.
    Hyper,
    /// The generated client alone.
    Generated,
    /// This library, with everything on.
    Cmp,
}

impl Side {
    pub(crate) const ALL: [Self; 4] = [Self::Reqwest, Self::Hyper, Self::Generated, Self::Cmp];
}

type HyperPool = Pool<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that is ready to call.
#[derive(Clone)]
pub(crate) enum Client {
    Reqwest(reqwest::Client, Arc<str>),
    Hyper(Box<HyperPool>, Arc<str>),
    Generated(reqwest::Client, Arc<str>),
    Cmp(cmp::Client),
}

impl Client {
    /// Makes a client that trusts the platform's root certificates and `certificate`.
    pub(crate) fn new(side: Side, url: &str, certificate: Option<&str>) -> Result<Self> {
        let base: Arc<str> = url.into();
        Ok(match side {
            Side::Reqwest => Self::Reqwest(with_reqwest(certificate)?, base),
            Side::Generated => Self::Generated(with_reqwest(certificate)?, base),
            Side::Hyper => Self::Hyper(with_hyper(certificate)?.into(), base),
            Side::Cmp => {
                let environment = Environment::custom(url, format!("{url}/token"))?;
                let mut builder = cmp::Client::builder(environment).access_token(AccessToken::new(TOKEN)?);
                if let Some(certificate) = certificate {
                    builder = builder.root_certificate(certificate);
                }
                Self::Cmp(builder.build()?)
            }
        })
    }

    pub(crate) async fn call(&self, scenario: Scenario) -> Result<()> {
        match self {
            Self::Reqwest(http, base) => by_reqwest(http, base, scenario).await,
            Self::Hyper(http, base) => tokio::time::timeout(TIMEOUT, by_hyper(http, base, scenario)).await?,
            Self::Generated(http, base) => by_generated(http, base, scenario).await,
            Self::Cmp(cmp) => by_cmp(cmp, scenario).await,
        }
    }
}

fn with_reqwest(certificate: Option<&str>) -> Result<reqwest::Client> {
    // A redirect is an answer here: it names the card that is stored already.
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT);
    if let Some(certificate) = certificate {
        builder = builder.tls_certs_merge([reqwest::Certificate::from_pem(certificate.as_bytes())?]);
    }
    Ok(builder.build()?)
}

fn with_hyper(certificate: Option<&str>) -> Result<HyperPool> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let root = certificate.map(|pem| CertificateDer::from_pem_slice(pem.as_bytes())).transpose()?;
    let verifier = Verifier::new_with_extra_roots(root, Arc::clone(&provider))?;
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    Ok(Pool::builder(TokioExecutor::new()).build(connector))
}

async fn by_reqwest(http: &reqwest::Client, base: &str, scenario: Scenario) -> Result<()> {
    let url = format!("{base}{}", scenario.path());
    let request = http.request(scenario.method(), url);
    let request = match scenario.body()? {
        None => request,
        Some(body) => request.header("content-type", JSON_API).body(body),
    };
    let request = request.header("accept", JSON_API).header("accept-encoding", "identity");
    let response = request.bearer_auth(TOKEN).send().await?;
    scenario.read(&response.error_for_status()?.bytes().await?)
}

async fn by_hyper(http: &HyperPool, base: &str, scenario: Scenario) -> Result<()> {
    let request = hyper::Request::builder()
        .method(scenario.method())
        .uri(format!("{base}{}", scenario.path()))
        .header("accept", JSON_API)
        .header("accept-encoding", "identity")
        .header("user-agent", USER_AGENT)
        .header("authorization", format!("Bearer {TOKEN}"));
    let request = match scenario.body()? {
        None => request.body(Full::default())?,
        Some(body) => request.header("content-type", JSON_API).body(Full::new(body.into()))?,
    };
    let response = http.request(request).await?;
    ensure!(response.status().is_success(), "status {}", response.status());
    scenario.read(&response.into_body().collect().await?.to_bytes())
}

async fn by_generated(http: &reqwest::Client, base: &str, scenario: Scenario) -> Result<()> {
    let context = hooks::Context::new(hooks::MediaType::JsonApi).authorization(hooks::bearer(TOKEN)?);
    let client = cmp_generated::Client::new_with_client(base, http.clone(), context);
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
    let included = document.context("card")?.into_inner().included;
    ensure!(included.map_or(0, |included| included.len()) == expected, "another response");
    Ok(())
}

/// A request of the generated client. Its types are long to write, and reading them costs less than a hundredth of a call.
fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(body)?)
}

async fn by_cmp(cmp: &cmp::Client, scenario: Scenario) -> Result<()> {
    static ONE: LazyLock<CardId> = LazyLock::new(|| card_id(1).parse().expect("an id"));
    match scenario {
        Scenario::Get(included) => {
            let card = cmp.cards().get(&CardId::new(card_id(included))?).await?;
            ensure!(card.network_tokens.len() == included, "another response");
        }
        Scenario::Create => {
            let stored = cmp.cards().create(NewCard::new(Pan::new(documents::PAN)?, Expiry::new(12, 2039)?));
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
