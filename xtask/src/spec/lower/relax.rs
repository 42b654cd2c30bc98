//! Answers are read leniently: no limits, only the identifying members required, null wherever a member may be absent.

use anyhow::Result;
use serde_json::{Value, json};

use super::enums;
use super::graph;
use super::schema::{SCHEMAS, components, inside_out, members};
use crate::spec::json::below;

/// Without these an answer says nothing.
const REQUIRED: [&str; 2] = ["data", "id"];
const LIMITS: [&str; 10] = [
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];

pub(super) fn answers(mut document: Value) -> Result<Value> {
    let received = graph::received(&document)?;
    for (name, schema) in components(&mut document)? {
        // A list of values is relaxed where it is referred to.
        if received.contains(name) && !enums::is_list(schema) {
            inside_out(schema, &below(SCHEMAS, name), &mut |schema, _| {
                relax(schema);
                Ok(())
            })?;
        }
    }
    Ok(document)
}

fn relax(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    keywords.retain(|key, value| {
        !LIMITS.contains(&key.as_str()) && key != "enum" && !(key == "additionalProperties" && value == false)
    });
    if let Some(Value::Array(names)) = keywords.get_mut("required") {
        names.retain(|name| REQUIRED.iter().any(|kept| name == kept));
    }
    if keywords.get("required").is_some_and(|names| names == &json!([])) {
        keywords.shift_remove("required");
    }
    let required = keywords.get("required").cloned().unwrap_or_default();
    let is_required =
        |name: &String| required.as_array().is_some_and(|names| names.iter().any(|n| n == name));
    for (name, property) in members(schema, "properties") {
        let Some(property) = property.as_object_mut() else { continue };
        if !is_required(name) && !property.contains_key("$ref") {
            property.insert("nullable".to_owned(), true.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::reference;
    use super::*;

    #[test]
    fn answers_lose_their_limits_and_requests_keep_them() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let strict = json!({
            "type": "object", "required": ["id", "a"], "additionalProperties": false, "properties": {
                "id": {"type": "string", "minLength": 3}, "a": {"type": "array", "items": {"type": "string", "maxLength": 1}},
                "kind": {"type": "string", "enum": ["x"]}, "link": reference("Request")
            }
        });
        let document = json!({
            "paths": {"/p": {"post": {"requestBody": body("Request"), "responses": {"200": body("Answer")}}}},
            "components": {"schemas": {"Request": {"type": "string", "maxLength": 2}, "Answer": strict}}
        });
        let out = answers(document).expect("relaxed");
        assert_eq!(
            out["components"]["schemas"]["Answer"],
            json!({
                "type": "object", "required": ["id"], "properties": {
                    "id": {"type": "string"}, "a": {"type": "array", "items": {"type": "string"}, "nullable": true},
                    "kind": {"type": "string", "nullable": true}, "link": reference("Request")
                }
            })
        );
    }

    #[test]
    fn what_is_only_sent_is_left_alone() {
        let body = json!({"content": {"application/json": {"schema": reference("Request")}}});
        let document = json!({
            "paths": {"/p": {"post": {"requestBody": body, "responses": {}}}},
            "components": {"schemas": {"Request": {"type": "string", "maxLength": 2}}}
        });
        assert_eq!(answers(document.clone()).expect("unchanged"), document);
    }
}
