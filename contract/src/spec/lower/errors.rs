//! Adds one type for all error bodies: the union of the error schemas' members.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::{
    flatten::Flattening,
    operations::is_json,
    schema::{self, bare, components, reference, target},
};
use crate::spec::json::below;

/// The component that holds the union; no operation refers to it.
pub(super) const DOCUMENT: &str = "ErrorDocument";
/// The type of each of its `errors`.
pub(super) const OBJECT: &str = "ErrorObject";

/// Adds [`DOCUMENT`] and [`OBJECT`]. Their members come from the JSON bodies of all answers with a status of 400 or
/// more.
pub(super) fn union(mut document: Value) -> Result<Value> {
    let source = document.clone();
    let mut bodies = Bodies { flattening: Flattening::of(&source), seen: Vec::new(), found: Vec::new() };
    schema::operations(&mut document, &mut |operation, at| {
        for (status, response) in schema::members(operation, "responses") {
            if status.starts_with(['4', '5']) {
                let at = below(&below(at, "responses"), status);
                for (kind, media) in schema::members(response, "content").filter(|(kind, _)| is_json(kind)) {
                    let at = below(&below(&below(&at, "content"), kind), "schema");
                    bodies.add(&media["schema"], &at)?;
                }
            }
        }
        Ok(())
    })?;
    let (mut whole, mut single) = (Map::new(), Map::new());
    for (schema, at) in bodies.found {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let at = below(&below(&at, "properties"), key);
            if key == "errors" {
                let items = property.pointer("/items/properties").and_then(Value::as_object);
                let items = items.with_context(|| format!("{at}: expected a list of objects"))?;
                items.iter().try_for_each(|(key, member)| add(&mut single, &at, key, member))?;
            } else {
                add(&mut whole, &at, key, property)?;
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
            bail!("{}: this name is taken by the type of all errors", below(schema::SCHEMAS, name));
        }
    }
    Ok(document)
}

/// The schemas of error bodies with their places, each component once.
struct Bodies<'d> {
    flattening: Flattening<'d>,
    seen: Vec<String>,
    found: Vec<(Value, String)>,
}

impl Bodies<'_> {
    fn add(&mut self, schema: &Value, at: &str) -> Result<()> {
        if let Some(name) = target(schema) {
            if self.seen.iter().any(|known| known == name) {
                return Ok(());
            }
            self.seen.push(name.to_owned());
            let whole = self.flattening.component(name, at)?;
            return self.add_whole(&whole, &below(schema::SCHEMAS, name));
        }
        let mut whole = schema.clone();
        schema::inside_out(&mut whole, at, &mut |schema, at| self.flattening.flatten(schema, at))?;
        self.add_whole(&whole, at)
    }

    fn add_whole(&mut self, schema: &Value, at: &str) -> Result<()> {
        for key in ["anyOf", "oneOf"] {
            for (index, choice) in schema.get(key).and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                self.add(choice, &below(&below(at, key), &index.to_string()))?;
            }
        }
        self.found.push((schema.clone(), at.to_owned()));
        Ok(())
    }
}

fn add(properties: &mut Map<String, Value>, at: &str, key: &str, property: &Value) -> Result<()> {
    match properties.get(key) {
        Some(known) if bare(known) != bare(property) => {
            bail!("{at}: two error schemas disagree about \"{key}\"")
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
                "403": {"content": {"application/json": {"schema": body}, "text/html": {"schema": {}}}},
                "4XX": {"content": {"application/problem+json": {"schema": {"properties": {"title": {"type": "string"}}}}}}
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
        assert_eq!(keys(DOCUMENT), ["meta", "title", "errors"]);
    }

    #[test]
    fn shapes_that_disagree_are_an_error() {
        let error = union(document(json!({"detail": {"type": "integer"}}))).expect_err("disagreement");
        let expected = "/components/schemas/B/properties/errors: two error schemas disagree about \"detail\"";
        assert_eq!(error.to_string(), expected);
    }
}
