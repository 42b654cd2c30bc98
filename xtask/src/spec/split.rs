//! A whole OpenAPI document, split into one fragment an operation.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::json;

pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One document an operation, each with only the components that the operation reaches.
pub(crate) fn by_operation(document: &Value) -> Result<Vec<Value>> {
    let mut fragments = Vec::new();
    for (path, item) in json::section(document, "paths", "")? {
        let methods = json::object(item, &json::below("/paths", path))?;
        for method in methods.keys().filter(|key| METHODS.contains(&key.as_str())) {
            fragments.push(fragment(document, path, method)?);
        }
    }
    if fragments.is_empty() {
        bail!("the document has no operation");
    }
    Ok(fragments)
}

fn fragment(document: &Value, path: &str, method: &str) -> Result<Value> {
    let mut item = document["paths"][path].as_object().context("a path without an object")?.clone();
    item.retain(|key, _| key == method || !METHODS.contains(&key.as_str()));
    let item = Value::Object(item);
    let mut kept: BTreeSet<String> = schemes(&item).chain(schemes(document)).collect();
    reach(document, &item, &mut kept)?;
    let mut out = Map::new();
    for (key, value) in json::object(document, "")? {
        let value = match key.as_str() {
            "paths" => serde_json::json!({ path: item.clone() }),
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
}
