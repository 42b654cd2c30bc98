//! Which schemas are sent, and which are received.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use super::errors;
use super::schema::{self, component, members, reference};
use crate::spec::json;

const PREFIX: &str = "#/components/schemas/";

/// Names of the components reached from request bodies.
pub(super) fn sent(document: &Value) -> Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    schema::operations(&mut document.clone(), &mut |operation, _| {
        operation.get("requestBody").map_or(Ok(()), |body| reach(document, body, &mut reached))
    })?;
    Ok(reached)
}

/// Names of the components reached from answers; error bodies are among them.
pub(super) fn received(document: &Value) -> Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    if component(document, errors::DOCUMENT).is_ok() {
        reach(document, &reference(errors::DOCUMENT), &mut reached)?;
    }
    schema::operations(&mut document.clone(), &mut |operation, _| {
        operation.get("responses").map_or(Ok(()), |answers| reach(document, answers, &mut reached))
    })?;
    Ok(reached)
}

fn reach(document: &Value, from: &Value, reached: &mut BTreeSet<String>) -> Result<()> {
    json::references(from, "", &mut |target, _| {
        let name = target.strip_prefix(PREFIX).unwrap_or(target);
        if reached.insert(name.to_owned()) {
            reach(document, component(document, name)?, reached)
        } else {
            Ok(())
        }
    })
}

/// Makes everything that is only sent refer to the new name of each component in `renamed`.
pub(super) fn rename_sent(document: &mut Value, renamed: &BTreeMap<String, String>) -> Result<()> {
    let (sent, received) = (sent(document)?, received(document)?);
    for (name, schema) in schema::components(document)? {
        if sent.contains(name) && !received.contains(name) {
            rename(schema, renamed);
        }
    }
    schema::operations(document, &mut |operation, _| {
        members(operation, "requestBody").for_each(|(_, part)| rename(part, renamed));
        Ok(())
    })
}

/// Makes every reference in `value` use the new names.
pub(super) fn rename(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let new = member.as_str().and_then(|target| renamed.get(target.strip_prefix(PREFIX)?));
                match new.filter(|_| key == "$ref") {
                    Some(new) => *member = format!("{PREFIX}{new}").into(),
                    None => rename(member, renamed),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        _ => {}
    }
}
