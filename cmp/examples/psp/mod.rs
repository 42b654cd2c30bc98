//! A payment service provider on loopback that knows the three payments of the guide. It redeems each cryptogram with
//! the simulator, so that a used, wrong or missing one is declined, as the networks would.

use anyhow::{Context, Result, bail, ensure};
use cmp::{Client, Environment, ServiceAccount};
use cmp_simulator::{CryptogramType, Simulator};
use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use serde_json::{Value, json};

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
    server: MockServer,
    http: reqwest::Client,
}

impl MockPsp {
    async fn start(simulator: Simulator) -> Result<Self> {
        let server = MockServer::start_async().await;
        server
            .mock_async(move |when, then| {
                when.method("POST").path("/payments");
                then.respond_with(move |request| answer(&simulator, request));
            })
            .await;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { server, http })
    }

    /// Asks for an authorisation; gives the network transaction id of an authorised payment.
    pub(crate) async fn pay(&self, payment: &Value) -> Result<String> {
        let answer = self.http.post(self.server.url("/payments")).json(payment).send().await?;
        let body: Value = answer.json().await?;
        if let Some(reason) = body["declined"].as_str() {
            bail!("declined: {reason}");
        }
        Ok(body["network_transaction_id"].as_str().context("no network transaction id")?.to_owned())
    }
}

fn answer(simulator: &Simulator, request: &HttpMockRequest) -> HttpMockResponse {
    let (status, body) = match authorise(simulator, &request.body_vec()) {
        Ok(()) => (200, json!({ "network_transaction_id": NETWORK_TRANSACTION_ID })),
        Err(reason) => (402, json!({ "declined": reason.to_string() })),
    };
    HttpMockResponse::builder().status(status).body(body.to_string()).build()
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
    let amount = made_for.amount.and_then(|amount| amount.as_f64());
    ensure!(amount == payment["amount"].as_f64(), "the cryptogram is for another amount");
    Ok(())
}
