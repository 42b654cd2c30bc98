//! A whole OpenAPI document, split into one fragment an operation; a webhook is one too.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::json;

pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// What the service sends by itself, by name and not by path.
pub(crate) const WEBHOOKS: &str = "webhooks";
/// The method by which that is sent.
pub(crate) const NOTIFYING: &str = "post";
/// The members of a document that hold operations.
pub(crate) const SECTIONS: [&str; 2] = ["paths", WEBHOOKS];

/// One document an operation, each with only the components that the operation reaches.
pub(crate) fn by_operation(document: &Value) -> Result<Vec<Value>> {
    let mut fragments = Vec::new();
    for section in SECTIONS {
        for (path, item) in json::section(document, section, "")? {
            let at = json::below(&json::below("", section), path);
            let methods = json::object(item, &at)?.keys().filter(|key| METHODS.contains(&key.as_str()));
            for method in methods {
                fragments.push(fragment(document, (section, path), method)?);
            }
        }
    }
    if fragments.is_empty() {
        bail!("the document has no operation");
    }
    Ok(fragments)
}

fn fragment(document: &Value, (section, path): (&str, &str), method: &str) -> Result<Value> {
    let mut item = document[section][path].as_object().context("a path without an object")?.clone();
    item.retain(|key, _| key == method || !METHODS.contains(&key.as_str()));
    let item = Value::Object(item);
    let mut kept: BTreeSet<String> = schemes(&item).chain(schemes(document)).collect();
    reach(document, &item, &mut kept)?;
    let mut out = Map::new();
    for (key, value) in json::object(document, "")? {
        let value = match key.as_str() {
            name if name == section => serde_json::json!({ path: item.clone() }),
            name if SECTIONS.contains(&name) => continue,
            "components" => components(value, &kept),
            "tags" => tags(value, &item[method]),
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Ok(Value::Object(out))
}

fn reach(document: &Value, from: &Value, kept: &mut BTreeSet<String>) -> Result<()> {
    json::references(from, "", &mut |target, at| {
        let pointer = target.strip_prefix('#').with_context(|| format!("{at}: {target} is not local"))?;
        let found = document.pointer(pointer).with_context(|| format!("{at}: {target} does not exist"))?;
        if kept.insert(pointer.to_owned()) { reach(document, found, kept) } else { Ok(()) }
    })
}

fn schemes(holder: &Value) -> impl Iterator<Item = String> {
    let operations = METHODS.iter().filter_map(|method| holder.get(method));
    let requirements = operations.chain([holder]).filter_map(|o| o.get("security")?.as_array());
    let names = requirements.flatten().filter_map(Value::as_object).flat_map(Map::keys);
    names.map(|name| json::below("/components/securitySchemes", name)).collect::<Vec<_>>().into_iter()
}

fn components(all: &Value, kept: &BTreeSet<String>) -> Value {
    let mut out = Map::new();
    for (kind, members) in all.as_object().into_iter().flatten() {
        let at = json::below("/components", kind);
        let mut members = members.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| kept.contains(&json::below(&at, name)));
        if !members.is_empty() {
            out.insert(kind.clone(), Value::Object(members));
        }
    }
    Value::Object(out)
}

fn tags(all: &Value, operation: &Value) -> Value {
    let used = operation.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut tags = all.as_array().cloned().unwrap_or_default();
    tags.retain(|tag| used.contains(&tag["name"]));
    Value::Array(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_operation_keeps_only_what_it_reaches() {
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "security": [{"b": []}],
            "tags": [{"name": "x"}, {"name": "y"}],
            "components": {
                "schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {}, "C": {}},
                "securitySchemes": {"b": {}, "unused": {}}
            },
            "paths": {"/p": {
                "parameters": [],
                "get": {"tags": ["x"], "responses": {"200": {"$ref": "#/components/schemas/A"}}},
                "post": {"tags": ["y"], "responses": {"200": {"$ref": "#/components/schemas/C"}}}
            }}
        });
        let parts = by_operation(&document).expect("two fragments");
        assert_eq!(parts.len(), 2);
        assert_eq!(
            parts[0]["components"],
            json!({"schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {}},
            "securitySchemes": {"b": {}}})
        );
        assert_eq!(parts[0]["tags"], json!([{"name": "x"}]));
        assert!(parts[0]["paths"]["/p"].get("parameters").is_some());
        assert!(parts[0]["paths"]["/p"].get("post").is_none());
        assert_eq!(parts[1]["components"]["schemas"], json!({"C": {}}));
    }

    #[test]
    fn a_webhook_is_a_fragment_of_its_own() {
        let document = json!({
            "components": {"schemas": {"A": {}, "B": {"$ref": "#/components/schemas/C"}, "C": {}}},
            "paths": {"/p": {"get": {"responses": {"200": {"$ref": "#/components/schemas/A"}}}}},
            "webhooks": {"told": {"post": {"requestBody": {"$ref": "#/components/schemas/B"}}}}
        });
        let parts = by_operation(&document).expect("two fragments");
        assert_eq!(parts[0].get("webhooks"), None);
        assert_eq!(parts[1].get("paths"), None);
        assert_eq!(parts[1]["webhooks"], document["webhooks"]);
        let names: Vec<_> = parts[1]["components"]["schemas"].as_object().expect("schemas").keys().collect();
        assert_eq!(names, ["B", "C"]);
    }
}
