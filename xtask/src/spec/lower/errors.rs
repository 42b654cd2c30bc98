//! One type for every error body: the union of all error schemas' members.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::schema::{self, bare, components, reference, target};
use crate::spec::json::below;

/// The component that holds the union; no operation refers to it.
pub(super) const DOCUMENT: &str = "ErrorDocument";
/// The type of each of its `errors`.
pub(super) const OBJECT: &str = "ErrorObject";

/// Adds [`DOCUMENT`] and [`OBJECT`], made of the JSON bodies of all answers with a status of 400 or more.
pub(super) fn union(mut document: Value) -> Result<Value> {
    let mut names = Vec::new();
    schema::operations(&mut document, &mut |operation, at| {
        for (status, response) in schema::members(operation, "responses") {
            if status.starts_with(['4', '5']) {
                let media = schema::members(response, "content").filter(|(kind, _)| kind.ends_with("json"));
                for (_, media) in media {
                    let at = below(&below(at, "responses"), status);
                    named(&media["schema"], &at, &mut names)?;
                }
            }
        }
        Ok(())
    })?;
    let (mut whole, mut single) = (Map::new(), Map::new());
    for name in names {
        let properties = schema::component(&document, &name)?["properties"].as_object();
        for (key, property) in properties.into_iter().flatten() {
            if key == "errors" {
                let items = property.pointer("/items/properties").and_then(Value::as_object);
                let items = items.with_context(|| format!("{name}.errors: expected a list of objects"))?;
                items.iter().try_for_each(|(key, member)| add(&mut single, OBJECT, key, member))?;
            } else {
                add(&mut whole, DOCUMENT, key, property)?;
            }
        }
    }
    let list = json!({"type": "array", "items": reference(OBJECT), "description": "What went wrong."});
    whole.insert("errors".to_owned(), list);
    let schemas = components(&mut document)?;
    for (name, properties, description) in [
        (DOCUMENT, whole, "The body of an answer that is an error, in any of the documented shapes."),
        (OBJECT, single, "One error, in any of the documented shapes."),
    ] {
        let schema = json!({"type": "object", "description": description, "properties": properties});
        if schemas.insert(name.to_owned(), schema).is_some() {
            bail!("the contract has a schema {name} of its own");
        }
    }
    Ok(document)
}

fn named(schema: &Value, at: &str, names: &mut Vec<String>) -> Result<()> {
    if let Some(name) = target(schema) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        return Ok(());
    }
    let choices = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    let choices = choices.with_context(|| format!("{at}: expected a named schema, or a choice of them"))?;
    choices.iter().try_for_each(|choice| named(choice, at, names))
}

fn add(properties: &mut Map<String, Value>, owner: &str, key: &str, property: &Value) -> Result<()> {
    match properties.get(key) {
        Some(known) if bare(known) != bare(property) => {
            bail!("{owner}.{key}: two error schemas disagree about it")
        }
        Some(_) => {}
        None => {
            properties.insert(key.to_owned(), property.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(second: Value) -> Value {
        let body = json!({"anyOf": [reference("A"), reference("B")]});
        json!({
            "paths": {"/p": {"get": {"responses": {
                "200": {"content": {"application/json": {"schema": reference("Ok")}}},
                "403": {"content": {"application/json": {"schema": body}, "text/html": {"schema": {}}}}
            }}}},
            "components": {"schemas": {
                "A": {"properties": {"errors": {"items": {"properties": {"detail": {"type": "string"}}}}, "meta": {}}},
                "B": {"properties": {"errors": {"items": {"properties": second}}}}
            }}
        })
    }

    #[test]
    fn all_shapes_fold_into_one() {
        let second = json!({"status": {"type": "integer"}, "detail": {"title": "D", "type": "string"}});
        let out = union(document(second)).expect("united");
        let schemas = &out["components"]["schemas"];
        let keys = |name: &str| {
            let properties = schemas[name]["properties"].as_object().expect("object");
            properties.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(OBJECT), ["detail", "status"]);
        assert_eq!(keys(DOCUMENT), ["meta", "errors"]);
    }

    #[test]
    fn shapes_that_disagree_are_an_error() {
        let error = union(document(json!({"detail": {"type": "integer"}}))).expect_err("disagreement");
        assert_eq!(error.to_string(), "ErrorObject.detail: two error schemas disagree about it");
    }
}
