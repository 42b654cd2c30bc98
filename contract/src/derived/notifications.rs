//! The conformance page's section about notifications, which the service sends by itself.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Result, bail};
use serde_json::Value;

use super::page::listed;
use crate::spec::facts::Notification;

const HEAD: &str = "\n## Notifications\n\nWhat the service sends by itself (`webhooks` in the contract). *read as*: the \
                    type in `cmp::webhooks` that reads the details. *members*: the members of the details. *secrets*: \
                    those that no log, error or `Debug` shows. The tests in `tests/tests/webhooks` read every event and \
                    every member; those in `cmp-simulator/tests` send every event.\n\n\
                    | notification | events | read as | members | secrets |\n|---|---|---|---|---|\n";

pub(super) fn section(contract: &Value, facts: &BTreeMap<String, Notification>) -> Result<String> {
    let webhooks = contract.get("webhooks").and_then(Value::as_object);
    if let Some(stale) = facts.keys().find(|name| webhooks.is_none_or(|known| !known.contains_key(*name))) {
        bail!("openapi/operations.toml has an entry for the notification \"{stale}\", which no fragment has");
    }
    let mut text = String::new();
    for (name, item) in webhooks.into_iter().flatten() {
        if text.is_empty() {
            HEAD.clone_into(&mut text);
        }
        text += &row(name, &item["post"], contract, facts.get(name))?;
    }
    Ok(text)
}

fn row(name: &str, operation: &Value, contract: &Value, facts: Option<&Notification>) -> Result<String> {
    let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let message = content.map(|(_, media)| &media["schema"]).next().unwrap_or(&Value::Null);
    let events = property(contract, message, "event")
        .and_then(|event| event.pointer("/anyOf/0/enum").or_else(|| event.get("enum"))?.as_array())
        .map(|events| events.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>());
    let details = property(contract, message, "details").unwrap_or(&Value::Null);
    let members = properties(contract, details);
    let secrets = facts.map_or(&[][..], |facts| &facts.secrets[..]);
    if let Some(stale) = secrets.iter().find(|secret| members.iter().all(|(member, _)| member != secret)) {
        bail!("openapi/operations.toml, \"{name}\": the details have no member \"{stale}\"");
    }
    let mut line = String::new();
    writeln!(
        line,
        "| `{name}` | {} | {} | {} | {} |",
        listed(&events.unwrap_or_default()),
        facts.map_or_else(|| "no entry in openapi/operations.toml".to_owned(), |facts| code(&facts.read_as)),
        members.len(),
        listed(&secrets.iter().map(|name| code(name)).collect::<Vec<_>>()),
    )?;
    Ok(line)
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn property<'c>(contract: &'c Value, schema: &'c Value, name: &str) -> Option<&'c Value> {
    properties(contract, schema).into_iter().find(|(property, _)| *property == name).map(|(_, schema)| schema)
}

/// Returns the properties of a schema, including those behind references and in `allOf`.
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
    use crate::spec::facts::Facts;

    fn contract() -> Value {
        json!({
            "components": {"schemas": {
                "Message": {"properties": {
                    "event": {"anyOf": [{"enum": ["a.b", "a.c"]}, {"type": "string"}]},
                    "details": {"$ref": "#/components/schemas/Details"}
                }},
                "Details": {"allOf": [{"properties": {"pan": {}, "id": {}}}, {"properties": {"new": {}}}]}
            }},
            "webhooks": {"a": {"post": {"requestBody": {"content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Message"}
            }}}}}}
        })
    }

    fn row_with(entry: &str) -> Result<String> {
        let section = section(&contract(), &Facts::parse(entry).unwrap().notifications)?;
        Ok(section.lines().last().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_notification_is_listed_with_and_without_an_entry() {
        let entry = "[[notifications]]\nname = \"a\"\nread_as = \"CardDetails\"\nsecrets = [\"pan\"]\n";
        assert_eq!(row_with(entry).unwrap(), "| `a` | `a.b`, `a.c` | `CardDetails` | 3 | `pan` |");
        let unread = "| `a` | `a.b`, `a.c` | no entry in openapi/operations.toml | 3 | none |";
        assert_eq!(row_with("").unwrap(), unread);
    }

    #[test]
    fn an_entry_that_the_contract_does_not_have_is_refused() {
        let entry = |name: &str, secret: &str| {
            format!("[[notifications]]\nname = \"{name}\"\nread_as = \"D\"\nsecrets = [\"{secret}\"]\n")
        };
        let error = |name: &str, secret: &str| row_with(&entry(name, secret)).unwrap_err().to_string();
        assert!(error("b", "pan").contains("the notification \"b\", which no fragment has"));
        assert!(error("a", "cvc").contains("\"a\": the details have no member \"cvc\""));
    }
}
