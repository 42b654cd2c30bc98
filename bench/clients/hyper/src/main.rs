//! hyper-util's pooled client and serde by hand.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_work::{CONNECT_TIMEOUT, Client, JSON_API, Scenario, TIMEOUT, TOKEN, USER_AGENT};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::{
    ClientConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

#[derive(Clone)]
struct ByHyper {
    http: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Arc<str>,
}

fn main() -> Result<()> {
    bench_work::run::<ByHyper>()
}

impl Client for ByHyper {
    fn new(url: &str, certificate: Option<&str>) -> Result<Self> {
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
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        Ok(Self { http: Pool::builder(TokioExecutor::new()).build(connector), base: url.into() })
    }

    async fn call(&self, scenario: Scenario) -> Result<()> {
        tokio::time::timeout(TIMEOUT, self.send(scenario)).await?
    }
}

impl ByHyper {
    async fn send(&self, scenario: Scenario) -> Result<()> {
        let request = hyper::Request::builder()
            .method(scenario.method())
            .uri(format!("{}{}", self.base, scenario.path()))
            .header("accept", JSON_API)
            .header("accept-encoding", "identity")
            .header("user-agent", USER_AGENT)
            .header("authorization", format!("Bearer {TOKEN}"));
        let request = match scenario.body()? {
            None => request.body(Full::default())?,
            Some(body) => request.header("content-type", JSON_API).body(Full::new(body.into()))?,
        };
        let response = self.http.request(request).await?;
        ensure!(response.status().is_success(), "status {}", response.status());
        scenario.read(&response.into_body().collect().await?.to_bytes())
    }
}
