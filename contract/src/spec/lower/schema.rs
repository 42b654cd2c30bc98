//! Walks schemas, and only schemas: a property with the name `title` or `type` is not a keyword.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::spec::{
    json::{below, object},
    split::{METHODS, SECTIONS},
};

pub(crate) const SCHEMAS: &str = "/components/schemas";
/// The keyword that notes, during lowering, where in the contract a component's schema was.
pub(super) const FROM: &str = "x-from";

/// The function that a walk calls with each schema and its pointer.
pub(crate) type Visit<'v> = dyn FnMut(&mut Value, &str) -> Result<()> + 'v;

const OF_MANY: [&str; 2] = ["properties", "patternProperties"];
const OF_LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const OF_ONE: [&str; 3] = ["items", "additionalProperties", "not"];

/// Calls `visit` with the schemas directly inside `schema`.
pub(crate) fn children(schema: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    for key in OF_MANY {
        for (name, child) in schema.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten() {
            visit(child, &below(&below(at, key), name))?;
        }
    }
    for key in OF_LIST {
        let list = schema.get_mut(key).and_then(Value::as_array_mut);
        for (index, child) in list.into_iter().flatten().enumerate() {
            visit(child, &below(&below(at, key), &index.to_string()))?;
        }
    }
    for key in OF_ONE {
        if let Some(child) = schema.get_mut(key).filter(|child| child.is_object()) {
            visit(child, &below(at, key))?;
        }
    }
    Ok(())
}

/// Calls `visit` with `schema` and every schema in it, innermost first.
pub(crate) fn inside_out(schema: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    children(schema, at, &mut |child, child_at| inside_out(child, child_at, visit))?;
    visit(schema, at)
}

/// Calls `visit` with each outermost schema: the components, and the schemas of parameters, bodies and headers.
pub(crate) fn roots(document: &mut Value, visit: &mut Visit<'_>) -> Result<()> {
    let at = "/components";
    if let Some(components) = document.get_mut("components") {
        for (name, schema) in members(components, "schemas") {
            visit(schema, &below(SCHEMAS, name))?;
        }
        for kind in ["parameters", "headers"] {
            for (name, value) in members(components, kind) {
                parameter(value, &below(&below(at, kind), name), visit)?;
            }
        }
        for (name, body) in members(components, "requestBodies") {
            content(body, &below(&below(at, "requestBodies"), name), visit)?;
        }
        for (name, value) in members(components, "responses") {
            response(value, &below(&below(at, "responses"), name), visit)?;
        }
        for (name, item) in members(components, "pathItems") {
            path_item(item, &below(&below(at, "pathItems"), name), visit)?;
        }
    }
    for section in SECTIONS {
        for (path, item) in members(document, section) {
            path_item(item, &below(&below("", section), path), visit)?;
        }
    }
    Ok(())
}

fn path_item(item: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    parameters(item, at, visit)?;
    for (method, operation) in item.as_object_mut().into_iter().flatten() {
        if METHODS.contains(&method.as_str()) {
            operation_schemas(operation, &below(at, method), visit)?;
        }
    }
    Ok(())
}

fn operation_schemas(operation: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    parameters(operation, at, visit)?;
    if let Some(body) = operation.get_mut("requestBody") {
        content(body, &below(at, "requestBody"), visit)?;
    }
    for (status, value) in members(operation, "responses") {
        response(value, &below(&below(at, "responses"), status), visit)?;
    }
    for (name, callback) in members(operation, "callbacks") {
        let at = below(&below(at, "callbacks"), name);
        for (expression, item) in callback.as_object_mut().into_iter().flatten() {
            path_item(item, &below(&at, expression), visit)?;
        }
    }
    Ok(())
}

fn parameters(holder: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    for (index, value) in list(holder, "parameters").enumerate() {
        parameter(value, &below(&below(at, "parameters"), &index.to_string()), visit)?;
    }
    Ok(())
}

/// Calls `visit` with the schemas of a parameter or a header.
fn parameter(value: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    holder(value, at, visit)?;
    content(value, at, visit)
}

fn response(response: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    content(response, at, visit)?;
    for (name, header) in members(response, "headers") {
        parameter(header, &below(&below(at, "headers"), name), visit)?;
    }
    Ok(())
}

/// Calls `visit` with every schema in the document, innermost first.
pub(crate) fn everywhere(document: &mut Value, visit: &mut Visit<'_>) -> Result<()> {
    roots(document, &mut |schema, at| inside_out(schema, at, visit))
}

/// Calls `visit` with every operation and its pointer. Webhooks are included.
pub(crate) fn operations(document: &mut Value, visit: &mut Visit<'_>) -> Result<()> {
    for section in SECTIONS {
        for (path, item) in members(document, section) {
            let at = below(&below("", section), path);
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if METHODS.contains(&method.as_str()) {
                    visit(operation, &below(&at, method))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the component schemas.
pub(crate) fn components(document: &mut Value) -> Result<&mut Map<String, Value>> {
    let schemas = document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut);
    schemas.with_context(|| format!("{SCHEMAS}: expected an object"))
}

/// Returns the component schema `name`.
pub(crate) fn component<'d>(document: &'d Value, name: &str) -> Result<&'d Value> {
    let at = below(SCHEMAS, name);
    let schema = document.pointer(&at).with_context(|| format!("{at} does not exist"))?;
    object(schema, &at)?;
    Ok(schema)
}

/// Returns the name of the component that a schema refers to, if the schema is a reference.
pub(crate) fn target(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

/// Returns `true` if a schema leaves the type open, so that the value may be a string.
pub(super) fn is_untyped(schema: &Value) -> bool {
    const TYPING: [&str; 10] = [
        "$ref",
        "type",
        "enum",
        "const",
        "allOf",
        "anyOf",
        "oneOf",
        "properties",
        "items",
        "additionalProperties",
    ];
    *schema == true
        || schema.as_object().is_some_and(|members| !TYPING.iter().any(|key| members.contains_key(*key)))
}

pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#{SCHEMAS}/{name}") })
}

/// Notes a component's place in the contract, before the component gets another name.
pub(super) fn note_origin(schema: &mut Value, name: &str) {
    if let Some(members) = schema.as_object_mut() {
        members.entry(FROM).or_insert_with(|| below(SCHEMAS, name).into());
    }
}

/// Returns a reference to the component `name`, which also allows null if `nullable` is `true`.
pub(crate) fn nullable_reference(name: &str, nullable: bool) -> Value {
    if nullable { json!({"nullable": true, "allOf": [reference(name)]}) } else { reference(name) }
}

pub(crate) fn is_nullable(schema: &Value) -> bool {
    schema.get("nullable").is_some_and(|nullable| nullable == true)
}

/// Returns the schema without the keywords for human readers and without the notes of its origin.
pub(crate) fn bare(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let stripped = inside_out(&mut schema, "", &mut |schema, _| {
        if let Some(members) = schema.as_object_mut() {
            members.retain(|key, _| !matches!(key.as_str(), "title" | "description" | FROM));
        }
        Ok(())
    });
    debug_assert!(stripped.is_ok(), "the visitor never fails");
    schema
}

fn content(holder_of_content: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    for (media_type, media) in members(holder_of_content, "content") {
        holder(media, &below(&below(at, "content"), media_type), visit)?;
    }
    Ok(())
}

fn holder(value: &mut Value, at: &str, visit: &mut Visit<'_>) -> Result<()> {
    value.get_mut("schema").map_or(Ok(()), |schema| visit(schema, &below(at, "schema")))
}

pub(crate) fn members<'v>(
    value: &'v mut Value,
    key: &str,
) -> impl Iterator<Item = (&'v String, &'v mut Value)> + use<'v> {
    value.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten()
}

fn list<'v>(value: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> + use<'v> {
    value.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_called_like_a_keyword_is_a_property() {
        let mut schema = json!({"properties": {"items": {"type": "string"}, "title": {"anyOf": [{}]}}});
        let mut seen = Vec::new();
        inside_out(&mut schema, "", &mut |_, at| {
            seen.push(at.to_owned());
            Ok(())
        })
        .expect("the visitor never fails");
        assert_eq!(seen, ["/properties/items", "/properties/title/anyOf/0", "/properties/title", ""]);
    }
}
