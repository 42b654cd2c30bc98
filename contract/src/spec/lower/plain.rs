//! Removes keywords that no generated type can express, and rewrites equivalent forms of a schema to one form.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::schema::{self, FROM};
use crate::spec::json::below;

/// Keywords for human readers, and limits that no generated type has. The service checks patterns: the client would
/// need a second engine for regular expressions.
const DROPPED: [&str; 15] = [
    "$comment",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "example",
    "examples",
    "externalDocs",
    "maxItems",
    "maxProperties",
    "minItems",
    "minProperties",
    "pattern",
    "uniqueItems",
    "xml",
];
/// Keywords that describe a schema and limit nothing.
const NOTES: [&str; 5] = ["title", "description", "readOnly", "writeOnly", FROM];
const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];
/// Keywords that have a meaning for only one type.
const TYPED: [(&str, &str); 9] = [
    ("properties", "object"),
    ("required", "object"),
    ("additionalProperties", "object"),
    ("items", "array"),
    ("minLength", "string"),
    ("maxLength", "string"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("multipleOf", "number"),
];
/// The format of secret strings.
pub(super) const PASSWORD: &str = "password";

pub(super) fn schemas(mut document: Value) -> Result<Value> {
    schema::everywhere(&mut document, &mut plain)?;
    Ok(document)
}

fn plain(schema: &mut Value, at: &str) -> Result<()> {
    if *schema == true {
        *schema = json!({});
    }
    let members = schema.as_object_mut().with_context(|| format!("{at}: expected a schema object"))?;
    members.retain(|key, value| {
        // Only the format `password` marks a secret. Values of other formats stay plain strings and numbers.
        let keeps_format = key != "format" || value == PASSWORD;
        let is_extension = key.starts_with("x-") && key != FROM;
        !DROPPED.contains(&key.as_str()) && !is_extension && keeps_format
    });
    if members.get("items").is_some_and(|items| *items == true) {
        members.insert("items".to_owned(), json!({}));
    }
    for key in ["required", "enum", "allOf", "anyOf", "oneOf"] {
        let is_list = members.get(key).is_none_or(Value::is_array);
        ensure!(is_list, "{}: expected an array", below(at, key));
    }
    without_conditions(members);
    types(members, at)?;
    values(members, at)?;
    beside_reference(members);
    one_part(members);
    Ok(())
}

/// Removes a choice between lists of required members. It does not change the type.
fn without_conditions(members: &mut Map<String, Value>) {
    for key in ["anyOf", "oneOf"] {
        let choices = members.get(key).and_then(Value::as_array);
        let says_nothing = |choice: &Value| {
            let keys = choice.as_object().into_iter().flat_map(Map::keys);
            let mut keys = keys.filter(|key| !NOTES.contains(&key.as_str()) && *key != "type").peekable();
            keys.peek().is_some() && keys.all(|key| key == "required")
        };
        if choices.is_some_and(|choices| !choices.is_empty() && choices.iter().all(says_nothing)) {
            members.shift_remove(key);
        }
    }
}

/// Adds `type` where other keywords imply it, and keeps it as a list only if the list has several types.
fn types(members: &mut Map<String, Value>, at: &str) -> Result<()> {
    let at = below(at, "type");
    let is_elsewhere =
        ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"].iter().any(|key| members.contains_key(*key));
    match members.get_mut("type") {
        Some(Value::Array(kinds)) => {
            let mut seen = Vec::new();
            kinds.retain(|kind| !seen.contains(kind) && (seen.push(kind.clone()), true).1);
            ensure!(!kinds.is_empty(), "{at}: there is no type");
            if kinds.contains(&json!("number")) {
                kinds.retain(|kind| kind != "integer");
            }
            if let [only] = &kinds[..] {
                members["type"] = only.clone();
            }
        }
        Some(_) => {}
        None if is_elsewhere => {}
        None => {
            let typed = TYPED.iter().find(|(key, _)| members.contains_key(*key));
            members.extend(typed.map(|(_, kind)| ("type".to_owned(), json!(kind))));
        }
    }
    let known = |kind: &Value| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
    match members.get("type") {
        Some(Value::Array(kinds)) => ensure!(kinds.iter().all(known), "{at}: unknown type"),
        Some(kind) => ensure!(known(kind), "{at}: unknown type {kind}"),
        None => {}
    }
    Ok(())
}

/// Checks that a list's values have one type, and removes duplicates. Null moves from the list to the type.
fn values(members: &mut Map<String, Value>, at: &str) -> Result<()> {
    let constant = members.shift_remove("const").map(|value| json!([value]));
    let key = if constant.is_some() { "const" } else { "enum" };
    members.extend(constant.map(|values| ("enum".to_owned(), values)));
    let Some(Value::Array(all)) = members.get("enum").cloned() else { return Ok(()) };
    let at = below(at, key);
    let mut values: Vec<Value> = Vec::new();
    for value in all.iter().filter(|value| !value.is_null()) {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let may_be_null = values.len() < all.len() && all.contains(&Value::Null);
    let said: Vec<String> = match members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(kind) => kind.as_str().map(str::to_owned).into_iter().collect(),
        None => Vec::new(),
    };
    let says = |kind: &str| said.is_empty() || said.iter().any(|said| said == kind);
    if values.is_empty() {
        ensure!(may_be_null && says("null"), "{at}: no value is allowed");
        members.shift_remove("enum");
        members.insert("type".to_owned(), "null".into());
        return Ok(());
    }
    let mut kind = kind(&values[0]);
    for value in &values {
        kind = match (kind, self::kind(value)) {
            (one, other) if one == other => one,
            ("integer" | "number", "integer" | "number") => "number",
            _ => bail!("{at}: values of several types can't be lowered"),
        };
    }
    ensure!(!matches!(kind, "array" | "object"), "{at}: values of type {kind} can't be lowered");
    let is_said = says(kind) || kind == "integer" && says("number");
    ensure!(is_said, "{at}: the values are of type {kind}, but the schema's is {}", said.join(" or "));
    let kind = if says(kind) { kind } else { "number" };
    let kind = if may_be_null && says("null") { json!([kind, "null"]) } else { json!(kind) };
    members.insert("type".to_owned(), kind);
    members.insert("enum".to_owned(), values.into());
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Keeps the keywords beside a `$ref`: notes stay beside it, null becomes a choice, and limits become a part of an
/// `allOf`.
fn beside_reference(members: &mut Map<String, Value>) {
    let Some(target) = members.get("$ref").cloned() else { return };
    let kinds = members.shift_remove("type");
    let may_be_null = kinds.is_some_and(|kinds| kinds.as_array().is_some_and(|k| k.contains(&json!("null"))));
    let (notes, mut rest): (Map<_, _>, Map<_, _>) = std::mem::take(members)
        .into_iter()
        .filter(|(key, _)| key != "$ref")
        .partition(|(key, _)| NOTES.contains(&key.as_str()));
    let reference = json!({ "$ref": target });
    *members = notes;
    let mut whole = if rest.is_empty() {
        reference
    } else {
        let mut parts = vec![reference];
        parts.extend(
            rest.shift_remove("allOf").and_then(|parts| parts.as_array().cloned()).into_iter().flatten(),
        );
        if !rest.is_empty() {
            parts.push(Value::Object(rest));
        }
        json!({ "allOf": parts })
    };
    if may_be_null {
        whole = json!({"anyOf": [whole, {"type": "null"}]});
    }
    members.extend(whole.as_object().cloned().into_iter().flatten());
}

/// Replaces an `allOf` of one part by that part. OpenAPI 3.0 needed this form for a description beside a reference.
fn one_part(members: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = members.get("allOf") else { return };
    let parts: Vec<Value> = parts.iter().filter(|part| **part != json!({})).cloned().collect();
    let alone = members.keys().all(|key| key == "allOf" || NOTES.contains(&key.as_str()));
    match &parts[..] {
        [] => drop(members.shift_remove("allOf")),
        [Value::Object(only)] if alone => {
            members.shift_remove("allOf");
            for (key, value) in only {
                members.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => drop(members.insert("allOf".to_owned(), parts.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(mut schema: Value) -> Result<Value, String> {
        schema::inside_out(&mut schema, "/x", &mut plain).map_err(|error| error.to_string())?;
        Ok(schema)
    }

    #[test]
    fn schemas_get_one_form() {
        let to = json!({"$ref": "#/components/schemas/A"});
        for (schema, expected) in [
            (json!(true), json!({})),
            (
                json!({"type": "string", "pattern": "^a$", "format": "date", "x-a": 1, "xml": {}}),
                json!({"type": "string"}),
            ),
            (
                json!({"type": "string", "format": "password"}),
                json!({"type": "string", "format": "password"}),
            ),
            (json!({"type": ["string"]}), json!({"type": "string"})),
            (json!({"items": true}), json!({"items": {}, "type": "array"})),
            (json!({"required": ["a"]}), json!({"required": ["a"], "type": "object"})),
            (json!({"enum": ["a", null, "a"]}), json!({"type": ["string", "null"], "enum": ["a"]})),
            (json!({"type": "string", "enum": ["a", null]}), json!({"type": "string", "enum": ["a"]})),
            (json!({"type": ["string", "null"], "enum": ["a"]}), json!({"type": "string", "enum": ["a"]})),
            (json!({"const": 1}), json!({"type": "integer", "enum": [1]})),
            (json!({"enum": [1, 2.5]}), json!({"type": "number", "enum": [1, 2.5]})),
            (json!({"enum": [null]}), json!({"type": "null"})),
            (
                json!({"$ref": to["$ref"], "type": ["object", "null"], "description": "d"}),
                json!({"description": "d", "anyOf": [to, {"type": "null"}]}),
            ),
            (json!({"$ref": to["$ref"], "type": "object"}), to.clone()),
            (
                json!({"$ref": to["$ref"], "required": ["a"], "title": "T"}),
                json!({"title": "T", "allOf": [to, {"required": ["a"]}]}),
            ),
            (json!({"allOf": [to], "description": "d"}), json!({"description": "d", "$ref": to["$ref"]})),
            (json!({"allOf": [{"type": "string"}, {}]}), json!({"type": "string"})),
            (
                json!({"type": "object", "properties": {}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
                json!({"type": "object", "properties": {}}),
            ),
        ] {
            assert_eq!(plain_of(schema.clone()), Ok(expected), "{schema}");
        }
    }

    #[test]
    fn what_no_type_can_be_made_of_is_refused_at_its_place() {
        for (schema, expected) in [
            (json!({"properties": {"a": false}}), "/x/properties/a: expected a schema object"),
            (json!({"type": "any"}), "/x/type: unknown type \"any\""),
            (json!({"type": 3}), "/x/type: unknown type 3"),
            (json!({"type": []}), "/x/type: there is no type"),
            (json!({"enum": []}), "/x/enum: no value is allowed"),
            (json!({"enum": ["a", 1]}), "/x/enum: values of several types can't be lowered"),
            (json!({"const": {}}), "/x/const: values of type object can't be lowered"),
            (
                json!({"type": "string", "enum": [1]}),
                "/x/enum: the values are of type integer, but the schema's is string",
            ),
            (json!({"properties": {"a": {"required": true}}}), "/x/properties/a/required: expected an array"),
        ] {
            assert_eq!(plain_of(schema.clone()), Err(expected.to_owned()), "{schema}");
        }
    }
}
