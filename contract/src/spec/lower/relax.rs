//! Makes the schemas of answers lenient: they have no limits and no required members, and members may be null. Every
//! string gets a type that does not print its value.

use anyhow::Result;
use serde_json::Value;

use super::{
    enums, graph,
    schema::{SCHEMAS, components, inside_out, members},
};
use crate::spec::json::{OPEN_ENUM, below};

/// The mark of a string from outside: see `cmp-generated/generate.rs`.
const TEXT: &str = "text";
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
        // A list of values stays: answers refer to an open string instead.
        if received.contains(name) && !enums::is_list(schema) {
            let root = below(SCHEMAS, name);
            inside_out(schema, &root, &mut |schema, at| {
                // A string with its own name becomes its own type: see `cmp-generated/readers.rs`.
                relax(schema, at == root);
                Ok(())
            })?;
        }
    }
    Ok(document)
}

fn relax(schema: &mut Value, is_named: bool) {
    let Some(keywords) = schema.as_object_mut() else { return };
    keywords.retain(|key, value| match key.as_str() {
        "enum" | "required" => false,
        "additionalProperties" => value != false,
        key => !LIMITS.contains(&key),
    });
    let is_marked = keywords.contains_key("format") || keywords.contains_key(OPEN_ENUM);
    if keywords.get("type").is_some_and(|kind| kind == "string") && !is_marked && !is_named {
        keywords.insert("format".to_owned(), TEXT.into());
    }
    for (_, property) in members(schema, "properties") {
        let Some(property) = property.as_object_mut() else { continue };
        if !property.contains_key("$ref") {
            property.insert("nullable".to_owned(), true.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::schema::reference, *};

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
                "type": "object", "properties": {
                    "id": {"type": "string", "format": "text", "nullable": true},
                    "a": {"type": "array", "items": {"type": "string", "format": "text"}, "nullable": true},
                    "kind": {"type": "string", "format": "text", "nullable": true}, "link": reference("Request")
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
