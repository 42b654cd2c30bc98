//! `allOf` of objects to one object.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::schema::{self, bare, component, target};
use crate::spec::json::below;

pub(super) fn all_of(mut document: Value) -> Result<Value> {
    // What a reference brings in can hold an allOf of its own.
    loop {
        let source = document.clone();
        schema::everywhere(&mut document, &mut |schema, at| {
            if schema.get("allOf").is_some() {
                *schema = flat(schema, at, &source, &mut BTreeSet::new())?;
            }
            Ok(())
        })?;
        if document == source {
            return Ok(document);
        }
    }
}

/// One object with the members of `schema` and of all that it is made of.
fn flat(schema: &Value, at: &str, document: &Value, open: &mut BTreeSet<String>) -> Result<Value> {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    let mut parts = Vec::new();
    for (index, part) in schema.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = below(&below(at, "allOf"), &index.to_string());
        parts.push((resolved(part, &at, document, open)?, at));
    }
    let mut own = schema.as_object().context("expected a schema object")?.clone();
    own.shift_remove("allOf");
    if own.contains_key("properties") {
        parts.push((Value::Object(own.clone()), at.to_owned()));
    }
    for (part, part_at) in &parts {
        check_object(part, part_at)?;
        for (key, property) in part["properties"].as_object().into_iter().flatten() {
            match properties.get(key) {
                Some(known) if bare(known) != bare(property) => {
                    bail!("{part_at}: allOf disagrees about \"{key}\"")
                }
                Some(_) => {}
                None => drop(properties.insert(key.clone(), property.clone())),
            }
        }
        let names = part.get("required").and_then(Value::as_array).into_iter().flatten();
        required.extend(names.filter(|name| !required.contains(name)).cloned().collect::<Vec<_>>());
    }
    let mut out = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        out["required"] = required.into();
    }
    for key in ["title", "description"] {
        if let Some(value) = own.get(key) {
            out[key] = value.clone();
        }
    }
    Ok(out)
}

fn resolved(part: &Value, at: &str, document: &Value, open: &mut BTreeSet<String>) -> Result<Value> {
    let Some(name) = target(part) else {
        return if part.get("allOf").is_some() { flat(part, at, document, open) } else { Ok(part.clone()) };
    };
    ensure!(open.insert(name.to_owned()), "{at}: allOf of {name} contains itself");
    let flat = resolved(component(document, name)?, at, document, open)?;
    open.remove(name);
    Ok(flat)
}

fn check_object(part: &Value, at: &str) -> Result<()> {
    const KNOWN: [&str; 5] = ["type", "properties", "required", "title", "description"];
    let members = part.as_object().with_context(|| format!("{at}: expected a schema object"))?;
    if let Some(key) = members.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        bail!("{}: can't be part of an allOf", below(at, key));
    }
    ensure!(
        part.get("type").is_none_or(|kind| kind == "object"),
        "{at}: allOf of something that is no object"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flattened(parts: Value) -> Result<Value> {
        let document = json!({"components": {"schemas": {
            "Base": {"type": "object", "title": "Base", "properties": {"a": {"type": "string", "title": "A"}}, "required": ["a"]},
            "All": {"description": "d", "allOf": parts}
        }}});
        Ok(all_of(document)?["components"]["schemas"]["All"].clone())
    }

    #[test]
    fn members_of_all_parts_come_together() {
        let more = json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]});
        let out = flattened(json!([{"$ref": "#/components/schemas/Base"}, more])).expect("flat");
        assert_eq!(
            out,
            json!({"type": "object", "description": "d", "required": ["a", "b"],
                "properties": {"a": {"type": "string", "title": "A"}, "b": {"type": "integer"}}})
        );
    }

    #[test]
    fn parts_that_disagree_are_an_error() {
        let other = json!({"properties": {"a": {"type": "integer"}}});
        let error = flattened(json!([{"$ref": "#/components/schemas/Base"}, other])).expect_err("conflict");
        assert_eq!(error.to_string(), "/components/schemas/All/allOf/1: allOf disagrees about \"a\"");
    }

    #[test]
    fn a_closed_part_is_an_error() {
        let error = flattened(json!([{"additionalProperties": false}])).expect_err("closed");
        assert_eq!(
            error.to_string(),
            "/components/schemas/All/allOf/0/additionalProperties: can't be part of an allOf"
        );
    }
}
