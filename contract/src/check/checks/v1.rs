//! Checks the V1 network token API, on the simulator only.
//!
//! The API has hosts of its own and takes only aliases from a vault. Only on the simulator can a check invent an alias.

use cmp_simulator::{
    Fault, Operation, Settings, V1Enrolled, V1Outcome,
    provoke::{How, Row},
};
use serde_json::{Value, json};

use super::super::{
    answer::{Answer, Body, Call, Caller},
    contract::is_from_the_gateway,
    outcome::{Checked, Stop, skip},
    session::Session,
};

/// The alias of the published sample request.
const ALIAS: &str = "5573495XKjDP28V7312";
const UNKNOWN_ALIAS: &str = "nobody";
const ENROLL: Operation = Operation::ProvisionV1NetworkToken;

pub(super) fn accepted(settings: &mut Settings) {
    settings.readings.v1_enrolled = V1Enrolled::Accepted;
}

fn enrollment() -> Value {
    json!({"pan_alias": ALIAS, "exp_month": 7, "exp_year": 24})
}

pub(super) fn enroll(body: Value) -> Call<'static> {
    Call::new(ENROLL, "").valid(body)
}

pub(super) async fn check(session: &mut Session<'_>, row: Row) -> Checked {
    let answer = provoke(session, row).await?;
    if answer.status == row.status {
        return Ok(());
    }
    session.note(row.operation, "status", row.status.to_string(), answer.status.to_string());
    Err(Stop::Broken)
}

async fn provoke(session: &mut Session<'_>, row: Row) -> Checked<Answer> {
    let Row { operation, status, how, .. } = row;
    session.simulator()?;
    if operation != ENROLL || how == How::EnrolledAlias {
        session.expect(enroll(enrollment()), 201).await?;
    }
    let valid = if operation == ENROLL { enroll(enrollment()) } else { Call::new(operation, ALIAS) };
    let call = match how {
        How::ValidRequest | How::EnrolledAlias | How::AcceptedReading => valid,
        How::UnknownAlias => Call::new(operation, UNKNOWN_ALIAS),
        How::DeclinedAlias => {
            session.simulator()?.world().v1_outcome(ALIAS, V1Outcome::Declined);
            valid
        }
        How::BrokenJson => valid.body(Body::Raw("application/json", "{".to_owned())),
        How::InvalidMember => {
            valid.body(Body::Invalid(json!({"pan_alias": ALIAS, "exp_month": "x", "exp_year": 24})))
        }
        How::NoValidAccessToken => valid.by(Caller::Nobody),
        How::MissingScope => valid.by(operation.scope().map_or(Caller::Nobody, Caller::Without)),
        How::ScriptedStatus => {
            session.simulator()?.faults().add(Fault::status(status).on(operation).times(1));
            valid
        }
        _ => return skip("no check knows how to provoke it"),
    };
    session.send(Call { of_the_gateway: is_from_the_gateway(status), ..call }).await
}

/// Returns a response with status 401, which only a correction lists.
pub(super) async fn unauthorized(session: &mut Session<'_>) -> Checked<Answer> {
    session.simulator()?;
    session.send(enroll(enrollment()).by(Caller::Nobody)).await
}

pub(super) async fn enrolled(session: &mut Session<'_>) -> Checked<Answer> {
    session.simulator()?;
    session.expect_one_of(enroll(enrollment()), &[201, 202]).await
}
