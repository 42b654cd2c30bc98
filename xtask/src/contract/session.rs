//! What one check has: a place to ask, access tokens, and a memory of what it must clean up.

use std::collections::HashMap;
use std::time::Duration;

use cmp_simulator::{Operation, Scope, Simulator};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::answer::{Answer, Body, Call, Caller, network};
use super::masked::describe;
use super::outcome::{Checked, Stop, Violation, skip};
use super::secrets::{self, Grant};
use super::spec::{Contract, JSON_API, media_type};
use super::target::{Place, account_without};

/// Stored and enrolled without trouble (VGS's page of sandbox test cards).
pub(crate) const TEST_CARD: &str = "5100260000019206";
const TIMEOUT: Duration = Duration::from_secs(30);
const UNKNOWN_TOKEN: &str = "nobody";

pub(crate) struct Session<'a> {
    pub(crate) contract: &'a Contract,
    place: Place,
    http: reqwest::Client,
    grants: HashMap<String, Grant>,
    cards: Vec<String>,
    violations: Vec<Violation>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(contract: &'a Contract, place: Place) -> Checked<Self> {
        let mut http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false);
        if place.base_url.starts_with("http:") {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| network(Operation::Token, error))?;
        let (grants, cards, violations) = (HashMap::new(), Vec::new(), Vec::new());
        Ok(Self { contract, place, http, grants, cards, violations })
    }

    /// The simulator's handle, for what only the world around a service can do.
    pub(crate) fn simulator(&self) -> Checked<&Simulator> {
        self.place.simulator.as_ref().ok_or_else(needs_the_simulator)
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.place.simulator.is_some()
    }

    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Notes a violation; the check goes on.
    pub(crate) fn note(
        &mut self,
        of: Operation,
        path: &str,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) {
        let violation = Violation {
            operation: of.name().to_owned(),
            path: path.to_owned(),
            expected: expected.into(),
            came: came.into(),
        };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// Sends, and holds request and answer against the contract.
    pub(crate) async fn send(&mut self, call: Call<'_>) -> Checked<Answer> {
        self.judge_request(&call);
        let grant = self.grant(call.caller).await?;
        let mut request = self
            .http
            .request(call.operation.method(), call.url(&self.place.base_url))
            .bearer_auth(&grant.token)
            .header(ACCEPT, media_type(call.operation));
        if let Some((kind, text)) = call.payload() {
            request = request.header(CONTENT_TYPE, kind).body(text);
        }
        let response = request.send().await.map_err(|error| network(call.operation, error))?;
        let answer = Answer::read(call.operation, response).await?;
        // Whatever else is wrong with the answer: a card that was stored has to go again.
        if call.operation == Operation::CreateCard && matches!(answer.status, 200..=299) {
            self.cards.push(answer.text("/data/id").to_owned());
        }
        let mut found = self.contract.answer_violations(&answer);
        found.extend(secrets::violations(&answer, &grant));
        self.violations.extend(found);
        Ok(answer)
    }

    /// Sends, and goes on only with this status.
    pub(crate) async fn expect(&mut self, call: Call<'_>, status: u16) -> Checked<Answer> {
        self.expect_one_of(call, &[status]).await
    }

    pub(crate) async fn expect_one_of(&mut self, call: Call<'_>, statuses: &[u16]) -> Checked<Answer> {
        let answer = self.send(call).await?;
        if statuses.contains(&answer.status) {
            return Ok(answer);
        }
        let expected: Vec<_> = statuses.iter().map(u16::to_string).collect();
        self.note(answer.operation, "status", expected.join(" or "), answer.status.to_string());
        Err(Stop::Broken)
    }

    fn judge_request(&mut self, call: &Call<'_>) {
        match &call.body {
            Body::Valid(body) => {
                self.violations.extend(self.contract.request_violations(call.operation, body));
            }
            Body::Invalid(body) if self.contract.request_violations(call.operation, body).is_empty() => {
                self.note(
                    call.operation,
                    "request",
                    "a request that the contract refuses",
                    "one that it allows",
                );
            }
            Body::Invalid(_) | Body::None | Body::Raw(..) => {}
        }
    }

    async fn grant(&mut self, caller: Caller) -> Checked<Grant> {
        let client_id = match caller {
            Caller::Nobody => return Ok(Grant { token: UNKNOWN_TOKEN.to_owned(), scopes: None }),
            Caller::Main => self.place.client_id.clone(),
            Caller::Without(scope) => self.account_without(scope)?,
        };
        if let Some(grant) = self.grants.get(&client_id) {
            return Ok(grant.clone());
        }
        let secret = self.place.client_secret.clone();
        let form =
            [("grant_type", "client_credentials"), ("client_id", &client_id), ("client_secret", &secret)];
        let answer = self.token(&form).await?;
        let Some(grant) = Grant::read(&answer) else {
            return Err(Stop::Network(format!("the token endpoint gave no token, but {}", answer.status)));
        };
        self.grants.insert(client_id, grant.clone());
        Ok(grant)
    }

    fn account_without(&self, scope: Scope) -> Checked<String> {
        if self.is_simulated() {
            return Ok(account_without(scope));
        }
        skip(format!("needs a service account without the scope {}", scope.name()))
    }

    /// Asks the token endpoint.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Checked<Answer> {
        let request = self.http.post(&self.place.token_url).form(form);
        let response = request.send().await.map_err(|error| network(Operation::Token, error))?;
        Answer::read(Operation::Token, response).await
    }

    /// The account's id and secret.
    pub(crate) fn credentials(&self) -> (String, String) {
        (self.place.client_id.clone(), self.place.client_secret.clone())
    }

    /// Stores a test card of this check's own, and gives its id.
    pub(crate) async fn store(&mut self, pan: &str) -> Checked<String> {
        self.store_as(card(pan)).await
    }

    /// The same, with this request.
    pub(crate) async fn store_as(&mut self, body: Value) -> Checked<String> {
        let answer = self.expect_one_of(create(body), &[201, 303]).await?;
        if answer.status == 303 {
            return skip("the account has the test card already, and it is not this check's to change");
        }
        let id = answer.text("/data/id").to_owned();
        if is_id(&id) {
            return Ok(id);
        }
        self.note(
            Operation::CreateCard,
            "/data/id",
            "letters, digits, - and _",
            describe(answer.at("/data/id")),
        );
        Err(Stop::Broken)
    }

    /// Stores a test card, and provisions a network token for it.
    pub(crate) async fn store_with_token(&mut self) -> Checked<String> {
        let id = self.store(TEST_CARD).await?;
        self.provision(&id).await?;
        Ok(id)
    }

    /// Provisions a network token that can be used.
    pub(crate) async fn provision(&mut self, id: &str) -> Checked {
        let answer = self.expect_one_of(Call::new(Operation::ProvisionNetworkToken, id), &[200, 201]).await?;
        match answer.text("/data/attributes/state").to_ascii_lowercase().as_str() {
            "active" | "activated" | "card_updated" => Ok(()),
            _ => skip("the service gave the test card no usable network token"),
        }
    }

    /// Deletes the cards that this session stored. What can't be deleted is told.
    pub(crate) async fn clean_up(&mut self) -> Checked {
        let mut left = 0;
        for id in &std::mem::take(&mut self.cards) {
            left += usize::from(!self.delete(id).await);
        }
        if left == 0 { Ok(()) } else { Err(Stop::Network(format!("{left} test cards could not be deleted"))) }
    }

    async fn delete(&mut self, id: &str) -> bool {
        let Ok(grant) = self.grant(Caller::Main).await else { return false };
        if !is_id(id) {
            return false;
        }
        let url = Call::new(Operation::DeleteCard, id).url(&self.place.base_url);
        let answer = self.http.delete(url).bearer_auth(&grant.token).header(ACCEPT, JSON_API).send().await;
        answer.is_ok_and(|answer| matches!(answer.status().as_u16(), 204 | 404))
    }
}

/// Whether this can stand in a path: an id such as `..` would make the deletion of a card one of something else.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

pub(crate) fn needs_the_simulator() -> Stop {
    Stop::Skipped("needs the simulator, where a check decides what happens".to_owned())
}

pub(crate) fn create<'a>(body: Value) -> Call<'a> {
    Call::new(Operation::CreateCard, "").valid(body)
}

pub(crate) fn card(pan: &str) -> Value {
    json!({"data": {"attributes": {"pan": pan, "cvc": "123", "exp_month": 12, "exp_year": 35}}})
}

pub(crate) fn attributes(attributes: Value) -> Value {
    let mut body = json!({"data": {}});
    body["data"]["attributes"] = attributes;
    body
}
