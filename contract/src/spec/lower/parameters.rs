//! Gives parameters in paths and headers types that can be sent as text. Their values must have exactly one text form.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::schema::{self, component, target};
use crate::spec::json::below;

pub(super) fn as_text(mut document: Value) -> Result<Value> {
    let source = document.clone();
    schema::operations(&mut document, &mut |operation, at| {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for (index, parameter) in parameters.into_iter().flatten().enumerate() {
            let at = below(&below(&below(at, "parameters"), &index.to_string()), "schema");
            let kind = parameter["in"].as_str().unwrap_or_default().to_owned();
            parameter["schema"] = without_null(&parameter["schema"]);
            if kind != "query" {
                parameter["schema"] = text(&parameter["schema"], &source, (&kind, &at))?;
            }
        }
        Ok(())
    })?;
    Ok(document)
}

/// Removes null from a parameter's schema. A parameter that is null is not sent.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(members) = schema.as_object_mut() {
        members.shift_remove("nullable");
        if let (Some(Value::Array(parts)), 1) = (members.get("allOf"), members.len()) {
            return parts.first().cloned().unwrap_or_default();
        }
    }
    schema
}

fn text(schema: &Value, document: &Value, (kind, at): (&str, &str)) -> Result<Value> {
    let mut whole = schema;
    while let Some(name) = target(whole) {
        whole = component(document, name)?;
    }
    let is_plain = |kind: &Value| ["string", "integer", "number", "boolean"].iter().any(|word| kind == word);
    match whole.get("type") {
        Some(Value::String(word)) if word != "string" && whole.get("enum").is_some() => {
            Ok(json!({"type": word}))
        }
        Some(word) if is_plain(word) => Ok(schema.clone()),
        None if whole.get("oneOf").is_none() => Ok(json!({"type": "string"})),
        None => {
            for choice in whole["oneOf"].as_array().into_iter().flatten() {
                text(choice, document, (kind, at))?;
            }
            Ok(json!({"type": "string"}))
        }
        Some(word) => bail!("{at}: {} can't be sent in a {kind}", word.as_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::schema::reference, *};

    fn schema(kind: &str, schema: Value) -> Result<Value, String> {
        let document = json!({
            "components": {"schemas": {
                "Level": {"type": "integer", "enum": [1, 2]}, "Id": {"type": "string", "maxLength": 3},
                "Alias": reference("Id"), "Card": {"type": "object"}
            }},
            "paths": {"/p": {"get": {"parameters": [{"name": "a", "in": kind, "schema": schema}]}}}
        });
        let out = as_text(document).map_err(|error| error.to_string())?;
        Ok(out["paths"]["/p"]["get"]["parameters"][0]["schema"].clone())
    }

    #[test]
    fn what_has_a_form_as_text_passes() {
        let string = json!({"type": "string"});
        for (given, expected) in [
            (reference("Id"), reference("Id")),
            (json!({"nullable": true, "allOf": [reference("Alias")]}), reference("Alias")),
            (reference("Level"), json!({"type": "integer"})),
            (json!({}), string.clone()),
            (json!({"oneOf": [{"type": "integer"}, reference("Id")]}), string.clone()),
            (json!({"type": "string", "nullable": true}), string),
        ] {
            assert_eq!(schema("path", given), Ok(expected));
        }
        assert_eq!(schema("query", reference("Card")), Ok(reference("Card")));
    }

    #[test]
    fn what_has_none_is_refused_at_its_place() {
        let error = schema("path", reference("Card")).expect_err("an object");
        assert_eq!(error, "/paths/~1p/get/parameters/0/schema: object can't be sent in a path");
        let error = schema("header", json!({"type": "array", "items": {}})).expect_err("a list");
        assert_eq!(error, "/paths/~1p/get/parameters/0/schema: array can't be sent in a header");
    }
}
