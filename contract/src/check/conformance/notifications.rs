//! The part of the page about what the service sends by itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::listed;
use crate::check::facade::Details;

const SIMULATOR: &str = "cmp-simulator/tests/it/webhooks.rs";
const CLIENT: &str = "cmp/tests/webhooks/contract.rs";
/// The tests that hold notifications to the contract. Each holds those webhooks that it names, or all that there are.
const TESTS: [(&str, &str); 4] = [
    (SIMULATOR, "every_documented_event_is_sent"),
    (CLIENT, "the_samples_are_as_the_contract_has_them"),
    (CLIENT, "every_listed_event_is_known"),
    (CLIENT, "every_member_of_the_details_is_read"),
];
/// How a test asks for all webhooks of the contract.
const ALL: &str = "contract.webhooks()";

/// A test, and its source.
struct Test {
    name: &'static str,
    body: String,
}

impl Test {
    fn read(root: &Path, file: &str, name: &'static str) -> Result<Self> {
        let source = std::fs::read_to_string(root.join(file)).with_context(|| file.to_owned())?;
        let start =
            source.find(&format!("fn {name}(")).with_context(|| format!("{file} has no test {name}"))?;
        let body = source[start..].split("\n}\n").next().unwrap_or_default().to_owned();
        Ok(Self { name, body })
    }

    fn holds(&self, webhook: &str) -> bool {
        self.body.contains(ALL) || self.body.contains(&format!("\"{webhook}\""))
    }
}

pub(super) fn section(root: &Path, contract: &Value, details: &[Details]) -> Result<String> {
    let tests: Vec<Test> =
        TESTS.into_iter().map(|(file, name)| Test::read(root, file, name)).collect::<Result<_>>()?;
    let mut text = format!(
        "\n## Notifications\n\nWhat the service sends by itself (`webhooks` in the contract). *read as*: the type in \
         `cmp::webhooks`. *members*: those of its details that the type reads, of all. *secrets*: as above. *held by*: \
         tests in [{SIMULATOR}](../{SIMULATOR}) and [{CLIENT}](../{CLIENT}).\n\n\
         | notification | events | read as | members | secrets | held by |\n|---|---|---|---|---|---|\n"
    );
    for (name, item) in contract["webhooks"].as_object().into_iter().flatten() {
        let held: Vec<_> = tests.iter().filter(|test| test.holds(name)).map(|test| code(test.name)).collect();
        text += &row(name, &item["post"], contract, details, &held)?;
    }
    Ok(text)
}

fn row(
    name: &str,
    operation: &Value,
    contract: &Value,
    details: &[Details],
    held: &[String],
) -> Result<String> {
    let message = &operation["requestBody"]["content"]["application/json"]["schema"];
    let events = property(contract, message, "event")
        .and_then(|event| event.pointer("/anyOf/0/enum")?.as_array())
        .map(|events| events.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>());
    let told = property(contract, message, "details").unwrap_or(&Value::Null);
    let schema = told["$ref"].as_str().and_then(|target| target.rsplit('/').next()).unwrap_or_default();
    let reader = details.iter().find(|details| schema.trim_start_matches("V1") == details.name);
    let members: BTreeSet<_> = properties(contract, told).into_iter().map(|(name, _)| name).collect();
    let of_reader = |names: fn(&Details) -> &BTreeSet<String>| -> Vec<String> {
        let names = reader.map(names).into_iter().flatten();
        names.filter(|name| members.contains(name.as_str())).map(|name| code(name)).collect()
    };
    let mut line = String::new();
    writeln!(
        line,
        "| `{name}` | {} | {} | {} of {} | {} | {} |",
        listed(&events.unwrap_or_default()),
        reader.map_or_else(|| "nothing".to_owned(), |details| code(&details.name)),
        of_reader(|details| &details.members).len(),
        members.len(),
        listed(&of_reader(|details| &details.secrets)),
        listed(held),
    )?;
    Ok(line)
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn property<'c>(contract: &'c Value, schema: &'c Value, name: &str) -> Option<&'c Value> {
    properties(contract, schema).into_iter().find(|(property, _)| *property == name).map(|(_, schema)| schema)
}

/// The properties of a schema, through references and `allOf`.
fn properties<'c>(contract: &'c Value, schema: &'c Value) -> Vec<(&'c str, &'c Value)> {
    let target = schema["$ref"].as_str().and_then(|target| contract.pointer(target.trim_start_matches('#')));
    if let Some(target) = target {
        return properties(contract, target);
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let own = schema["properties"].as_object().into_iter().flatten();
    let own = own.map(|(name, property)| (name.as_str(), property));
    parts.flat_map(|part| properties(contract, part)).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_holds_what_it_names() {
        let test = |body: &str| Test { name: "t", body: body.to_owned() };
        assert!(test("[\"au_card\"].map(events)").holds("au_card"));
        assert!(!test("[\"cmp_au_card\"].map(events)").holds("au_card"));
        assert!(test("for webhook in contract.webhooks() {}").holds("au_card"));
        let error = Test::read(&crate::root::of_tests(), CLIENT, "gone").err();
        assert_eq!(error.expect("no such test").to_string(), format!("{CLIENT} has no test gone"));
    }

    #[test]
    fn what_the_type_does_not_read_shows() {
        let contract = json!({"components": {"schemas": {
            "Told": {"properties": {
                "event": {"anyOf": [{"enum": ["a.b", "a.c"]}, {"type": "string"}]},
                "details": {"$ref": "#/components/schemas/V1CardDetails"}
            }},
            "V1CardDetails": {"allOf": [{"properties": {"pan": {}, "id": {}}}, {"properties": {"new": {}}}]}
        }}});
        let told = json!({"$ref": "#/components/schemas/Told"});
        let operation = json!({"requestBody": {"content": {"application/json": {"schema": told}}}});
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let details = [Details {
            name: "CardDetails".to_owned(),
            members: names(&["id", "pan", "other"]),
            secrets: names(&["pan"]),
        }];
        let line = row("a", &operation, &contract, &details, &[]).unwrap();
        assert_eq!(line, "| `a` | `a.b`, `a.c` | `CardDetails` | 2 of 3 | `pan` | none |\n");
        let unread = row("a", &operation, &contract, &[], &[]).unwrap();
        assert_eq!(unread, "| `a` | `a.b`, `a.c` | nothing | 0 of 3 | none | none |\n");
    }
}
