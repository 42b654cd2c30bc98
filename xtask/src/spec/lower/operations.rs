//! Operations as the generator takes them: good names, one media type, typed successes, untyped failures.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::schema;
use crate::spec::json::below;

/// The media types that carry JSON here; the real one goes on the wire from a hook.
const JSON_MEDIA: [&str; 2] = ["application/vnd.api+json", "application/json"];

/// Renames by `names` (`METHOD /path` → method name) and reduces each operation to what the generator understands.
pub(super) fn simplify(mut document: Value, names: &BTreeMap<String, String>) -> Result<Value> {
    let mut unused: BTreeSet<&String> = names.keys().collect();
    schema::operations(&mut document, &mut |operation, at| {
        let key = key(at);
        let name = names.get(&key).with_context(|| {
            format!("{at}: openapi/lowering.toml, [operations] has no name for \"{key}\"")
        })?;
        unused.remove(&key);
        *operation = simple(operation, name, at)?;
        Ok(())
    })?;
    if let Some(stale) = unused.first() {
        bail!("openapi/lowering.toml, [operations] names \"{stale}\", which no fragment has");
    }
    let version = document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
    // The generated client makes a header of it, and panics on anything but ASCII.
    ensure!(version.bytes().all(|byte| matches!(byte, b' '..=b'~')), "/info/version is not ASCII");
    let root = document.as_object_mut().context("expected an object")?;
    root.retain(|key, _| matches!(key.as_str(), "openapi" | "info" | "components" | "paths"));
    if let Some(components) = root.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|key, _| key == "schemas");
    }
    Ok(document)
}

/// `POST /cards` from `/paths/~1cards/post`.
fn key(at: &str) -> String {
    let mut parts = at.split('/').skip(2).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let (path, method) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{} {path}", method.to_uppercase())
}

fn simple(operation: &Value, name: &str, at: &str) -> Result<Value> {
    let mut out = Map::new();
    out.insert("operationId".to_owned(), name.into());
    for key in ["summary", "description", "parameters"] {
        if let Some(value) = operation.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(body) = operation.get("requestBody") {
        let content = json_content(body, &below(at, "requestBody"))?;
        out.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    let mut responses = Map::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let at = below(&below(at, "responses"), status);
        match status.as_bytes() {
            [b'2', ..] => {
                let mut kept = json!({"description": response["description"]});
                if response.get("content").is_some() {
                    kept["content"] = json_content(response, &at)?;
                }
                responses.insert(status.clone(), kept);
            }
            // Redirects are left out, so that they come back whole: the facade reads them itself.
            [b'3' | b'4' | b'5', ..] => {}
            _ => bail!("{at}: unknown status"),
        }
    }
    ensure!(!responses.is_empty(), "{at}/responses has no success");
    // Untyped, so that a body in another shape costs neither the status nor the headers.
    for (range, description) in [("4XX", "The request failed."), ("5XX", "The service failed.")] {
        responses.insert(
            range.to_owned(),
            json!({"description": description, "content": {"*/*": {"schema": {}}}}),
        );
    }
    out.insert("responses".to_owned(), Value::Object(responses));
    Ok(Value::Object(out))
}

fn json_content(holder: &Value, at: &str) -> Result<Value> {
    let content = holder.get("content").and_then(Value::as_object);
    let content = content.with_context(|| format!("{at}: no content"))?;
    let mut media = content.iter();
    let (Some((kind, media)), None) = (media.next(), media.next()) else {
        bail!("{at}/content: expected one media type, found {}", content.len());
    };
    ensure!(
        JSON_MEDIA.contains(&kind.as_str()),
        "{}: unknown media type",
        below(&below(at, "content"), kind)
    );
    let schema = media.get("schema").with_context(|| format!("{at}/content: no schema"))?;
    ensure!(schema::target(schema).is_some(), "{at}/content: expected a named schema");
    Ok(json!({"application/json": {"schema": schema}}))
}

#[cfg(test)]
mod tests {
    use super::schema::reference;
    use super::*;

    fn document() -> Value {
        json!({
            "openapi": "3.1.0", "servers": [], "components": {"schemas": {"A": {}}, "securitySchemes": {}},
            "paths": {"/cards/{id}": {"patch": {
                "operationId": "x", "tags": ["t"], "summary": "s",
                "requestBody": {"content": {"application/vnd.api+json": {"schema": reference("A")}}},
                "responses": {
                    "200": {"description": "d", "content": {"application/vnd.api+json": {"schema": reference("A")}}},
                    "303": {"description": "d"}, "400": {"description": "d"}
                }
            }}}
        })
    }

    fn names(key: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), "update_card".to_owned())])
    }

    #[test]
    fn successes_are_typed_redirects_go_and_failures_are_untyped() {
        let out = simplify(document(), &names("PATCH /cards/{id}")).expect("simplified");
        let operation = &out["paths"]["/cards/{id}"]["patch"];
        assert_eq!(operation["operationId"], "update_card");
        assert_eq!(operation["requestBody"]["required"], true);
        assert_eq!(
            operation["responses"]["200"]["content"],
            json!({"application/json": {"schema": reference("A")}})
        );
        let statuses: Vec<_> = operation["responses"].as_object().expect("object").keys().collect();
        assert_eq!(statuses, ["200", "4XX", "5XX"]);
        assert_eq!(out.get("servers"), None);
        assert_eq!(out["components"].get("securitySchemes"), None);
    }

    #[test]
    fn stale_and_missing_names_are_errors() {
        let error = simplify(document(), &BTreeMap::new()).expect_err("missing");
        assert!(error.to_string().contains("has no name for \"PATCH /cards/{id}\""), "{error}");
        let mut both = names("PATCH /cards/{id}");
        both.insert("GET /gone".to_owned(), "gone".to_owned());
        let error = simplify(document(), &both).expect_err("stale");
        assert!(error.to_string().contains("names \"GET /gone\", which no fragment has"), "{error}");
    }

    #[test]
    fn a_version_that_fits_no_header_is_an_error() {
        let mut document = document();
        document["info"] = json!({"version": "2 · 3"});
        let error = simplify(document, &names("PATCH /cards/{id}")).expect_err("not ASCII");
        assert_eq!(error.to_string(), "/info/version is not ASCII");
    }

    #[test]
    fn an_unknown_media_type_is_an_error() {
        let mut document = document();
        document["paths"]["/cards/{id}"]["patch"]["requestBody"]["content"] =
            json!({"text/csv": {"schema": {}}});
        let error = simplify(document, &names("PATCH /cards/{id}")).expect_err("unknown");
        assert!(error.to_string().ends_with("/requestBody/content/text~1csv: unknown media type"), "{error}");
    }
}
