//! Checks every documented status of every operation. `cmp_simulator::provoke` says how to provoke each one.

use cmp_simulator::{
    Enrollment, Fault, Operation, Settings,
    provoke::{self, How, Row},
};
use serde_json::{Value, json};

use super::{
    super::{
        answer::{Answer, Body, Call, Caller, JSON_API, no_answer},
        contract::is_from_the_gateway,
        outcome::{Checked, Stop, skip},
        session::{Session, TEST_CARD, as_it_is, attributes, card, create},
    },
    v1,
};

/// The error codes of each status in the documentation's table.
const CODES: &[(u16, &[&str])] = &[
    (400, &["bad-request"]),
    (401, &["unauthorized"]),
    (415, &["unsupported-media-type"]),
    (422, &["missing-required-field", "validation-failed", "failed-dependency"]),
    (424, &["failed-dependency"]),
    (500, &["server-error"]),
];

pub(super) fn rows() -> impl Iterator<Item = Row> {
    provoke::table().into_iter()
}

pub(super) fn set_up(row: Row) -> fn(&mut Settings) {
    match row.how {
        How::NoNetworkToken => |settings| settings.enrollment = Enrollment::Manual,
        How::AcceptedReading => v1::accepted,
        _ => as_it_is,
    }
}

pub(super) async fn check(session: &mut Session<'_>, row: Row) -> Checked {
    if row.operation == Operation::Token {
        return token(session, row).await;
    }
    if row.operation.is_v1() {
        return v1::check(session, row).await;
    }
    let answer = provoke(session, row).await?;
    if row.how == How::StoredNumber && answer.status == 201 && !session.is_simulated() {
        return skip("the account doesn't detect duplicates");
    }
    if answer.status != row.status {
        session.unless_it_was_there(&answer)?;
        if is_from_the_gateway(answer.status) {
            return Err(no_answer(
                row.operation,
                &format!("the application did not answer, but {}", answer.status),
            ));
        }
        session.note(row.operation, "status", row.status.to_string(), answer.status.to_string());
        return Err(Stop::Broken);
    }
    check_code(session, &answer);
    Ok(())
}

fn check_code(session: &mut Session<'_>, answer: &Answer) {
    let Some((_, codes)) = CODES.iter().find(|(status, _)| *status == answer.status) else { return };
    let code = answer.text("/errors/0/error_code");
    if !codes.contains(&code) {
        let came = super::super::masked::describe(answer.at("/errors/0/error_code"));
        session.note(answer.operation, "/errors/0/error_code", codes.join(" or "), came);
    }
}

async fn provoke(session: &mut Session<'_>, row: Row) -> Checked<Answer> {
    let Row { operation, status, how, .. } = row;
    let of_the_gateway = is_from_the_gateway(status);
    let stored = match how {
        How::NoNetworkToken | How::UnknownInclude | How::ScriptedStatus => {
            session.simulator()?;
            session.store(TEST_CARD).await?
        }
        How::TestCard(pan) => return session.send(Call { of_the_gateway, ..create(card(pan)) }).await,
        How::Subscribed | How::Unsubscribed => {
            let id = session.store(TEST_CARD).await?;
            session.send(Call::new(Operation::SubscribeToCardUpdates, &id)).await?;
            if how == How::Unsubscribed {
                session.send(Call::new(Operation::UnsubscribeFromCardUpdates, &id)).await?;
            }
            id
        }
        // The refusal of a wallet's number is only inferred, so the check runs on the simulator alone.
        How::WalletNumber => {
            session.simulator()?;
            let mut body = card(TEST_CARD);
            body["data"]["attributes"]["token_type"] = json!("dpan");
            body["data"]["attributes"]["wallet_type"] = json!("apple_pay");
            session.store_as(body).await?
        }
        How::UnknownCard => "CRDnone".to_owned(),
        How::StoredNumber => {
            session.store(TEST_CARD).await?;
            String::new()
        }
        _ if operation == Operation::CreateCard => String::new(),
        _ => session.store_with_token().await?,
    };
    let valid = Call::new(operation, &stored).body(valid_body(operation));
    let call = match how {
        How::BrokenJson => valid.body(Body::Raw(JSON_API, "{".to_owned())),
        How::OtherMediaType => {
            let document = json!({"data": {"attributes": {}}});
            valid.body(Body::Raw("application/json", document.to_string()))
        }
        How::InvalidMember => valid.body(Body::Invalid(attributes(json!({"exp_month": "x", "amount": "x"})))),
        How::UnknownInclude => valid.query("?include=x"),
        How::NoValidAccessToken => valid.by(Caller::Nobody),
        How::MissingScope => valid.by(operation.scope().map_or(Caller::Nobody, Caller::Without)),
        How::ScriptedStatus => {
            session.simulator()?.faults().add(Fault::status(status).on(operation).times(1));
            valid
        }
        How::ValidRequest
        | How::NoNetworkToken
        | How::StoredNumber
        | How::Subscribed
        | How::Unsubscribed
        | How::WalletNumber
        | How::UnknownCard => valid,
        _ => return skip("no check knows how to provoke it"),
    };
    session.send(Call { of_the_gateway, ..call }).await
}

fn valid_body(operation: Operation) -> Body {
    match operation {
        Operation::CreateCard => Body::Valid(card(TEST_CARD)),
        _ => provoke::valid_body(operation).map_or(Body::None, Body::Valid),
    }
}

/// A pointer into a response, and the condition for the value there.
type Member = (&'static str, fn(&Value) -> bool);

/// Checks the token endpoint against RFC 6749, sections 5.1 and 5.2, because the documents do not contain it.
async fn token(session: &mut Session<'_>, row: Row) -> Checked {
    let (id, secret) = session.credentials();
    let grant = ("grant_type", "client_credentials");
    let answer = match row.how {
        How::ValidRequest => session.token(&[grant, ("client_id", &id), ("client_secret", &secret)]).await?,
        How::NoGrantType => session.token(&[("client_id", &id), ("client_secret", &secret)]).await?,
        How::WrongClientSecret => {
            session.token(&[grant, ("client_id", &id), ("client_secret", "wrong")]).await?
        }
        _ => return skip("no check knows how to provoke it"),
    };
    // The section leaves it open which of the two an error has.
    if answer.status != row.status && (row.status == 200 || answer.status == 200) {
        session.note(row.operation, "status", row.status.to_string(), answer.status.to_string());
        return Err(Stop::Broken);
    }
    let required: &[Member] = if row.status == 200 {
        &[
            ("/access_token", Value::is_string),
            ("/token_type", Value::is_string),
            ("/expires_in", Value::is_u64),
        ]
    } else {
        &[("/error", Value::is_string)]
    };
    for (path, is_right) in required {
        if !is_right(answer.at(path)) {
            let came = super::super::masked::describe(answer.at(path));
            session.note(row.operation, path, "as RFC 6749 says", came);
        }
    }
    Ok(())
}
