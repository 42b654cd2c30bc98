use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::Result;
use cmp_simulator::{Operation as Simulated, provoke};
use serde_json::Value;

use crate::{
    check::{Contract, Corrections, EXAMPLES, PROBES, Probe, entry, statuses},
    spec::{
        facts::{Class, Lowered},
        write::cell,
    },
};

const HEAD: &str = "<!-- Written by `cargo xtask spec merge`. Do not edit. -->\n\n# Conformance\n\n";
/// The marks of values that must not be printed: see `openapi/lowering.toml`.
const SECRET_MARKS: [&str; 2] = ["secret", "personal"];

pub(super) fn page(
    contract: &Contract,
    corrections: &Corrections,
    lowered: &Value,
    operations: &[Lowered],
    notifications: &str,
) -> Result<String> {
    let mut text = HEAD.to_owned();
    writeln!(text, "What the client, the simulator and the checks cover of: {}.\n", contract.title())?;
    text += "## Operations\n\n\
             *typed*: a method of the generated client with types of its own. *simulator*: documented statuses that it \
             can be made to answer, of all. *examples*: published ones that are checked. *repeated*: after a lost answer. \
             *secrets*: values that no log, error or `Debug` shows.\n\n\
             | operation | request | typed | simulator | examples | repeated | secrets in | secrets out | errors documented |\n\
             |---|---|---|---|---|---|---|---|---|\n";
    for operation in operations {
        text += &row(operation, contract, lowered)?;
    }
    text += notifications;
    text += "\n## Corrections\n\nWhere the documents and the service disagree. *checked* says how \
             `cargo xtask contract` sees whether a correction is still needed.\n\n\
             | correction | what | reason | evidence | checked |\n|---|---|---|---|---|\n";
    for file in corrections.files() {
        let checked = PROBES.iter().find(|probe| probe.correction == file.name).map_or("not", Probe::sign);
        let name = &file.name;
        let (title, reason, evidence) = (cell(&file.title), cell(&file.reason), cell(&file.evidence));
        writeln!(
            text,
            "| [{name}](../openapi/corrections/{name}.json) | {title} | {reason} | {evidence} | {checked} |"
        )?;
    }
    Ok(text)
}

fn row(operation: &Lowered, contract: &Contract, lowered: &Value) -> Result<String> {
    let generated = &lowered["paths"][&operation.path][operation.method.to_lowercase()];
    let typed = if generated["operationId"] == operation.facts.name { "yes" } else { "no" };
    let simulated = Simulated::ALL.into_iter().find(|simulated| simulated.name() == operation.facts.name);
    let described = &contract.document()["paths"][&operation.path][operation.method.to_lowercase()];
    let documented = statuses(described);
    let provoked: BTreeSet<&str> = provoke::table()
        .into_iter()
        .filter(|row| Some(row.operation) == simulated)
        .filter_map(|row| entry(&documented, row.status))
        .collect();
    let examples: Vec<_> = EXAMPLES
        .iter()
        .filter(|example| Some(example.operation) == simulated)
        .map(|example| format!("`{}`", example.file))
        .collect();
    let repeated = match operation.facts.known.as_ref().map(|known| known.class) {
        Some(Class::Unsafe) => "no",
        Some(Class::Safe) => "yes: safe",
        Some(Class::Idempotent) => "yes: idempotent",
        None => "no facts in openapi/operations.toml",
    };
    let is_error = |status: &&str| status.starts_with(['4', '5']) || *status == "default";
    let errors: Vec<_> = documented.keys().map(String::as_str).filter(is_error).collect();
    let mut line = String::new();
    writeln!(
        line,
        "| `{}` | `{} {}` | {typed} | {} of {} | {} | {repeated} | {} | {} | {} |",
        operation.facts.name,
        operation.method,
        operation.path,
        provoked.len(),
        documented.len(),
        listed(&examples),
        listed(&secrets(&generated["requestBody"], lowered)),
        listed(&secrets(&generated["responses"], lowered)),
        errors.join(", "),
    )?;
    Ok(line)
}

pub(super) fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// Returns the names of the marked properties in a part of an operation.
pub(super) fn secrets(part: &Value, document: &Value) -> Vec<String> {
    let (mut names, mut visited) = (BTreeSet::new(), BTreeSet::new());
    collect(part, document, "", &mut names, &mut visited);
    names.into_iter().map(|name| format!("`{name}`")).collect()
}

fn collect(
    value: &Value,
    document: &Value,
    name: &str,
    names: &mut BTreeSet<String>,
    visited: &mut BTreeSet<String>,
) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, document, name, names, visited)),
        Value::Object(members) => {
            if members.get("format").and_then(Value::as_str).is_some_and(|mark| SECRET_MARKS.contains(&mark))
            {
                names.insert(name.to_owned());
            }
            if let Some(target) = members.get("$ref").and_then(Value::as_str)
                && visited.insert(target.to_owned())
                && let Some(schema) = document.pointer(target.trim_start_matches('#'))
            {
                collect(schema, document, name, names, visited);
            }
            for (key, member) in members {
                if key == "properties" {
                    for (name, property) in member.as_object().into_iter().flatten() {
                        collect(property, document, name, names, visited);
                    }
                } else {
                    collect(member, document, name, names, visited);
                }
            }
        }
        _ => {}
    }
}
