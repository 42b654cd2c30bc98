//! The V1 client: its samples, headers, errors and retries.

use cmp::{
    Delivery, Error, ErrorKind, Expiry,
    auth::AccessToken,
    clock::ManualClock,
    error::{ErrorCode, StopReason},
    http::Proxy,
    network_tokens::NetworkTokenState,
    operation::{Operation, RetryClass},
    v1::{Client, ClientBuilder, Environment, NetworkToken, NewEnrollment, PanAlias},
};
use cmp_simulator::{Fault, Operation as Simulated, Simulator, V1Outcome};
use httpmock::{Method, MockServer};
use serde_json::{Value, json};

const REQUEST: &str = include_str!("../../../openapi/examples/v1-provision-request.json");
const PROVISIONED: &str = include_str!("../../../openapi/examples/v1-provision-answer.json");
const GOT: &str = include_str!("../../../openapi/examples/v1-get-answer.json");
const DELETED: &str = include_str!("../../../openapi/examples/v1-delete-answer.json");
const SAMPLE: &str = "9914040119524512000";

pub(crate) fn builder(url: &str) -> ClientBuilder {
    let environment = Environment::custom(url, format!("{url}/token")).unwrap();
    Client::builder(environment)
        .access_token(AccessToken::new("test-token").unwrap())
        .clock(ManualClock::new())
        .randomness(|| 1.0)
}

/// A client of the simulator with its service account.
pub(crate) fn simulated(simulator: &Simulator, clock: &ManualClock) -> Client {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let builder = Client::builder(environment).service_account(account);
    builder.clock(clock.clone()).randomness(|| 1.0).build().unwrap()
}

pub(crate) fn alias() -> PanAlias {
    PanAlias::new("5573495XKjDP28V7312").unwrap()
}

pub(crate) fn enrollment() -> NewEnrollment {
    NewEnrollment::new(alias(), Expiry::new(7, 2024).unwrap())
}

/// Answers every request with `status` and `body`.
async fn always(status: u16, media_type: &str, body: &str) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(status).header("content-type", media_type).body(body);
        })
        .await;
    let client = builder(&server.base_url()).build().unwrap();
    (server, client)
}

async fn got(body: &Value) -> NetworkToken {
    let (_server, v1) = always(200, "application/json", &body.to_string()).await;
    v1.get(&alias()).await.unwrap()
}

fn assert_sample(token: &NetworkToken) {
    assert_eq!(token.alias, PanAlias::new(SAMPLE).ok());
    assert_eq!((token.last4.as_deref(), &token.state), (Some("2345"), &NetworkTokenState::Active));
    assert_eq!(token.expiry, Expiry::new(12, 2023).ok());
    let at = "2019-05-15T12:30:45Z".parse().ok();
    assert_eq!((token.created_at, token.updated_at), (at, at));
    assert!(token.is_usable());
    let card = token.card.as_ref().unwrap();
    assert_eq!((card.last4.as_deref(), card.bin.as_deref()), (Some("0010"), Some("489537")));
    assert_eq!(card.expiry, token.expiry);
    let holder = card.holder.as_ref().unwrap();
    assert_eq!(holder.name.as_deref(), Some("Jane Doe"));
    assert_eq!(holder.email.as_deref(), Some("[email protected]"));
    assert_eq!(holder.phone.as_deref(), Some("+1415-123-4567"));
    let address = holder.billing_address.as_ref().unwrap();
    for (part, expected) in [
        (&address.name, "John Doe"),
        (&address.company, "John Doe Company"),
        (&address.line1, "555 Unblock Us St"),
        (&address.line2, "M13 9PL"),
        (&address.city, "New York"),
        (&address.region, "CA"),
        (&address.country, "US"),
        (&address.postal_code, "12301"),
        (&address.phone, "+14842634673"),
    ] {
        assert_eq!(part.as_deref(), Some(expected));
    }
    let shown = format!("{token:?}");
    assert!(!shown.contains("Jane") && !shown.contains("John") && shown.contains("Holder"), "{shown}");
}

#[test]
fn the_hosts_are_the_contracts_and_the_token_endpoint_is_cmps() {
    let fragment: Value =
        serde_json::from_str(include_str!("../../../openapi/fragments/post-network-tokens.json")).unwrap();
    let hosts: Vec<_> = fragment["servers"].as_array().unwrap().iter().map(|server| &server["url"]).collect();
    assert_eq!(hosts, [Environment::Sandbox.api_url(), Environment::Live.api_url()]);
    assert_eq!(Environment::Live.token_url(), cmp::Environment::Live.token_url());
}

#[tokio::test]
async fn enrolling_sends_the_sample_and_reads_the_sample() {
    for status in [200, 201, 202] {
        let server = MockServer::start_async().await;
        let mock = server
            .mock_async(|when, then| {
                when.method(Method::POST)
                    .path("/network-tokens")
                    .header("authorization", "Bearer test-token")
                    .header("content-type", "application/json")
                    .header("accept", "application/json")
                    .header("calm-tenant", "tntabc123")
                    .header("calm-merchant", "MC123")
                    .header_missing("vgs-vault")
                    .header_missing("api-version")
                    .json_body(serde_json::from_str::<Value>(REQUEST).unwrap());
                then.status(status).header("content-type", "application/json").body(PROVISIONED);
            })
            .await;
        let v1 = builder(&server.base_url()).tenant("tntabc123").merchant("MC123").build().unwrap();
        assert_sample(&v1.enroll(enrollment()).await.unwrap());
        mock.assert_async().await;
    }
}

#[tokio::test]
async fn getting_reads_the_sample() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.method(Method::GET)
                .path("/network-tokens/5573495XKjDP28V7312")
                .header("accept", "application/json")
                .header_missing("calm-tenant")
                .header_missing("content-type");
            then.status(200).header("content-type", "application/json").body(GOT);
        })
        .await;
    let v1 = builder(&server.base_url()).build().unwrap();
    assert_sample(&v1.get(&alias()).await.unwrap());
    mock.assert_async().await;
}

#[tokio::test]
async fn deleting_reads_the_sample() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.method(Method::DELETE).path("/network-tokens/5573495XKjDP28V7312");
            then.status(200).header("content-type", "application/json").body(DELETED);
        })
        .await;
    let v1 = builder(&server.base_url()).build().unwrap();
    let token = v1.delete(&alias()).await.unwrap().unwrap();
    assert_eq!((&token.state, token.expiry), (&NetworkTokenState::Deleted, Expiry::new(1, 2027).ok()));
    assert!(!token.is_usable());
    let card = token.card.as_ref().unwrap();
    assert_eq!((card.last4.as_deref(), card.bin.as_deref()), (Some("1234"), Some("123456")));
    assert_eq!((card.expiry, &card.holder), (token.expiry, &None));
    mock.assert_async().await;
}

#[tokio::test]
async fn answers_are_read_leniently() {
    let token = got(&json!({
        "pan_alias": 9_914_040_119_524_512_000_u64, "network_token_last4": 42, "state": "Frozen",
        "created_at": "2025-01-17T12:53:17.94829", "updated_at": null, "expires_at": "12/27", "later": {},
        "card": { "last4": 7, "bin": 489_537, "holder_info": { "number": null, "billing_address": null } }
    }))
    .await;
    assert_eq!(token.alias, PanAlias::new(SAMPLE).ok());
    assert_eq!((token.last4.as_deref(), token.expiry), (Some("0042"), None));
    assert_eq!(token.state, NetworkTokenState::Other("Frozen".to_owned()));
    assert_eq!(token.created_at, "2025-01-17T12:53:17.948290Z".parse().ok());
    let card = token.card.unwrap();
    assert_eq!((card.last4.as_deref(), card.bin.as_deref()), (Some("0007"), Some("489537")));
    assert!(card.holder.unwrap().billing_address.is_none());

    let nothing = got(&json!({ "card": null })).await;
    assert_eq!(nothing.state, NetworkTokenState::Other(String::new()));
    assert!(nothing.alias.is_none() && nothing.card.is_none() && !nothing.is_usable());
    assert!(!got(&json!({ "state": "CARD_UPDATED" })).await.is_usable(), "V1 knows one usable state");
}

async fn refused(status: u16, code: &str) -> Error {
    let body = json!({ "errors": [{ "code": code, "detail": "Alias 5573495XKjDP28V7312 is refused." }] });
    let (_server, v1) = always(status, "application/json", &body.to_string()).await;
    v1.enroll(enrollment()).await.unwrap_err()
}

#[tokio::test]
async fn every_error_code_is_read() {
    use ErrorCode::{
        CardBrandNotSupported, CardNotAllowed, Declined, InvalidFormat, Rejected, RequiredFieldsMissing,
    };
    for (status, text, code, is_declined) in [
        (404, "declined", Declined, true),
        (422, "card-not-allowed", CardNotAllowed, true),
        (422, "card-brand-not-supported", CardBrandNotSupported, true),
        (422, "rejected", Rejected, true),
        (422, "required-fields-missing", RequiredFieldsMissing, false),
        (422, "invalid-format", InvalidFormat, false),
    ] {
        let error = refused(status, text).await;
        assert_eq!((error.status(), error.code()), (Some(status), Some(&code)));
        assert_eq!((error.is_declined(), error.is_invalid_request()), (is_declined, !is_declined), "{text}");
        assert!(!error.is_not_found() && !error.is_retryable(), "{text}");
        assert_eq!(error.details()[0].detail(), Some("Alias *** is refused."));
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(text) && !shown.contains("5573495"), "{shown}");
        assert_eq!((error.operation(), error.attempts()), (Some(Operation::ProvisionV1NetworkToken), 1));
    }
    assert_eq!(refused(422, "to-come").await.code(), Some(&ErrorCode::Other("to-come".to_owned())));
}

#[tokio::test]
async fn the_simulators_refusals_arrive() {
    let simulator = Simulator::start().await.unwrap();
    let v1 = simulated(&simulator, &ManualClock::new());
    for (outcome, code) in [
        (V1Outcome::Declined, ErrorCode::Declined),
        (V1Outcome::CardNotAllowed, ErrorCode::CardNotAllowed),
        (V1Outcome::CardBrandNotSupported, ErrorCode::CardBrandNotSupported),
        (V1Outcome::Rejected, ErrorCode::Rejected),
    ] {
        simulator.world().v1_outcome(alias().as_str(), outcome);
        let error = v1.enroll(enrollment()).await.unwrap_err();
        assert_eq!(error.code(), Some(&code));
        assert!(error.is_declined());
    }
    for error in [v1.get(&alias()).await.unwrap_err(), v1.delete(&alias()).await.unwrap_err()] {
        assert!(error.is_not_found() && !error.is_declined());
    }
}

#[tokio::test]
async fn other_errors_keep_their_status() {
    for (media_type, body) in [("text/html", "<html>"), ("application/json", ""), ("application/json", "[1]")]
    {
        let (_server, v1) = always(400, media_type, body).await;
        let error = v1.enroll(enrollment()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(400), None));
        assert!(error.is_invalid_request());
    }
    let (_server, v1) = always(200, "application/json", r#"{"pan_alias":{"4111111111111111":1}}"#).await;
    assert_eq!(v1.get(&alias()).await.unwrap().alias, None);
    for body in ["[]", "null", "7", "<html>", "[4111111111111111]"] {
        let (_server, v1) = always(200, "application/json", body).await;
        let error = v1.get(&alias()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, Some(200)));
        assert!(!error.to_string().contains("4111"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let account = cmp_simulator::ServiceAccount::new("poor", "s").scopes([cmp_simulator::Scope::CardsRead]);
    let simulator = Simulator::builder().account(account).start().await.unwrap();
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new("poor", "s");
    let v1 = Client::builder(environment).service_account(account).build().unwrap();
    let error = v1.enroll(enrollment()).await.unwrap_err();
    assert!(error.is_forbidden() && error.to_string().contains("network-tokens:write"), "{error}");
    let error = v1.get(&alias()).await.unwrap_err();
    assert!(error.is_forbidden() && error.to_string().contains("network-tokens:read"), "{error}");
}

#[tokio::test]
async fn an_enrollment_whose_answer_was_lost_is_not_repeated() {
    let simulator = Simulator::start().await.unwrap();
    let v1 = simulated(&simulator, &ManualClock::new());
    for fault in [Fault::lost_answer(), Fault::status(504), Fault::status(500)] {
        simulator.forget_requests();
        simulator.faults().add(fault.on(Simulated::ProvisionV1NetworkToken).times(1));
        let error = v1.enroll(enrollment()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown);
        assert!(error.next_step().unwrap().contains("get its network token") && !error.is_retryable());
        assert_eq!(simulator.count(Simulated::ProvisionV1NetworkToken), 1);
    }
    assert_eq!(Operation::ProvisionV1NetworkToken.retry_class(), RetryClass::Unsafe);
    assert!(v1.get(&alias()).await.unwrap().is_usable(), "as the next step says");
}

#[tokio::test]
async fn what_is_safe_to_repeat_is_repeated() {
    let simulator = Simulator::start().await.unwrap();
    let v1 = simulated(&simulator, &ManualClock::new());
    simulator.faults().add(Fault::status(503).on(Simulated::ProvisionV1NetworkToken).times(1));
    v1.enroll(enrollment()).await.unwrap();
    assert_eq!(simulator.count(Simulated::ProvisionV1NetworkToken), 2);
    simulator.faults().add(Fault::dropped().on(Simulated::GetV1NetworkToken).times(1));
    v1.get(&alias()).await.unwrap();
    simulator.faults().add(Fault::lost_answer().on(Simulated::DeleteV1NetworkToken).times(1));
    let token = v1.delete(&alias()).await.unwrap().unwrap();
    assert_eq!(token.state, NetworkTokenState::Deleted);
    simulator.world().revoke_access_tokens();
    v1.get(&alias()).await.unwrap();
    assert_eq!(simulator.tokens_minted(), 2, "a 401 costs one token");

    simulator.faults().add(Fault::status(500).on(Simulated::GetV1NetworkToken).times(1));
    let error = v1.get(&alias()).await.unwrap_err();
    assert_eq!(error.stopped_because(), Some(StopReason::NotTransient));
}

#[tokio::test]
async fn not_found_after_a_lost_answer_means_deleted() {
    let simulator = Simulator::start().await.unwrap();
    let v1 = simulated(&simulator, &ManualClock::new());
    v1.enroll(enrollment()).await.unwrap();
    simulator.faults().extend([
        Fault::lost_answer().on(Simulated::DeleteV1NetworkToken).times(1),
        Fault::status(404).on(Simulated::DeleteV1NetworkToken).times(1),
    ]);
    assert!(v1.delete(&alias()).await.unwrap().is_none());
    assert_eq!(
        simulator.v1_token(alias().as_str()).unwrap().state,
        Some(cmp_simulator::NetworkTokenState::Deleted)
    );
}

#[tokio::test]
async fn nothing_that_prints_shows_an_alias_or_a_holder() {
    let token = got(&serde_json::from_str(GOT).unwrap()).await;
    let strange = got(&json!({"state": format!("stuck at {SAMPLE}")})).await;
    let shown = format!("{token:?} {strange:?} {:?} {:?}", enrollment(), alias());
    for personal in [SAMPLE, "5573495", "Doe", "Unblock", "1415", "protected", "12301"] {
        assert!(!shown.contains(personal), "{personal} in {shown}");
    }
}

#[tokio::test]
async fn requests_go_through_the_vaults_proxy() {
    let simulator = Simulator::start().await.unwrap();
    let nowhere = builder("http://127.0.0.1:9");
    let proxy = Proxy::new(simulator.url()).credentials("vault-user", "vault-password");
    let v1 = nowhere.proxy(proxy).build().unwrap();
    let error = v1.get(&alias()).await.unwrap_err();
    assert!(error.is_unauthorized(), "the proxy answered, and knows no such token: {error}");
    let received = simulator.requests();
    assert_eq!(received[0].operation, Some(Simulated::GetV1NetworkToken));
    assert_eq!(received[0].header("host"), Some("127.0.0.1:9"));
    assert_eq!(received[0].header("proxy-authorization"), Some("Basic ****"));
}

#[tokio::test]
async fn the_raw_client_is_at_hand() {
    let (_server, v1) = always(200, "application/json", GOT).await;
    let raw = v1
        .raw()
        .call(Operation::GetV1NetworkToken, |client| async move { client.get_v1_network_token("a").await })
        .await
        .unwrap();
    assert_eq!(raw.expires_at.as_ref().map(cmp_generated::scalar::Text::as_str), Some("2023-12"));
}
