//! Flattens `allOf`: several objects become one object, and several limits of one value become one schema.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::schema::{self, FROM, bare, component, target};
use crate::spec::json::below;

/// The longest chain of schemas that extend one another.
const MOST_NESTED: usize = 100;
/// Keywords that describe a part and add nothing to the flattened type.
const NOTES: [&str; 5] = ["title", "description", "readOnly", "writeOnly", FROM];
const OF_OBJECTS: [&str; 4] = ["type", "properties", "required", "additionalProperties"];

pub(super) fn all_of(mut document: Value) -> Result<Value> {
    let source = document.clone();
    let mut flattening = Flattening::of(&source);
    schema::everywhere(&mut document, &mut |schema, at| flattening.flatten(schema, at))?;
    Ok(document)
}

/// Flattens schemas of one document. Each component is flattened once, and the result is kept for later references.
pub(super) struct Flattening<'d> {
    document: &'d Value,
    known: BTreeMap<String, Value>,
    /// The components that are being flattened. Each is inside the one that was opened before it.
    open: BTreeSet<String>,
}

impl<'d> Flattening<'d> {
    pub(super) fn of(document: &'d Value) -> Self {
        Self { document, known: BTreeMap::new(), open: BTreeSet::new() }
    }

    /// Returns the component `name` without any `allOf`.
    pub(super) fn component(&mut self, name: &str, at: &str) -> Result<Value> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        ensure!(
            self.open.len() < MOST_NESTED,
            "{at}: more than {MOST_NESTED} schemas extend one another by allOf"
        );
        ensure!(self.open.insert(name.to_owned()), "{at}: allOf of {name} contains itself");
        let mut whole = component(self.document, name)?.clone();
        if let Some(next) = target(&whole).map(str::to_owned) {
            whole = self.component(&next, at)?;
        } else {
            schema::inside_out(&mut whole, &below(schema::SCHEMAS, name), &mut |schema, at| {
                self.flatten(schema, at)
            })?;
        }
        self.open.remove(name);
        self.known.insert(name.to_owned(), whole.clone());
        Ok(whole)
    }

    pub(super) fn flatten(&mut self, schema: &mut Value, at: &str) -> Result<()> {
        let Some(Value::Array(parts)) = schema.get("allOf") else { return Ok(()) };
        let mut whole = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let at = below(&below(at, "allOf"), &index.to_string());
            let part = match target(part) {
                Some(name) => self.component(name, &at)?,
                None => part.clone(),
            };
            whole.push((part, at));
        }
        let mut own = schema.as_object().context("expected a schema object")?.clone();
        own.shift_remove("allOf");
        let notes = own.iter().filter(|(key, _)| NOTES.contains(&key.as_str()));
        let notes: Map<String, Value> = notes.map(|(key, value)| (key.clone(), value.clone())).collect();
        whole.push((Value::Object(own), at.to_owned()));
        whole.retain(|(part, _)| {
            part.as_object().is_none_or(|part| part.keys().any(|key| !NOTES.contains(&key.as_str())))
        });
        let is_object = |(part, _): &(Value, String)| {
            kinds(part).contains(&"object") || part.get("type").is_none() && part.get("properties").is_some()
        };
        let mut out = if whole.iter().any(is_object) { object(&whole, at)? } else { value(&whole)? };
        out.extend(notes);
        *schema = Value::Object(out);
        Ok(())
    }
}

fn kinds(part: &Value) -> Vec<&str> {
    match part.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(kind) => kind.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

/// Returns one object with the members of all parts.
fn object(parts: &[(Value, String)], whole_at: &str) -> Result<Map<String, Value>> {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    let mut others: Option<Value> = None;
    for (part, at) in parts {
        check_object(part, at)?;
        for (key, property) in part["properties"].as_object().into_iter().flatten() {
            match properties.get(key) {
                Some(known) if bare(known) != bare(property) => {
                    bail!("{at}: allOf disagrees about \"{key}\"")
                }
                Some(_) => {}
                None => drop(properties.insert(key.clone(), property.clone())),
            }
        }
        let names = part.get("required").and_then(Value::as_array).into_iter().flatten();
        required.extend(names.filter(|name| !required.contains(name)).cloned().collect::<Vec<_>>());
    }
    for (part, at) in parts {
        let Some(allowed) = part.get("additionalProperties").filter(|allowed| **allowed != true) else {
            continue;
        };
        let at_key = below(at, "additionalProperties");
        if *allowed == false && at != whole_at {
            let own = part["properties"].as_object();
            let is_whole = properties.keys().all(|key| own.is_some_and(|own| own.contains_key(key)));
            ensure!(is_whole, "{at_key}: can't be part of an allOf that adds members");
        }
        match &others {
            Some(known) if bare(known) != bare(allowed) => {
                bail!("{at_key}: allOf disagrees about other members")
            }
            _ => others = Some(allowed.clone()),
        }
    }
    let nullable = parts.iter().all(|(part, _)| part.get("type").is_none() || kinds(part).contains(&"null"));
    let kind = if nullable && parts.iter().any(|(part, _)| part.get("type").is_some()) {
        json!(["object", "null"])
    } else {
        json!("object")
    };
    let mut out = Map::from_iter([("type".to_owned(), kind), ("properties".to_owned(), properties.into())]);
    if !required.is_empty() {
        out.insert("required".to_owned(), required.into());
    }
    out.extend(others.map(|others| ("additionalProperties".to_owned(), others)));
    Ok(out)
}

fn check_object(part: &Value, at: &str) -> Result<()> {
    let members = part.as_object().with_context(|| format!("{at}: expected a schema object"))?;
    let is_known = |key: &str| OF_OBJECTS.contains(&key) || NOTES.contains(&key);
    if let Some(key) = members.keys().find(|key| !is_known(key)) {
        let why =
            if key == "discriminator" { "; types that a member selects are decoded by hand" } else { "" };
        bail!("{}: can't be part of an allOf{why}", below(at, key));
    }
    ensure!(
        part.get("type").is_none() || kinds(part).contains(&"object"),
        "{at}: allOf of something that is no object"
    );
    Ok(())
}

/// Returns one schema with the limits of all parts.
fn value(parts: &[(Value, String)]) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    for (part, at) in parts {
        for (key, value) in part.as_object().with_context(|| format!("{at}: expected a schema object"))? {
            match out.get(key) {
                Some(known) if known != value && !NOTES.contains(&key.as_str()) => {
                    bail!("{}: allOf disagrees about it", below(at, key))
                }
                Some(_) => {}
                None => drop(out.insert(key.clone(), value.clone())),
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flattened(schema: Value) -> Result<Value> {
        let document = json!({"components": {"schemas": {
            "Base": {"type": "object", "title": "Base", "properties": {"a": {"type": "string", "title": "A"}}, "required": ["a"]},
            "Closed": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false},
            "All": schema
        }}});
        Ok(all_of(document)?["components"]["schemas"]["All"].clone())
    }

    fn base() -> Value {
        json!({"$ref": "#/components/schemas/Base"})
    }

    #[test]
    fn members_of_all_parts_come_together() {
        let more = json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]});
        let out = flattened(json!({"description": "d", "allOf": [base(), more]})).expect("flat");
        assert_eq!(
            out,
            json!({"type": "object", "description": "d", "required": ["a", "b"],
                "properties": {"a": {"type": "string", "title": "A"}, "b": {"type": "integer"}}})
        );
    }

    #[test]
    fn what_stands_beside_an_all_of_holds_too() {
        let more = json!({"properties": {"b": {}}});
        for beside in [json!(false), json!({"type": "string"})] {
            let schema = json!({"allOf": [base(), more], "required": ["b"], "additionalProperties": beside});
            let out = flattened(schema).expect("flat");
            assert_eq!(out["required"], json!(["a", "b"]));
            assert_eq!(out["additionalProperties"], beside);
        }
        let out = flattened(json!({"allOf": [base(), {"required": ["b"]}], "properties": {"c": {}}}));
        assert_eq!(out.expect("flat")["required"], json!(["a", "b"]));
        let out = flattened(json!({"allOf": [{"properties": {"b": {}}, "type": ["object", "null"]}, more]}));
        assert_eq!(out.expect("flat")["type"], json!(["object", "null"]));
    }

    #[test]
    fn limits_of_one_value_come_together() {
        let parts = json!([{"type": "string", "minLength": 1}, {"maxLength": 2}]);
        let out = flattened(json!({"allOf": parts})).expect("one value");
        assert_eq!(out, json!({"type": "string", "minLength": 1, "maxLength": 2}));
        let error =
            flattened(json!({"allOf": [{"type": "string"}, {"type": "integer"}]})).expect_err("two types");
        assert_eq!(error.to_string(), "/components/schemas/All/allOf/1/type: allOf disagrees about it");
    }

    #[test]
    fn parts_that_disagree_are_an_error() {
        let other = json!({"properties": {"a": {"type": "integer"}}});
        let error = flattened(json!({"allOf": [base(), other]})).expect_err("conflict");
        assert_eq!(error.to_string(), "/components/schemas/All/allOf/1: allOf disagrees about \"a\"");
        let string = json!({"type": "string"});
        let error = flattened(json!({"allOf": [base(), string]})).expect_err("a string");
        assert_eq!(
            error.to_string(),
            "/components/schemas/All/allOf/1: allOf of something that is no object"
        );
    }

    #[test]
    fn a_closed_part_is_an_error_if_there_is_more() {
        let closed = json!({"$ref": "#/components/schemas/Closed"});
        let out = flattened(json!({"allOf": [closed, {"required": ["a"]}]})).expect("nothing more");
        assert_eq!(out["additionalProperties"], false);
        let error = flattened(json!({"allOf": [closed, {"properties": {"b": {}}}]})).expect_err("closed");
        assert_eq!(
            error.to_string(),
            "/components/schemas/All/allOf/0/additionalProperties: can't be part of an allOf that adds members"
        );
    }

    #[test]
    fn what_extends_itself_or_has_no_end_is_refused() {
        let chain = |length: usize| {
            let part = |n: usize| {
                let next = format!("#/components/schemas/S{}", n + 1);
                json!({"allOf": [{"$ref": next}, {"properties": {format!("p{n}"): {}}}]})
            };
            let mut schemas: Map<_, _> = (0..length).map(|n| (format!("S{n}"), part(n))).collect();
            schemas.insert(format!("S{length}"), json!({"type": "object"}));
            all_of(json!({"components": {"schemas": schemas}}))
        };
        let out = chain(50).expect("flat");
        assert_eq!(out["components"]["schemas"]["S0"]["properties"].as_object().map(Map::len), Some(50));
        let error = chain(3_000).expect_err("long").to_string();
        assert!(error.contains("/allOf/0: more than 100 schemas extend one another by allOf"), "{error}");
        let own = json!({"allOf": [{"$ref": "#/components/schemas/All"}, base()]});
        let error = flattened(own).expect_err("itself").to_string();
        assert_eq!(error, "/components/schemas/All/allOf/0: allOf of All contains itself");
    }

    #[test]
    fn diamonds_are_flattened_once() {
        let part = |n: usize| {
            let next = |side: &str| json!({"$ref": format!("#/components/schemas/{side}{}", n + 1)});
            json!({"allOf": [next("L"), next("R"), {"properties": {format!("p{n}"): {}}}]})
        };
        let mut schemas = Map::new();
        for n in 0..40 {
            schemas.insert(format!("L{n}"), part(n));
            schemas.insert(format!("R{n}"), part(n));
        }
        schemas.insert("L40".to_owned(), json!({"type": "object"}));
        schemas.insert("R40".to_owned(), json!({"type": "object"}));
        let out = all_of(json!({"components": {"schemas": schemas}})).expect("flat");
        assert_eq!(out["components"]["schemas"]["L0"]["properties"].as_object().map(Map::len), Some(40));
    }
}
