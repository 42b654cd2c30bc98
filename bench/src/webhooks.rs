//! A webhook, verified and read by hand and by the client.

use anyhow::{Context, Result, ensure};
use cmp::webhooks::{Signer, Verifier, WebhookSecret};
use hmac::{Hmac, Mac};
use reqwest::header::{HeaderMap, HeaderValue};
use sha2::Sha256;

use crate::clients::Side;
use crate::documents::Event;

const SECRET: &str = "whsec-4eC39HqLyjWDarjtT1zdp7dc";
const TOLERANCE: u64 = 300;

const BODY: &str = concat!(
    r#"{"id":"evt-01J9Z6K3","event":"cmp_network_token.updated","description":"network token updated","#,
    r#""summary":"The network token is suspended.","timestamp":"2025-01-15T10:00:00.000Z","scope":"VAULT","#,
    r#""grouping":"EVERY_SINGLE","occurrence":1,"fingerprint":"cafe42","integration_id":"int-1","#,
    r#""org_id":"org-1","tenant":"tntipby064g","producer":{"application_name":"cmp","#,
    r#""application_protocol":"https"},"details":{"card_id":"CRDecqZp3xRgXU3TFmtcDdzQs","#,
    r#""card_bin":"411111","card_last4":"1111","card_exp_month":"5","card_exp_year":"2038","#,
    r#""network_token_id":"NTabcdefghijklH2Dy1BVE9iR","network_token":"4124980000004244","#,
    r#""network_token_last4":"4244","exp_month":"11","exp_year":"2037","#,
    r#""payment_account_reference":"V0010014610000000085141000282","state":"SUSPENDED","#,
    r#""reason_code":"cmp_network_token.suspended","reason_text":"suspended by the issuer","#,
    r#""tenant_id":"tntipby064g","created_at":"2025-07-24T04:13:51.428077","#,
    r#""updated_at":"2025-07-24T04:13:51.428092"}}"#
);

/// A receiver, and a signed request for it.
pub(crate) struct Receiver {
    side: Side,
    verifier: Verifier,
    headers: HeaderMap,
}

impl Receiver {
    pub(crate) fn new(side: Side) -> Result<Self> {
        let secret = WebhookSecret::new(SECRET)?;
        let signature = Signer::new(secret.clone()).sign(BODY.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(Signer::HEADER, HeaderValue::from_str(&signature)?);
        Ok(Self { side, verifier: Verifier::new(secret), headers })
    }

    pub(crate) fn receive(&self) -> Result<()> {
        if self.side == Side::Cmp {
            let event = self.verifier.verify(&self.headers, BODY.as_bytes())?.parse()?;
            ensure!(event.card_id().is_some(), "another event");
            return Ok(());
        }
        let header = self.headers.get(Signer::HEADER).context("no signature")?.to_str()?;
        let event = by_hand(header, BODY.as_bytes())?;
        ensure!(event.details.card_id.is_some(), "another event");
        Ok(())
    }
}

fn by_hand(header: &str, body: &[u8]) -> Result<Event> {
    let (mut time, mut signature) = (None, None);
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", value)) => time = Some(value),
            Some(("v0", value)) => signature = Some(value),
            _ => {}
        }
    }
    let time = time.context("no time")?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    ensure!(now.abs_diff(time.parse()?) <= TOLERANCE, "too old");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&data_encoding::HEXLOWER.decode(signature.context("no signature")?.as_bytes())?)?;
    Ok(serde_json::from_slice(body)?)
}
