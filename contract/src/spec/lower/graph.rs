//! Finds the schemas that are sent, those that are received, and those that are unused.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    errors,
    schema::{self, component, components, reference},
};
use crate::spec::{
    json,
    split::{METHODS, SECTIONS, WEBHOOKS},
};

const PREFIX: &str = "#/components/schemas/";

/// Returns the names of the components that request bodies and parameters use, directly or through other components.
pub(super) fn sent(document: &Value) -> Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    for operation in operations(document) {
        for part in ["requestBody", "parameters"].into_iter().filter_map(|key| operation.get(key)) {
            reach(document, part, &mut reached)?;
        }
    }
    Ok(reached)
}

/// Returns the names of the components that answers use, directly or through other components. This includes error
/// bodies.
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

/// Changes references to the new names in `renamed`, in operations' requests and in components that are only sent.
pub(super) fn rename_sent(document: &mut Value, renamed: &BTreeMap<String, String>) -> Result<()> {
    let (sent, received) = (sent(document)?, received(document)?);
    for (name, schema) in components(document)? {
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

/// Changes every reference in `value` to the new names.
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

/// Removes the webhooks. The generated client only sends requests; `cmp` reads webhooks with hand-written code.
pub(super) fn webhooks(mut document: Value) -> Result<Value> {
    document.as_object_mut().context("expected an object")?.shift_remove(WEBHOOKS);
    Ok(document)
}

pub(super) fn unreachable(mut document: Value) -> Result<Value> {
    let mut kept = sent(&document)?;
    kept.extend(received(&document)?);
    components(&mut document)?.retain(|name, _| kept.contains(name));
    Ok(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::schema::reference, *};

    #[test]
    fn a_webhook_goes_with_what_it_alone_uses() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let document = json!({
            "paths": {"/p": {"get": {"responses": {"200": body("A")}}}},
            "webhooks": {"event": {"post": {"requestBody": body("Event"), "responses": {"200": body("Taken")}}}},
            "components": {"schemas": {"A": {}, "Told": {"items": reference("A")}, "Taken": {}}}
        });
        let out = unreachable(webhooks(document).expect("an object")).expect("pruned");
        assert_eq!(out.get("webhooks"), None);
        assert_eq!(out["components"]["schemas"], json!({"A": {}}));
    }

    #[test]
    fn only_what_is_used_stays() {
        let answer = json!({"200": {"content": {"application/json": {"schema": reference("A")}}}});
        let document = json!({
            "paths": {"/p": {"get": {"responses": answer}}},
            "components": {"schemas": {"A": {"items": reference("B")}, "B": {}, "C": reference("A"), "ErrorDocument": {}}}
        });
        let out = unreachable(document).expect("pruned");
        let names: Vec<_> = out["components"]["schemas"].as_object().expect("object").keys().collect();
        assert_eq!(names, ["A", "B", "ErrorDocument"]);
    }
}
