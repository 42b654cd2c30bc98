//! Converts a schema to its keywords.

use serde_json::{Map, Value};

use super::{
    graph::{Id, Schema, Shape, canonical},
    kind::Kind,
    reader::{NOTHING, Reader, reference_of},
};
use crate::spec::json::below;

/// Keywords whose value is a schema.
const SCHEMAS: [&str; 10] = [
    "not",
    "items",
    "propertyNames",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "if",
    "then",
    "else",
];
/// Keywords whose value contains schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/// Keywords for people and their tools.
const WORDS: [&str; 6] = ["title", "description", "example", "examples", "externalDocs", "$comment"];
/// Keywords that have no effect if their schema allows everything, because an absent keyword also allows everything.
pub(super) const OPEN: [&str; 5] =
    ["items", "propertyNames", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"];

/// An internal keyword for `closure`. It records which members the schema lists beside `additionalProperties`.
pub(super) const LISTED: &str = "$listed";
/// The separator between the names of these members. No name contains it.
pub(super) const SEPARATOR: &str = "\0";

/// Whether a keyword is for people and their tools.
pub(crate) fn is_annotation(keyword: &str) -> bool {
    WORDS.contains(&keyword) || keyword == "deprecated" || keyword.starts_with("x-")
}

impl<'d> Reader<'_, 'd> {
    pub(super) fn schema(&mut self, at: &str, value: &'d Value) -> Shape {
        let mut schema = Schema::default();
        match value {
            Value::Bool(true) => {}
            Value::Object(members) => self.keywords(&mut schema, at, value, members),
            other => {
                let name = if *other == false { "false" } else { "?" };
                let leaf = self.json(at.to_owned(), Kind::Json, other);
                schema.own.push((self.graph.symbol(name), leaf));
            }
        }
        Shape::Schema(schema)
    }

    fn keywords(&mut self, schema: &mut Schema, at: &str, whole: &'d Value, members: &'d Map<String, Value>) {
        schema.is_closed =
            ["unevaluatedItems", "unevaluatedProperties"].iter().any(|key| members.contains_key(*key));
        for (key, value) in members {
            if says_nothing(key, value, members) {
                continue;
            }
            let here = below(at, key);
            match (key.as_str(), value) {
                ("$ref", Value::String(_)) => match self.target(whole) {
                    Some((at, target)) => {
                        let (at, target) = self.schema_behind(at, target);
                        let part = self.child(at, Kind::Schema, target);
                        schema.parts.push(part);
                    }
                    None => self.keep(schema, key, here, Kind::Json, value),
                },
                ("allOf", Value::Array(branches)) => self.parts(schema, &here, branches),
                ("anyOf" | "oneOf", Value::Array(branches)) if branches.len() == 1 => {
                    self.parts(schema, &here, branches);
                }
                ("anyOf", Value::Array(_)) => self.keep(schema, key, here, Kind::AnyOf, value),
                ("oneOf", Value::Array(_)) => self.keep(schema, key, here, Kind::OneOf, value),
                ("prefixItems" | "items", Value::Array(_)) => {
                    self.keep(schema, key, here, Kind::Prefix, value);
                }
                (key, Value::Object(named)) if NAMED.contains(&key) => {
                    for (name, value) in named {
                        self.keep(schema, &format!("{key}/{name}"), below(&here, name), Kind::Schema, value);
                    }
                }
                ("required", Value::Array(names)) => {
                    for (index, name) in names.iter().enumerate() {
                        let at = below(&here, &index.to_string());
                        match name.as_str() {
                            Some(name) => {
                                let leaf = self.graph.leaf(at, Kind::Json, value, "");
                                schema.own.push((self.graph.symbol(&format!("required/{name}")), leaf));
                            }
                            None => self.keep(schema, key, at, Kind::Json, name),
                        }
                    }
                }
                ("dependentRequired", Value::Object(named)) => {
                    for (name, value) in named {
                        self.keep(schema, &format!("{key}/{name}"), below(&here, name), Kind::Values, value);
                    }
                }
                ("type", _) => self.types(schema, here, value, members),
                ("enum" | "x-extensible-enum", Value::Array(_)) => {
                    self.keep(schema, key, here, Kind::Values, value);
                }
                ("x-open-enum", Value::Object(_)) => self.keep(schema, key, here, Kind::Schema, value),
                ("const", _) => {
                    let leaf = self.json(here.clone(), Kind::Json, value);
                    let list = self.graph.add(here, Kind::Values, value, Shape::Set(vec![leaf]));
                    schema.own.push((self.graph.symbol("enum"), list));
                }
                ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(true)) => {
                    let bound = if key == "exclusiveMinimum" { "minimum" } else { "maximum" };
                    let value = members.get(bound).unwrap_or(value);
                    self.keep(schema, key, here, Kind::Json, value);
                }
                ("discriminator", Value::Object(rule)) => self.discriminator(schema, at, members, rule),
                ("contains", _) => {
                    let parts = ["contains", "minContains", "maxContains"];
                    self.together(schema, at, members, &parts);
                }
                ("if", _) => self.together(schema, at, members, &["if", "then", "else"]),
                ("items", _) if members.get("prefixItems").and_then(Value::as_array).is_some() => {
                    // `items` describes the items after those of `prefixItems`.
                    let length = members["prefixItems"].as_array().map_or(0, Vec::len);
                    self.keep(schema, &format!("items/{length}"), here, Kind::Schema, value);
                }
                (key, value) if SCHEMAS.contains(&key) && !value.is_array() => {
                    self.keep(schema, key, here, Kind::Schema, value);
                    if key == "additionalProperties" {
                        self.listed(schema, at, members);
                    }
                }
                (key, _) => {
                    let kind = if is_annotation(key) { Kind::Words } else { Kind::Json };
                    self.keep(schema, key, here, kind, value);
                }
            }
        }
    }

    fn keep(&mut self, schema: &mut Schema, key: &str, at: String, kind: Kind, value: &'d Value) {
        let id = self.child(at, kind, value);
        schema.own.push((self.graph.symbol(key), id));
    }

    fn parts(&mut self, schema: &mut Schema, at: &str, branches: &'d [Value]) {
        for (index, branch) in branches.iter().enumerate() {
            let (at, branch) = self.schema_behind(below(at, &index.to_string()), branch);
            let part = self.child(at, Kind::Schema, branch);
            schema.parts.push(part);
        }
    }

    /// Adds keywords as one group, because they have a meaning only together.
    fn together(&mut self, schema: &mut Schema, at: &str, members: &'d Map<String, Value>, keys: &[&str]) {
        let mut group = Vec::new();
        for key in keys {
            let Some(value) = members.get(*key) else { continue };
            if *key == "minContains" && value.as_f64() == Some(1.0) {
                continue;
            }
            let kind = if matches!(*key, "minContains" | "maxContains") { Kind::Json } else { Kind::Schema };
            let id = self.child(below(at, key), kind, value);
            group.push((self.graph.symbol(key), id));
        }
        let id = self.group(below(at, keys[0]), group);
        schema.own.push((self.graph.symbol(keys[0]), id));
    }

    fn types(&mut self, schema: &mut Schema, at: String, value: &'d Value, beside: &'d Map<String, Value>) {
        let mut names: Vec<&str> = match value {
            Value::String(name) => vec![name],
            Value::Array(list) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).collect()
            }
            _ => return self.keep(schema, "type", at, Kind::Json, value),
        };
        if beside.get("nullable").is_some_and(|nullable| nullable == true) {
            names.push("null");
        }
        if names.contains(&"number") {
            names.retain(|name| *name != "integer");
        }
        let mut leaf = |name: &str| {
            let text = canonical(&name.into());
            self.graph.leaf(at.clone(), Kind::Json, value, &text)
        };
        let leaves: Vec<Id> = names.into_iter().map(&mut leaf).collect();
        let list = self.graph.add(at, Kind::Values, value, Shape::Set(leaves));
        schema.own.push((self.graph.symbol("type"), list));
    }

    /// Records the members that this schema lists. `additionalProperties` does not apply to them, but it applies to
    /// members that only another schema lists.
    fn listed(&mut self, schema: &mut Schema, at: &str, members: &'d Map<String, Value>) {
        let names =
            ["properties", "patternProperties"].iter().filter_map(|key| members.get(*key)?.as_object());
        let names: Vec<&str> = names.flatten().map(|(name, _)| name.as_str()).collect();
        let leaf =
            self.graph.leaf(below(at, "additionalProperties"), Kind::Json, &NOTHING, &names.join(SEPARATOR));
        schema.own.push((self.graph.symbol(LISTED), leaf));
    }

    /// Records the names on the wire and their schemas. Some names are implied: a branch that is a component has the
    /// component's name, and so does a schema that builds on this one.
    fn discriminator(
        &mut self,
        schema: &mut Schema,
        at: &str,
        beside: &'d Map<String, Value>,
        rule: &'d Map<String, Value>,
    ) {
        let here = below(at, "discriminator");
        let mut members = Vec::new();
        let mut named: Vec<usize> = Vec::new();
        for (key, value) in rule {
            match (key.as_str(), value) {
                ("mapping", Value::Object(names)) => {
                    for (name, target) in names {
                        let at = below(&below(&here, key), name);
                        let found = target.as_str().and_then(|target| self.named_schema(target));
                        let id = match found {
                            Some((at, schema)) => {
                                named.push(std::ptr::from_ref(schema) as usize);
                                self.child(at, Kind::Schema, schema)
                            }
                            None => self.json(at, Kind::Json, target),
                        };
                        members.push((self.graph.symbol(&format!("mapping/{name}")), id));
                    }
                }
                _ => {
                    let kind = if is_annotation(key) { Kind::Words } else { Kind::Json };
                    let id = self.json(below(&here, key), kind, value);
                    members.push((self.graph.symbol(key), id));
                }
            }
        }
        for (name, schema) in self.implied(at, beside) {
            if !named.contains(&(std::ptr::from_ref(schema) as usize)) {
                let at = below("/components/schemas", name);
                let id = self.child(at, Kind::Schema, schema);
                members.push((self.graph.symbol(&format!("mapping/{name}")), id));
            }
        }
        let id = self.graph.add(here, Kind::Discriminator, &NOTHING, Shape::Map(members));
        schema.own.push((self.graph.symbol("discriminator"), id));
    }

    fn implied(&self, at: &str, beside: &'d Map<String, Value>) -> Vec<(&'d str, &'d Value)> {
        let branches = ["oneOf", "anyOf"].iter().filter_map(|key| beside.get(*key)?.as_array());
        let branches: Vec<&'d Value> = branches.flatten().collect();
        if branches.is_empty() {
            return self.heirs.get(at).cloned().unwrap_or_default();
        }
        let component = |branch: &&'d Value| {
            let name = reference_of(branch)?.strip_prefix("#/components/schemas/")?;
            let schema = self.named_schema(name)?.1;
            Some((name, schema))
        };
        branches.iter().filter_map(component).collect()
    }
}

/// Whether a keyword means the same as its absence, or is read together with another keyword.
fn says_nothing(key: &str, value: &Value, members: &Map<String, Value>) -> bool {
    let has = |key: &str| members.contains_key(key);
    let is_empty =
        value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    match key {
        "nullable" => *value == false || (*value == true && has("type")),
        "deprecated" | "readOnly" | "writeOnly" | "uniqueItems" => *value == false,
        "exclusiveMinimum" | "exclusiveMaximum" if *value == false => true,
        "minimum" => members.get("exclusiveMinimum").is_some_and(|value| *value == true),
        "maximum" => members.get("exclusiveMaximum").is_some_and(|value| *value == true),
        "minLength" | "minItems" | "minProperties" => value.as_f64() == Some(0.0),
        "then" | "else" => has("if"),
        "minContains" | "maxContains" => has("contains"),
        "required" | "allOf" | "dependentRequired" => is_empty,
        "examples" => value.as_array().is_some_and(Vec::is_empty),
        key if NAMED.contains(&key) => is_empty,
        _ => false,
    }
}
