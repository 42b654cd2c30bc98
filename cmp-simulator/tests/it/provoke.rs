//! The table of statuses, row by row.

use std::collections::BTreeSet;

use cmp_simulator::provoke::{self, How, Row};
use cmp_simulator::{Enrollment, Fault, Operation, Scope, ServiceAccount, Simulator, V1Enrolled, V1Outcome};
use serde_json::json;

use crate::support::{self, ALIAS, Answer, Client, VISA, contract, http, media_type};

#[tokio::test]
async fn every_row_is_true() {
    for row in provoke::table() {
        let answer = provoke(row).await;
        assert_eq!(answer.status, row.status, "{row:?}: {}", String::from_utf8_lossy(&answer.bytes));
    }
}

#[test]
fn the_table_has_every_documented_status_and_no_other() {
    for operation in Operation::cmp().chain(Operation::v1()) {
        let rows = provoke::table().into_iter().filter(|row| row.operation == operation);
        let statuses: BTreeSet<_> = rows.map(|row| row.status).collect();
        assert_eq!(statuses.into_iter().collect::<Vec<_>>(), contract().statuses(operation), "{operation}");
    }
}

#[test]
fn the_documentation_shows_the_table() {
    assert_eq!(include_str!("../../STATUSES.md"), provoke::markdown(), "`cargo xtask spec merge` writes it");
}

async fn provoke(Row { operation, status, how, .. }: Row) -> Answer {
    let poor = ServiceAccount::new("poor", "s")
        .scopes(Scope::ALL.into_iter().filter(|scope| Some(*scope) != operation.scope()));
    let rich = ServiceAccount::default();
    let simulator = Simulator::builder().account(poor.clone()).account(rich.clone()).start().await.unwrap();
    if operation == Operation::Token {
        return token_request(&simulator, how).await;
    }
    if how == How::NoNetworkToken {
        simulator.configure(|settings| settings.enrollment = Enrollment::Manual);
    }
    let client = Client::of(&simulator, &rich, "simulator-client-secret").await;
    let id = match operation {
        Operation::CreateCard | Operation::ProvisionV1NetworkToken => String::new(),
        Operation::GetV1NetworkToken | Operation::DeleteV1NetworkToken => client.enroll(ALIAS).await,
        _ => client.store(VISA).await,
    };
    let sent = provoke::valid_body(operation);
    let with_body = |text: &str, media_type: &str| {
        client.request(operation, &id).header("content-type", media_type).body(text.to_owned())
    };
    match how {
        How::ValidRequest | How::NoNetworkToken => client.send(operation, &id, sent.as_ref()).await,
        How::Subscribed => {
            client.send(Operation::SubscribeToCardUpdates, &id, None).await;
            client.send(operation, &id, None).await
        }
        How::Unsubscribed => {
            client.send(Operation::SubscribeToCardUpdates, &id, None).await;
            client.send(Operation::UnsubscribeFromCardUpdates, &id, None).await.expect(204);
            client.send(operation, &id, None).await
        }
        How::WalletNumber => {
            let id = client.store_of_a_wallet(VISA).await;
            client.send(operation, &id, None).await
        }
        How::StoredNumber => {
            simulator.configure(|settings| settings.duplicate_detection = true);
            client.store(VISA).await;
            client.send(operation, &id, sent.as_ref()).await
        }
        How::BrokenJson => client.finish(operation, with_body("{", media_type(operation))).await,
        How::OtherMediaType => client.finish(operation, with_body("{}", "application/json")).await,
        How::InvalidMember => {
            let wrong =
                json!({ "exp_month": "x", "data": { "attributes": { "exp_month": "x", "amount": "x" } } });
            client.send(operation, &id, Some(&wrong)).await
        }
        How::EnrolledAlias => {
            client.enroll(ALIAS).await;
            client.send(operation, &id, sent.as_ref()).await
        }
        How::AcceptedReading => {
            simulator.configure(|settings| settings.readings.v1_enrolled = V1Enrolled::Accepted);
            client.send(operation, &id, sent.as_ref()).await
        }
        How::DeclinedAlias => {
            simulator.world().v1_outcome(ALIAS, V1Outcome::Declined);
            client.send(operation, &id, sent.as_ref()).await
        }
        How::UnknownAlias => client.send(operation, "nobody", None).await,
        How::UnknownInclude => {
            client.finish(operation, client.request(operation, &format!("{id}?include=x"))).await
        }
        How::NoValidAccessToken => client.with_token("nobody").send(operation, &id, sent.as_ref()).await,
        How::MissingScope => {
            Client::of(&simulator, &poor, "s").await.send(operation, &id, sent.as_ref()).await
        }
        How::UnknownCard => client.send(operation, "CRDnone", sent.as_ref()).await,
        How::TestCard(pan) => client.create(pan).await,
        How::ScriptedStatus => {
            simulator.faults().add(Fault::status(status).on(operation));
            client.send(operation, &id, sent.as_ref()).await
        }
        other => panic!("no way to provoke by {other:?}"),
    }
}

async fn token_request(simulator: &Simulator, how: How) -> Answer {
    let form = match how {
        How::ValidRequest => "grant_type=client_credentials&client_id=poor&client_secret=s",
        How::NoGrantType => "client_id=poor&client_secret=s",
        How::WrongClientSecret => "grant_type=client_credentials&client_id=poor&client_secret=x",
        other => panic!("no token request by {other:?}"),
    };
    support::token(&http(), simulator.url(), form).await
}
