//! The session of one check: it sends requests, holds access tokens, and deletes what the check stored.

use std::collections::HashMap;

use cmp_simulator::{Operation, Scope, Settings, Simulator};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answer::{Answer, Body, Call, Caller, INCLUDE, JSON_API, media_type, network, no_answer},
    contract::{Contract, is_from_the_gateway},
    masked::{self, describe},
    outcome::{Checked, Stop, Violation, skip},
    run::Run,
    secrets::{self, Grant},
    target::{Boxed, Place, account_without},
};
use crate::spec::split::filled;

/// A test card that the service stores and enrolls, from VGS's page of sandbox test cards.
pub(crate) const TEST_CARD: &str = "5100260000019206";
const UNKNOWN_TOKEN: &str = "nobody";
const UNKNOWN_CARD: &str = "CRDnone";

pub(crate) struct Session<'a> {
    pub(crate) contract: &'a Contract,
    run: &'a Run,
    place: Place,
    /// The client for the API. The token endpoint has its own client, since a proxy may be allowed for only one of
    /// them.
    api: reqwest::Client,
    tokens: reqwest::Client,
    grants: HashMap<String, Grant>,
    cards: Vec<String>,
    violations: Vec<Violation>,
    /// The check has ended, and its cards are being deleted. Only a second interrupt stops this.
    cleans_up: bool,
}

impl<'a> Session<'a> {
    pub(crate) fn new(contract: &'a Contract, place: Place, run: &'a Run) -> Checked<Self> {
        let (api, tokens) = (run.client(&place.base_url)?, run.client(&place.token_url)?);
        let (grants, cards, violations) = (HashMap::new(), Vec::new(), Vec::new());
        Ok(Self { contract, run, place, api, tokens, grants, cards, violations, cleans_up: false })
    }

    /// Returns the simulator's handle, for events that no request causes.
    pub(crate) fn simulator(&self) -> Checked<&Simulator> {
        self.place.simulator.as_ref().ok_or_else(needs_the_simulator)
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.place.simulator.is_some()
    }

    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Notes a violation. The check goes on.
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

    /// Sends a request, and compares it and the response with the contract.
    pub(crate) async fn send(&mut self, call: Call<'_>) -> Checked<Answer> {
        let plain = (call.query == INCLUDE).then(|| call.clone().query(""));
        let found = self.violations.len();
        let answer = self.send_as_it_is(call).await?;
        match plain {
            // A service that refuses `include` may include everything unasked.
            Some(plain) if answer.status == 400 => {
                self.violations.truncate(found);
                self.send_as_it_is(plain).await
            }
            _ => Ok(answer),
        }
    }

    async fn send_as_it_is(&mut self, call: Call<'_>) -> Checked<Answer> {
        self.judge_request(&call);
        let grant = self.grant(call.caller).await?;
        let mut request = self
            .api
            .request(call.operation.method(), call.url(&self.place.base_url))
            .bearer_auth(&grant.token)
            .header(ACCEPT, media_type(call.operation));
        if let Some((kind, text)) = call.payload() {
            request = request.header(CONTENT_TYPE, kind).body(text);
        }
        let answer = self.ask(call.operation, request).await?;
        // A stored card must be deleted, even if the response is wrong.
        if call.operation == Operation::CreateCard && matches!(answer.status, 200..=299) {
            self.cards.push(answer.text("/data/id").to_owned());
        }
        let mut found = self.contract.answer_violations(&answer);
        found.extend(secrets::violations(self.contract, &answer, &grant));
        self.violations.extend(found);
        if is_from_the_gateway(answer.status) && !call.of_the_gateway {
            return Err(no_answer(
                call.operation,
                &format!("the application did not answer, but {}", answer.status),
            ));
        }
        Ok(answer)
    }

    /// Sends a request and waits for the response or an interrupt.
    async fn ask(&self, operation: Operation, request: reqwest::RequestBuilder) -> Checked<Answer> {
        let stores = matches!(operation, Operation::CreateCard);
        // A card whose id is not known yet could not be deleted. So only a second interrupt stops a request that stores
        // a card.
        let enough = if stores || self.cleans_up { 2 } else { 1 };
        if self.run.is_interrupted(if self.cleans_up { 2 } else { 1 }) {
            return Err(Stop::Interrupted);
        }
        if self.run.is_out_of_patience() && !self.cleans_up {
            return Err(Stop::Network("not asked: the service has been waited for long enough".to_owned()));
        }
        let start = Instant::now();
        let answer = tokio::select! {
            answer = answer_of(operation, request) => answer,
            () = self.run.interrupted(enough) => Err(Stop::Interrupted),
        };
        self.run.waited(start.elapsed());
        if stores && answer.is_err() {
            self.run.leave("perhaps one whose storing was not answered".to_owned());
        }
        answer
    }

    /// Sends a request. Stops the check unless the response has this status.
    pub(crate) async fn expect(&mut self, call: Call<'_>, status: u16) -> Checked<Answer> {
        self.expect_one_of(call, &[status]).await
    }

    pub(crate) async fn expect_one_of(&mut self, call: Call<'_>, statuses: &[u16]) -> Checked<Answer> {
        let of_the_gateway = statuses.iter().any(|status| is_from_the_gateway(*status));
        let answer = self.send(Call { of_the_gateway, ..call }).await?;
        if statuses.contains(&answer.status) {
            return Ok(answer);
        }
        self.unless_it_was_there(&answer)?;
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
            return Err(Stop::Refused(format!(
                "the token endpoint gave no token for this client id and secret, but {} ({})",
                answer.status,
                masked::known_word(answer.text("/error"))
            )));
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

    /// Sends a request to the token endpoint. A response of a gateway in front of it does not count.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Checked<Answer> {
        let answer = self.ask(Operation::Token, self.tokens.post(&self.place.token_url).form(form)).await?;
        let is_its_own = match answer.status {
            200 => answer.json.as_ref().is_some_and(Value::is_object),
            400 | 401 => answer.at("/error").is_string(),
            _ => false,
        };
        if is_its_own {
            return Ok(answer);
        }
        Err(no_answer(Operation::Token, &format!("no token and no OAuth error, but {}", answer.outline())))
    }

    /// Fetches an access token for the account, to find out whether checks can run.
    pub(crate) async fn can_start(&mut self) -> Checked {
        self.grant(Caller::Main).await.map(drop)
    }

    /// Returns the account's id and secret.
    pub(crate) fn credentials(&self) -> (String, String) {
        (self.place.client_id.clone(), self.place.client_secret.clone())
    }

    /// Stores a test card and returns its id.
    pub(crate) async fn store(&mut self, pan: &str) -> Checked<String> {
        self.store_as(card(pan)).await
    }

    /// Stores a card with this request and returns its id.
    pub(crate) async fn store_as(&mut self, body: Value) -> Checked<String> {
        let answer = self.expect(create(body), 201).await?;
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

    /// Calls an operation that is new in the contract, without a valid access token, so that nothing happens.
    pub(crate) async fn try_unauthorized(&mut self, method: &str, path: &str) -> Checked {
        if self.is_simulated() {
            return skip("not yet in the facade, and the simulator has no route for it");
        }
        let name = format!("{method} {path}");
        let url = format!("{}{}", self.place.base_url, filled(path, UNKNOWN_CARD));
        let Ok(parsed) = method.parse() else { return skip("no check knows its method") };
        let mut request = self.api.request(parsed, url).bearer_auth(UNKNOWN_TOKEN).header(ACCEPT, JSON_API);
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request = request.header(CONTENT_TYPE, JSON_API).body("{}");
        }
        // `GetCard` stands for the new operation. Without a valid access token, the request stores nothing.
        let answer = self.ask(Operation::GetCard, request).await?;
        if is_from_the_gateway(answer.status) {
            return Err(Stop::Network(format!("the application did not answer, but {}", answer.status)));
        }
        if answer.status != 401 {
            self.violations.push(Violation {
                operation: name,
                path: "status".to_owned(),
                expected: "401, without a valid access token".to_owned(),
                came: answer.status.to_string(),
            });
            return Ok(());
        }
        self.violations.extend(self.contract.violations_at(method, path, &name, &answer));
        Ok(())
    }

    /// Skips the check if the account had the card before the run.
    pub(crate) fn unless_it_was_there(&self, answer: &Answer) -> Checked {
        let is_known = self.cards.iter().any(|card| card == answer.text("/data/id"));
        if answer.operation == Operation::CreateCard && answer.status == 303 && !is_known {
            return skip("the account has the test card already, and it is not this check's to change");
        }
        Ok(())
    }

    /// Deletes the cards that this session stored, and notes those that could not be deleted.
    pub(crate) async fn clean_up(&mut self) -> Checked {
        self.cleans_up = true;
        let mut left = 0;
        for id in std::mem::take(&mut self.cards) {
            if !self.delete(&id).await {
                left += 1;
                self.run.leave(masked::id(&id));
            }
        }
        if left == 0 { Ok(()) } else { Err(Stop::Network(format!("{left} test cards could not be deleted"))) }
    }

    async fn delete(&mut self, id: &str) -> bool {
        let Ok(grant) = self.grant(Caller::Main).await else { return false };
        if !is_id(id) {
            return false;
        }
        let url = Call::new(Operation::DeleteCard, id).url(&self.place.base_url);
        let request = self.api.delete(url).bearer_auth(&grant.token).header(ACCEPT, JSON_API);
        let answer = self.ask(Operation::DeleteCard, request).await;
        answer.is_ok_and(|answer| matches!(answer.status, 204 | 404))
    }
}

async fn answer_of(operation: Operation, request: reqwest::RequestBuilder) -> Checked<Answer> {
    let response = request.send().await.map_err(|error| network(operation, error))?;
    Answer::read(operation, response).await
}

/// Returns `true` if an id is safe in a path. With an id such as `..`, a deletion would reach another resource.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A check that is a function.
pub(crate) struct Written {
    pub(crate) name: &'static str,
    pub(crate) set_up: fn(&mut Settings),
    pub(crate) run: for<'s, 'a> fn(&'s mut Session<'a>) -> Boxed<'s, Checked>,
}

/// Leaves a simulator as it is.
pub(crate) fn as_it_is(_: &mut Settings) {}

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
