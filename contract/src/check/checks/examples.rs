//! Checks the examples that VGS publishes (`openapi/examples`).
//!
//! Each example must fit the contract. The service must accept the published requests, and send responses like the
//! published ones.

use anyhow::Context;
use cmp_simulator::{Enrollment, Operation, Readings, Settings};
use serde_json::{Value, json};

use super::super::{
    answer::{Answer, Body, Call},
    masked::describe,
    outcome::{Checked, Stop},
    session::{Session, TEST_CARD, as_it_is, attributes, create},
};

pub(crate) struct Example {
    pub(crate) file: &'static str,
    pub(crate) operation: Operation,
    pub(super) set_up: fn(&mut Settings),
    kind: Kind,
    text: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Request,
    Answer(u16),
    /// A response that the simulator has no reason to send, such as one with somebody's address. Only the contract is
    /// checked.
    Sample(u16),
}

macro_rules! example {
    ($file:literal, $operation:expr, $kind:expr, $set_up:expr) => {
        Example {
            file: $file,
            operation: $operation,
            set_up: $set_up,
            kind: $kind,
            text: include_str!(concat!("../../../../openapi/examples/", $file, ".json")),
        }
    };
}

pub(crate) const EXAMPLES: &[Example] = &[
    example!("card-answer", Operation::GetCard, Kind::Answer(200), with_included_in_data),
    example!("provision-answer", Operation::ProvisionNetworkToken, Kind::Answer(201), as_sampled_by_hand),
    example!("cryptogram-request", Operation::RequestCryptogram, Kind::Request, as_it_is),
    example!("cryptogram-answer", Operation::RequestCryptogram, Kind::Answer(200), with_naive_times),
    example!("v1-provision-request", Operation::ProvisionV1NetworkToken, Kind::Request, as_it_is),
    example!("v1-provision-answer", Operation::ProvisionV1NetworkToken, Kind::Sample(201), as_it_is),
    example!("v1-get-answer", Operation::GetV1NetworkToken, Kind::Sample(200), as_it_is),
    example!("v1-delete-answer", Operation::DeleteV1NetworkToken, Kind::Sample(200), as_it_is),
];

fn with_included_in_data(settings: &mut Settings) {
    settings.readings.included = cmp_simulator::IncludedPlace::InData;
}

fn as_sampled(settings: &mut Settings) {
    settings.readings = Readings::as_sampled();
}

fn as_sampled_by_hand(settings: &mut Settings) {
    as_sampled(settings);
    settings.enrollment = Enrollment::Manual;
}

fn with_naive_times(settings: &mut Settings) {
    settings.readings.times = cmp_simulator::Times::Naive;
}

impl Example {
    pub(super) async fn check(&self, session: &mut Session<'_>) -> Checked {
        let parsed = serde_json::from_str(self.text).with_context(|| self.file.to_owned());
        let example: Value = parsed.map_err(|error| Stop::Skipped(format!("{error:#}")))?;
        match self.kind {
            Kind::Request => self.send(session, example).await,
            Kind::Sample(status) => {
                self.fits(session, &example, status);
                Ok(())
            }
            Kind::Answer(status) => {
                self.fits(session, &example, status);
                self.compare(session, &example, status).await
            }
        }
    }

    fn fits(&self, session: &mut Session<'_>, example: &Value, status: u16) {
        let published = Answer::published(self.operation, status, example);
        for violation in session.contract.answer_violations(&published) {
            let path = format!("example{}", violation.path);
            session.note(self.operation, &path, violation.expected, violation.came);
        }
    }

    async fn send(&self, session: &mut Session<'_>, example: Value) -> Checked {
        if self.operation.is_v1() {
            session.simulator()?;
            return session.expect(super::v1::enroll(example), 201).await.map(drop);
        }
        let id = session.store_with_token().await?;
        session.expect(Call::new(self.operation, &id).valid(example), 200).await.map(drop)
    }

    /// Compares the service's response with the example. Runs only on the simulator, where a check decides what an
    /// optional member contains.
    async fn compare(&self, session: &mut Session<'_>, example: &Value, status: u16) -> Checked {
        if !session.is_simulated() {
            return Ok(());
        }
        let pan = example["data"]["attributes"]["pan"].as_str().unwrap_or(TEST_CARD);
        let mut body = attributes(json!({"pan": pan, "cvc": "123", "exp_month": 12, "exp_year": 35}));
        if example["data"]["meta"].is_object() {
            body["data"]["meta"] = example["data"]["meta"].clone();
        }
        let id = session.expect(create(body), 201).await?.text("/data/id").to_owned();
        let body = match self.operation {
            Operation::RequestCryptogram => Body::Valid(attributes(json!({}))),
            _ => Body::None,
        };
        let answer = session.expect(Call::new(self.operation, &id).body(body), status).await?;
        let mut differences = Vec::new();
        differ(example, answer.at(""), "", &mut differences);
        for (path, expected, came) in differences {
            session.note(self.operation, &path, format!("as in the published example: {expected}"), came);
        }
        Ok(())
    }
}

/// Finds the members of the example that the response lacks, or has with another JSON type.
fn differ(example: &Value, answer: &Value, at: &str, found: &mut Vec<(String, String, String)>) {
    let below = |name: &str| crate::spec::json::below(at, name);
    match (example, answer) {
        (Value::Object(members), Value::Object(answered)) => {
            for (name, member) in members {
                differ(member, answered.get(name).unwrap_or(&Value::Null), &below(name), found);
            }
        }
        (Value::Array(items), Value::Array(answered)) => {
            for (index, item) in items.iter().enumerate() {
                differ(item, answered.get(index).unwrap_or(&Value::Null), &below(&index.to_string()), found);
            }
        }
        _ if std::mem::discriminant(example) == std::mem::discriminant(answer) => {}
        _ => found.push((at.to_owned(), describe(example), describe(answer))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_example_is_checked() {
        let folder = crate::spec::files::Layout::of_tests().root.join("openapi/examples");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> = files.map(|file| file.into_string().unwrap().replace(".json", "")).collect();
        let mut checked: Vec<_> = EXAMPLES.iter().map(|example| example.file.to_owned()).collect();
        files.sort();
        checked.sort();
        assert_eq!(checked, files);
    }
}
