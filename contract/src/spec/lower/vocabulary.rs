//! Checks that some step knows each keyword of the contract. Otherwise lowering stops here.

use anyhow::{Result, bail};
use serde_json::Value;

use super::schema;
use crate::spec::{
    json::{below, object, section},
    sources::TRANSCRIBED,
    split::{METHODS, NOTIFYING, WEBHOOKS},
};

const ROOT: &[&str] =
    &["openapi", "info", "tags", "servers", "security", "components", "paths", "externalDocs", WEBHOOKS];
const COMPONENTS: &[&str] = &["schemas", "securitySchemes"];
const OPERATION: &[&str] = &[
    "tags",
    "summary",
    "description",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "security",
    "servers",
    "deprecated",
    TRANSCRIBED,
];
const PARAMETER: &[&str] = &[
    "name",
    "in",
    "required",
    "description",
    "schema",
    "example",
    "examples",
    "deprecated",
    "style",
    "explode",
    "allowEmptyValue",
    "allowReserved",
];
const BODY: &[&str] = &["description", "content", "required"];
const RESPONSE: &[&str] = &["description", "content"];
const MEDIA: &[&str] = &["schema", "example", "examples", "encoding"];
const SCHEMA: &[&str] = &[
    "$ref",
    "type",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "discriminator",
    "deprecated",
    "readOnly",
    "writeOnly",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contentEncoding",
    "contentMediaType",
    "externalDocs",
    "xml",
    "$comment",
];

pub(super) fn check(document: &Value) -> Result<()> {
    known(document, "", ROOT)?;
    known(&document["components"], "/components", COMPONENTS)?;
    check_items(document, "paths", &METHODS)?;
    check_items(document, WEBHOOKS, &[NOTIFYING])?;
    schema::everywhere(&mut document.clone(), &mut |schema, at| {
        // `true` allows anything.
        if *schema == true {
            return Ok(());
        }
        known(schema, at, SCHEMA)?;
        if schema.get("type").is_some_and(|kind| kind == "array") && schema.get("required").is_some() {
            bail!("{at}/required means nothing on an array");
        }
        Ok(())
    })
}

fn check_items(document: &Value, name: &str, methods: &[&str]) -> Result<()> {
    for (path, item) in section(document, name, "")? {
        let at = below(&below("", name), path);
        known(item, &at, methods)?;
        for (method, operation) in object(item, &at)? {
            check_operation(operation, &below(&at, method))?;
        }
    }
    Ok(())
}

fn check_operation(operation: &Value, at: &str) -> Result<()> {
    known(operation, at, OPERATION)?;
    for (index, parameter) in operation["parameters"].as_array().into_iter().flatten().enumerate() {
        known(parameter, &below(&below(at, "parameters"), &index.to_string()), PARAMETER)?;
    }
    if let Some(body) = operation.get("requestBody") {
        let at = below(at, "requestBody");
        known(body, &at, BODY)?;
        check_content(body, &at)?;
    }
    for (status, response) in section(operation, "responses", at)? {
        let at = below(&below(at, "responses"), status);
        known(response, &at, RESPONSE)?;
        check_content(response, &at)?;
    }
    Ok(())
}

fn check_content(holder: &Value, at: &str) -> Result<()> {
    for (media_type, media) in section(holder, "content", at)? {
        known(media, &below(&below(at, "content"), media_type), MEDIA)?;
    }
    Ok(())
}

fn known(value: &Value, at: &str, words: &[&str]) -> Result<()> {
    let is_known = |key: &str| words.contains(&key) || key.starts_with("x-");
    match object(value, at)?.keys().find(|key| !is_known(key)) {
        Some(key) => bail!("{}: unknown keyword", below(at, key)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(path_item: Value, schemas: Value) -> String {
        let document = json!({"paths": {"/p": path_item}, "components": {"schemas": schemas}});
        check(&document).expect_err("unknown").to_string()
    }

    #[test]
    fn an_unknown_keyword_is_named_by_its_pointer() {
        let text = error(json!({}), json!({"A": {"properties": {"b": {"unevaluatedProperties": false}}}}));
        assert_eq!(text, "/components/schemas/A/properties/b/unevaluatedProperties: unknown keyword");
        let text = error(json!({"get": {"responses": {"200": {"schema": {}}}}}), json!({}));
        assert_eq!(text, "/paths/~1p/get/responses/200/schema: unknown keyword");
        let text = error(json!({"query": {}}), json!({}));
        assert_eq!(text, "/paths/~1p/query: unknown keyword");
    }

    #[test]
    fn webhooks_are_checked_like_paths() {
        let error = |item: Value| {
            let document = json!({"webhooks": {"event": item}, "components": {"schemas": {}}});
            check(&document).expect_err("unknown").to_string()
        };
        assert_eq!(error(json!({"put": {}})), "/webhooks/event/put: unknown keyword");
        assert_eq!(error(json!({"post": {"body": {}}})), "/webhooks/event/post/body: unknown keyword");
        let inline = json!({"content": {"application/json": {"schema": {"if": {}}}}});
        let text = error(json!({"post": {"requestBody": inline}}));
        assert_eq!(
            text,
            "/webhooks/event/post/requestBody/content/application~1json/schema/if: unknown keyword"
        );
    }

    #[test]
    fn a_property_may_have_any_name() {
        let document =
            json!({"components": {"schemas": {"A": {"properties": {"links": {"type": "string"}}}}}});
        check(&document).expect("links is a property here");
    }

    #[test]
    fn required_on_an_array_is_refused() {
        let text = error(json!({}), json!({"A": {"type": "array", "items": {}, "required": ["x"]}}));
        assert_eq!(text, "/components/schemas/A/required means nothing on an array");
    }
}
