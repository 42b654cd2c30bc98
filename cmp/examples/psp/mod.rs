//! A payment service provider on loopback that knows the three payments of the guide. It redeems each cryptogram with
//! the simulator, so that a used, wrong or missing one is declined, as the networks would.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use cmp::{Client, Environment, ServiceAccount};
use cmp_simulator::{CryptogramType, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it calls every payment that it authorises.
const NETWORK_TRANSACTION_ID: &str = "012345678901234";

/// A client of an embedded simulator, and a PSP for the cryptograms that this simulator makes.
pub(crate) async fn simulated() -> Result<(Client, MockPsp)> {
    let simulator = Simulator::start().await?;
    let environment = Environment::custom(simulator.url(), simulator.token_url())?;
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build()?;
    Ok((cmp, MockPsp::start(simulator).await?))
}

pub(crate) struct MockPsp {
    url: String,
    http: reqwest::Client,
}

impl MockPsp {
    async fn start(simulator: Simulator) -> Result<Self> {
        let payments = Router::new().route("/payments", post(answer)).with_state(Arc::new(simulator));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/payments", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, payments).into_future());
        Ok(Self { url, http: reqwest::Client::builder().no_proxy().build()? })
    }

    /// Asks for an authorisation; gives the network transaction id of an authorised payment.
    pub(crate) async fn pay(&self, payment: &Value) -> Result<String> {
        let answer = self.http.post(&self.url).json(payment).send().await?;
        let body: Value = answer.json().await?;
        if let Some(reason) = body["declined"].as_str() {
            bail!("declined: {reason}");
        }
        Ok(body["network_transaction_id"].as_str().context("no network transaction id")?.to_owned())
    }
}

async fn answer(State(simulator): State<Arc<Simulator>>, payment: Bytes) -> (StatusCode, String) {
    let (status, body) = match authorise(&simulator, &payment) {
        Ok(()) => (StatusCode::OK, json!({ "network_transaction_id": NETWORK_TRANSACTION_ID })),
        Err(reason) => (StatusCode::PAYMENT_REQUIRED, json!({ "declined": reason.to_string() })),
    };
    (status, body.to_string())
}

fn authorise(simulator: &Simulator, body: &[u8]) -> Result<()> {
    let payment: Value = serde_json::from_slice(body)?;
    ensure!(payment["number"].is_string() && payment["expiry"].is_string(), "number or expiry is missing");
    let (value, wanted) = match (&payment["cryptogram"], &payment["cvc"]) {
        (Value::String(cryptogram), Value::Null) => (cryptogram, CryptogramType::Tavv),
        (Value::Null, Value::String(cvc)) => (cvc, CryptogramType::Dtvv),
        _ => {
            let first = payment["network_transaction_id"].as_str();
            ensure!(first == Some(NETWORK_TRANSACTION_ID), "neither cryptogram nor known first payment");
            return Ok(());
        }
    };
    let made_for = simulator.redeem_cryptogram(value)?;
    ensure!(made_for.cryptogram_type == wanted, "the cryptogram is in the wrong field");
    let amount = payment["amount"].to_string();
    ensure!(made_for.amount == Some(amount), "the cryptogram is for another amount");
    Ok(())
}
