//! Which schemas are sent, and which are received.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use super::errors;
use super::schema::{self, component, reference};
use crate::spec::json;
use crate::spec::split::{METHODS, SECTIONS};

const PREFIX: &str = "#/components/schemas/";

/// Names of the components reached from request bodies and parameters.
pub(super) fn sent(document: &Value) -> Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    for operation in operations(document) {
        for part in ["requestBody", "parameters"].into_iter().filter_map(|key| operation.get(key)) {
            reach(document, part, &mut reached)?;
        }
    }
    Ok(reached)
}

/// Names of the components reached from answers; error bodies are among them.
pub(super) fn received(document: &Value) -> Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    if component(document, errors::DOCUMENT).is_ok() {
        reach(document, &reference(errors::DOCUMENT), &mut reached)?;
    }
    for operation in operations(document) {
        let answers = operation.get("responses").and_then(Value::as_object);
        for (_, answer) in answers.into_iter().flatten() {
            reach(document, answer, &mut reached)?;
        }
    }
    Ok(reached)
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items = SECTIONS.into_iter().filter_map(|section| document.get(section)?.as_object()).flatten();
    items.flat_map(|(_, item)| METHODS.into_iter().filter_map(|method| item.get(method)))
}

fn reach(document: &Value, from: &Value, reached: &mut BTreeSet<String>) -> Result<()> {
    let mut open = vec![from];
    while let Some(from) = open.pop() {
        let mut found = Vec::new();
        json::references(from, "", &mut |target, _| {
            found.push(target.strip_prefix(PREFIX).unwrap_or(target).to_owned());
            Ok(())
        })?;
        for name in found {
            if !reached.contains(&name) {
                open.push(component(document, &name)?);
                reached.insert(name);
            }
        }
    }
    Ok(())
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
        for part in ["requestBody", "parameters"].into_iter() {
            if let Some(part) = operation.get_mut(part) {
                rename(part, renamed);
            }
        }
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
