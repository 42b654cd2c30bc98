//! A plain HTTP client that checks every response against the contract.

mod contract;
pub(crate) mod notifications;

use cmp_simulator::{Operation, ServiceAccount, Simulator, TOKEN_PATH};
use serde_json::{Value, json};

pub(crate) use contract::contract;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
/// The alias of the V1 API reference's sample.
pub(crate) const ALIAS: &str = "5573495XKjDP28V7312";
pub(crate) const VISA: &str = "4111111111111111";
pub(crate) const MASTERCARD: &str = "5555555555554444";
pub(crate) const AMEX: &str = "378282246310005";

/// A file of the workspace whose tests run.
pub(crate) fn repository(file: &str) -> String {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    std::fs::read_to_string(std::path::Path::new(&package).join("..").join(file)).unwrap()
}

/// The media type of an operation's request body.
pub(crate) fn media_type(operation: Operation) -> &'static str {
    if operation.is_v1() { "application/json" } else { JSON_API }
}

/// A response that agrees with the contract.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Ok(Self { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["errors"][0]["error_code"].as_str().unwrap_or_default().to_owned()
    }

    /// The id of the document's primary resource.
    pub(crate) fn id(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
}

pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    base: String,
    access_token: String,
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A client that trusts the simulator's certificate, if it has one.
pub(crate) fn http_of(simulator: &Simulator) -> reqwest::Client {
    trusting(simulator.root_certificate())
}

/// A client that trusts this certificate, and repeats nothing.
pub(crate) fn trusting(pem: Option<&str>) -> reqwest::Client {
    let root = pem.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_certs_merge(root)
        .build()
        .unwrap()
}

impl Client {
    /// A client with the default account's token.
    pub(crate) async fn new(simulator: &Simulator) -> Self {
        let (id, secret) = (simulator.client_id(), simulator.client_secret());
        Self::with(http_of(simulator), simulator.url(), id, secret).await
    }

    pub(crate) async fn of(simulator: &Simulator, account: &ServiceAccount, secret: &str) -> Self {
        Self::at(simulator.url(), account.client_id(), secret).await
    }

    pub(crate) async fn at(url: &str, id: &str, secret: &str) -> Self {
        Self::with(http(), url, id, secret).await
    }

    pub(crate) async fn with(http: reqwest::Client, url: &str, id: &str, secret: &str) -> Self {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let answer = token(&http, url, &form).await.expect(200);
        let access_token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Self { http, base: url.to_owned(), access_token }
    }

    pub(crate) fn with_token(&self, access_token: &str) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), access_token: access_token.to_owned() }
    }

    pub(crate) fn on_a_new_connection(&self, simulator: &Simulator) -> Self {
        Self { http: http_of(simulator), ..self.with_token(&self.access_token) }
    }

    pub(crate) fn access_token(&self) -> &str {
        &self.access_token
    }

    pub(crate) fn request(&self, operation: Operation, card_id: &str) -> reqwest::RequestBuilder {
        let path = operation.path_template().replace("{card_id}", card_id).replace("{pan_alias}", card_id);
        self.http.request(operation.method(), format!("{}{path}", self.base)).bearer_auth(&self.access_token)
    }

    /// Sends a request, and checks the response against the contract.
    pub(crate) async fn send(&self, operation: Operation, card_id: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(operation, card_id);
        if let Some(body) = body {
            request = request.header("content-type", media_type(operation)).body(body.to_string());
        }
        self.finish(operation, request).await
    }

    pub(crate) async fn finish(&self, operation: Operation, request: reqwest::RequestBuilder) -> Answer {
        let answer = Answer::read(request.send().await.unwrap()).await.unwrap();
        contract().check(operation, &answer);
        answer
    }

    pub(crate) async fn create(&self, pan: &str) -> Answer {
        self.send(Operation::CreateCard, "", Some(&card(pan))).await
    }

    /// Stores a card and returns its id.
    pub(crate) async fn store(&self, pan: &str) -> String {
        self.create(pan).await.expect(201).id()
    }

    /// Stores the number as a wallet's.
    pub(crate) async fn store_of_a_wallet(&self, pan: &str) -> String {
        let mut card = card(pan);
        card["data"]["attributes"]["token_type"] = json!("dpan");
        card["data"]["attributes"]["wallet_type"] = json!("apple_pay");
        self.send(Operation::CreateCard, "", Some(&card)).await.expect(201).id()
    }

    /// Enrolls an alias with V1, and returns it.
    pub(crate) async fn enroll(&self, alias: &str) -> String {
        self.send(Operation::ProvisionV1NetworkToken, "", Some(&enrollment(alias))).await.expect(201);
        alias.to_owned()
    }

    pub(crate) async fn get(&self, card_id: &str) -> Answer {
        self.send(Operation::GetCard, card_id, None).await
    }

    pub(crate) async fn provision(&self, card_id: &str) -> Answer {
        self.send(Operation::ProvisionNetworkToken, card_id, None).await
    }

    pub(crate) async fn cryptogram(&self, card_id: &str, attributes: Value) -> Answer {
        let body = json!({ "data": { "attributes": attributes } });
        self.send(Operation::RequestCryptogram, card_id, Some(&body)).await
    }
}

pub(crate) async fn token(http: &reqwest::Client, url: &str, form: &str) -> Answer {
    let request = http
        .post(format!("{url}{TOKEN_PATH}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    Answer::read(request.send().await.unwrap()).await.unwrap()
}

pub(crate) fn card(pan: &str) -> Value {
    json!({ "data": { "attributes": { "pan": pan, "cvc": "123", "exp_month": 12, "exp_year": 35 } } })
}

pub(crate) fn enrollment(alias: &str) -> Value {
    json!({ "pan_alias": alias, "exp_month": 7, "exp_year": 24 })
}

/// The included resources of one kind.
pub(crate) fn included(document: &Value, kind: &str) -> Vec<Value> {
    let included = document["included"].as_array().cloned().unwrap_or_default();
    included.into_iter().filter(|resource| resource["type"] == kind).collect()
}
