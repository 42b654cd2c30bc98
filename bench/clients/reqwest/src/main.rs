//! reqwest and serde by hand: what the other clients are compared with.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bench_work::documents::{self, CardAttributes, Event, WEBHOOK_SECRET};
use bench_work::{
    CONNECT_TIMEOUT, Client, JSON_API, SIGNATURE_HEADER, Scenario, TIMEOUT, TOKEN, USER_AGENT, signature,
};
use hmac::{Hmac, Mac};
use reqwest::header::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// The oldest webhook that is accepted, in seconds.
const TOLERANCE: u64 = 300;

#[derive(Clone)]
struct ByReqwest {
    http: reqwest::Client,
    base: Arc<str>,
}

fn main() -> Result<()> {
    bench_work::run::<ByReqwest>()
}

impl Client for ByReqwest {
    fn new(url: &str, certificate: Option<&str>) -> Result<Self> {
        // A redirect is an answer here: it names the card that is stored already.
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
        let url = format!("{}{}", self.base, scenario.path());
        let request = self.http.request(scenario.method(), url);
        let request = match scenario.body()? {
            None => request,
            Some(body) => request.header("content-type", JSON_API).body(body),
        };
        let request = request.header("accept", JSON_API).header("accept-encoding", "identity");
        let response = request.bearer_auth(TOKEN).send().await?;
        scenario.read(&response.error_for_status()?.bytes().await?)
    }

    fn decode(body: &[u8], included: usize) -> Result<()> {
        documents::read::<CardAttributes>(body, included).map(drop)
    }

    fn receiver() -> Result<Box<dyn Fn() -> Result<()>>> {
        let headers = HeaderMap::from_iter([(SIGNATURE_HEADER, HeaderValue::try_from(signature()?)?)]);
        Ok(Box::new(move || {
            let header = headers.get(SIGNATURE_HEADER.as_str()).context("no signature")?.to_str()?;
            let event = verified(header, documents::EVENT.as_bytes())?;
            ensure!(event.details.card_id.is_some(), "another event");
            Ok(())
        }))
    }
}

fn verified(header: &str, body: &[u8]) -> Result<Event> {
    let (mut time, mut signature) = (None, None);
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", value)) => time = Some(value),
            Some(("v0", value)) => signature = Some(value),
            _ => {}
        }
    }
    let time = time.context("no time")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    ensure!(now.abs_diff(time.parse()?) <= TOLERANCE, "too old");
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes())?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&data_encoding::HEXLOWER.decode(signature.context("no signature")?.as_bytes())?)?;
    Ok(serde_json::from_slice(body)?)
}
