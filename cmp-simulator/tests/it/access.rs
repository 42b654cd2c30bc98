//! Access tokens, scopes, and what they decide.

use std::time::Duration;

use base64::Engine as _;
use cmp_simulator::provoke::{self, How};
use cmp_simulator::{Operation, Scope, ServiceAccount, Settings, Simulator};

use crate::support::{self, Client, VISA, http, included};
use crate::webhooks::{Receiver, SECRET};

#[tokio::test]
async fn the_token_endpoint_speaks_oauth() {
    let simulator = Simulator::start().await.unwrap();
    let http = http();
    let (id, secret) = (simulator.client_id(), simulator.client_secret());
    let granted = support::token(
        &http,
        simulator.url(),
        &format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"),
    )
    .await
    .expect(200);
    assert_eq!(granted.json()["expires_in"], 1200);
    assert_eq!(granted.json()["token_type"], "Bearer");
    assert_eq!(granted.header("cache-control"), Some("no-store"));

    let cases = [
        (format!("grant_type=client_credentials&client_id={id}&client_secret=no"), 401, "invalid_client"),
        (format!("client_id={id}&client_secret={secret}"), 400, "invalid_request"),
        (format!("grant_type=password&client_id={id}&client_secret={secret}"), 400, "unsupported_grant_type"),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=cards:admin"),
            400,
            "invalid_scope",
        ),
    ];
    for (form, status, error) in cases {
        let refused = support::token(&http, simulator.url(), &form).await.expect(status).json();
        assert_eq!(refused["error"], error);
        assert!(refused["error_description"].is_string());
    }
    assert_eq!(simulator.tokens_minted(), 1);
    assert_eq!(simulator.count(Operation::Token), 5);

    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let by_header = http
        .post(simulator.token_url())
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=cards:read");
    let granted = by_header.send().await.unwrap();
    assert_eq!(granted.status(), 200);
}

#[tokio::test]
async fn without_a_valid_token_every_operation_is_refused() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    for operation in Operation::cmp() {
        let refused = client.with_token("nobody").send(operation, &id, None).await.expect(401);
        assert_eq!(refused.error_code(), "unauthorized", "{operation}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    let no_header = client.http.get(format!("{}/cards/{id}", simulator.url()));
    client.finish(Operation::GetCard, no_header).await.expect(401);
}

#[tokio::test]
async fn access_tokens_expire_and_can_be_revoked() {
    let account = ServiceAccount::new("short", "short-secret").token_lifetime_seconds(600);
    let simulator = Simulator::builder().account(account.clone()).start().await.unwrap();
    let client = Client::of(&simulator, &account, "short-secret").await;
    let id = client.store(VISA).await;
    simulator.world().advance_clock(Duration::from_secs(500));
    client.get(&id).await.expect(200);
    simulator.world().advance_clock(Duration::from_secs(100));
    client.get(&id).await.expect(401);

    let client = Client::new(&simulator).await;
    client.get(&id).await.expect(200);
    simulator.world().revoke_access_tokens();
    client.get(&id).await.expect(401);
}

#[tokio::test]
async fn every_operation_has_its_scope() {
    for operation in Operation::cmp() {
        let needed = operation.scope().unwrap();
        let accounts = [
            ServiceAccount::new("with", "s").scopes([needed]),
            ServiceAccount::new("without", "s")
                .scopes(Scope::ALL.into_iter().filter(|scope| *scope != needed)),
        ];
        let builder = accounts
            .iter()
            .cloned()
            .fold(Simulator::builder().account(ServiceAccount::new("all", "s")), |builder, account| {
                builder.account(account)
            });
        let simulator = builder.start().await.unwrap();
        let all = Client::of(&simulator, &ServiceAccount::new("all", "s"), "s").await;
        let id = all.store(VISA).await;
        let succeeds = provoke::table().into_iter().find(|row| row.operation == operation).unwrap();
        if succeeds.how == How::Subscribed {
            all.send(Operation::SubscribeToCardUpdates, &id, None).await.expect(201);
        }
        let body = provoke::valid_body(operation);
        let without = Client::of(&simulator, &accounts[1], "s").await;
        let refused = without.send(operation, &id, body.as_ref()).await.expect(403).json();
        assert_eq!(refused["errors"][0]["status"], 403, "the other form of a 403");
        let with = Client::of(&simulator, &accounts[0], "s").await;
        let answer = with.send(operation, &id, body.as_ref()).await;
        assert!(answer.status < 300, "{operation}: {}", answer.status);
    }
}

#[tokio::test]
async fn card_data_needs_its_own_scope() {
    let account = ServiceAccount::new("no-pci", "s").scopes([Scope::CardsRead, Scope::CardsWrite]);
    let simulator =
        Simulator::builder().account_updater(true).account(account.clone()).start().await.unwrap();
    let client = Client::of(&simulator, &account, "s").await;
    let created = client.create(VISA).await.expect(201);
    assert!(!String::from_utf8_lossy(&created.bytes).contains(VISA));
    simulator.world().update_card(&created.id()).unwrap();
    let shown = client.get(&created.id()).await.expect(200).json();
    let attributes = &shown["data"]["attributes"];
    assert_eq!((attributes.get("pan"), attributes.get("cvc")), (None, None));
    assert!(attributes["pan_alias"].is_string() && attributes["cvc_alias"].is_string());
    let update = &included(&shown, "card_updates")[0]["attributes"]["updated_values"][0];
    assert_eq!(update["old_value"], attributes["pan_alias"]);
}

#[tokio::test]
async fn the_first_named_account_replaces_the_default_one() {
    let other = || ServiceAccount::new("AC-other", "other-secret");
    let default = ServiceAccount::default;
    let given = Settings::default();
    for (builder, expected) in [
        (Simulator::builder(), vec![default()]),
        (Simulator::builder().account(other()), vec![other()]),
        (Simulator::builder().account(default()), vec![default()]),
        (Simulator::builder().account(default()).account(other()), vec![default(), other()]),
        (Simulator::builder().account(other()).account(default()), vec![other(), default()]),
        (Simulator::builder().account(other()).settings(given.clone()), vec![default()]),
        (Simulator::builder().account(default()).settings(given).account(other()), vec![other()]),
    ] {
        let simulator = builder.start().await.unwrap();
        assert_eq!(simulator.settings().accounts, expected);
        assert_eq!(simulator.client_id(), expected[0].client_id());
    }
}

#[tokio::test]
async fn without_an_account_nothing_starts() {
    let settings: Settings = serde_json::from_str(r#"{ "accounts": [] }"#).unwrap();
    let refused = Simulator::builder().settings(settings).start().await.unwrap_err();
    assert_eq!(refused.to_string(), "the settings have no account: leave `accounts` out, or name one");
}

#[tokio::test]
async fn the_clock_goes_a_thousand_years_ahead_at_most() {
    let receiver = Receiver::start().await;
    let simulator =
        Simulator::builder().webhook(receiver.url.as_str(), SECRET).unwrap().start().await.unwrap();
    for by in [Duration::MAX, Duration::from_secs(1), Duration::MAX] {
        simulator.world().advance_clock(by);
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        let created = client.get(&id).await.expect(200).json()["data"]["attributes"]["created_at"].clone();
        assert!(created.as_str().unwrap().starts_with("30"), "{created}");
        simulator.webhooks().settled().await;
        assert_eq!(receiver.take().len(), 1);
    }
}
