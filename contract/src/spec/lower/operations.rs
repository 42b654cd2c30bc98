//! Converts operations to the generator's form: good names, one media type, typed successes, untyped failures.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    hoist::{is_type_name, pascal},
    schema::{self, FROM, bare, components, reference, target},
};
use crate::spec::{
    facts::{EXTENSION, Operation, Operations},
    json::below,
};

/// Gives each operation its name and facts, and reduces each operation to what the generator understands.
pub(super) fn simplify(mut document: Value, facts: &Operations) -> Result<Value> {
    let mut unused: BTreeSet<&String> = facts.keys().collect();
    let mut named = Named::default();
    schema::operations(&mut document, &mut |operation, at| {
        let key = key(at);
        let facts = facts
            .get(&key)
            .with_context(|| format!("{at}: openapi/operations.toml has no entry for \"{key}\""))?;
        unused.remove(&key);
        *operation = simple(operation, facts, at, &mut named)?;
        Ok(())
    })?;
    if let Some(stale) = unused.first() {
        bail!("openapi/operations.toml has an entry for \"{stale}\", which no fragment has");
    }
    named.into_components(&mut document)?;
    let version = document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
    // The generated client makes a header from the version, and panics on anything but ASCII.
    ensure!(version.bytes().all(|byte| matches!(byte, b' '..=b'~')), "/info/version is not ASCII");
    let root = document.as_object_mut().context("expected an object")?;
    root.retain(|key, _| matches!(key.as_str(), "openapi" | "info" | "components" | "paths"));
    if let Some(components) = root.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|key, _| key == "schemas");
    }
    Ok(document)
}

/// Returns `POST /cards` for `/paths/~1cards/post`.
fn key(at: &str) -> String {
    let mut parts = at.split('/').skip(2).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let (path, method) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{} {path}", method.to_uppercase())
}

/// Returns the operation in the generator's form. Bodies without a name get one, and are added to `named`.
fn simple(operation: &Value, facts: &Operation, at: &str, named: &mut Named) -> Result<Value> {
    let name = &facts.name;
    let mut out = Map::new();
    out.insert("operationId".to_owned(), name.as_str().into());
    if let Some(known) = &facts.known {
        out.insert(EXTENSION.to_owned(), serde_json::to_value(known)?);
    }
    for key in ["summary", "description"] {
        if let Some(value) = operation.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    let parameters = parameters(operation, at)?;
    if !parameters.is_empty() {
        out.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(body) = operation.get("requestBody") {
        let at = below(at, "requestBody");
        let content = json_content(body, &at)?;
        let (schema, at) =
            content.with_context(|| format!("{at}/content: no JSON, and nothing else is sent"))?;
        let schema = named.body(schema, &at, &format!("{}Request", pascal(name)));
        let content = json!({"application/json": {"schema": schema}});
        out.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    out.insert("responses".to_owned(), responses(operation, name, at, named)?.into());
    Ok(Value::Object(out))
}

/// Returns the successes, which all have the same type, and failures without a type.
fn responses(operation: &Value, name: &str, at: &str, named: &mut Named) -> Result<Map<String, Value>> {
    let at = below(at, "responses");
    let all = operation.get("responses").and_then(Value::as_object);
    let all = all.with_context(|| format!("{at}: expected an object"))?;
    let mut successes = Vec::new();
    for (status, response) in all {
        match status.as_bytes() {
            [b'2', b'0'..=b'9', b'0'..=b'9'] | b"2XX" => successes.push((status.as_str(), response)),
            // Without a documented redirect, the client returns the whole response. The facade reads redirects itself.
            [b'1' | b'3' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9']
            | b"1XX"
            | b"3XX"
            | b"4XX"
            | b"5XX"
            | b"default" => {}
            _ => bail!("{}: unknown status", below(&at, status)),
        }
    }
    // Without any other success, the response for all statuses is the success.
    if let (true, Some(response)) = (successes.is_empty(), all.get("default")) {
        successes.push(("2XX", response));
    }
    ensure!(!successes.is_empty(), "{at} has no success");
    let mut out = Map::new();
    let mut known: Option<(&str, Value)> = None;
    for (status, response) in successes {
        let at = below(&at, status);
        let content = match (response.get("content").and_then(Value::as_object), json_content(response, &at)?)
        {
            (_, Some((schema, at))) => {
                let schema = named.body(schema, &at, &format!("{}Response", pascal(name)));
                json!({"application/json": {"schema": schema}})
            }
            (Some(content), None) if !content.is_empty() => json!({"*/*": {"schema": {}}}),
            _ => Value::Null,
        };
        match &known {
            Some((other, known)) if *known != content => bail!(
                "{at}: the answer differs from that of {other}; a generated method has one type of success"
            ),
            Some(_) => {}
            None => known = Some((status, content.clone())),
        }
        let mut kept =
            json!({"description": response.get("description").cloned().unwrap_or_else(|| "".into())});
        if !content.is_null() {
            kept["content"] = content;
        }
        out.insert(status.to_owned(), kept);
    }
    // Failures have no type, so that the status and the headers remain available whatever the body's shape.
    for (range, description) in [("4XX", "The request failed."), ("5XX", "The service failed.")] {
        out.insert(range.to_owned(), json!({"description": description, "content": {"*/*": {"schema": {}}}}));
    }
    Ok(out)
}

/// Returns `true` if a media type is JSON: `application/json` or a type with the suffix `+json`, with or without
/// parameters.
pub(super) fn is_json(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// Returns the schema of a body's JSON and its place. The media type itself is not needed: a hook sets it on each
/// request.
fn json_content<'v>(holder: &'v Value, at: &str) -> Result<Option<(&'v Value, String)>> {
    static ANYTHING: Value = Value::Null;
    let at = below(at, "content");
    let content = holder.get("content").and_then(Value::as_object).into_iter().flatten();
    let mut found: Option<(&Value, String)> = None;
    for (kind, media) in content.filter(|(kind, _)| is_json(kind)) {
        let at = below(&below(&at, kind), "schema");
        let schema = media.get("schema").unwrap_or(&ANYTHING);
        match &found {
            Some((known, _)) if bare(known) != bare(schema) => {
                bail!("{at}: another schema than that of the media type before")
            }
            Some(_) => {}
            None => found = Some((schema, at)),
        }
    }
    Ok(found)
}

/// Returns the parameters, reduced to the keywords that the generator reads.
fn parameters(operation: &Value, at: &str) -> Result<Vec<Value>> {
    let at = below(at, "parameters");
    let mut out = Vec::new();
    for (index, parameter) in
        operation.get("parameters").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let at = below(&at, &index.to_string());
        let kind = parameter["in"].as_str().unwrap_or_default();
        let style = match kind {
            "path" | "header" => "simple",
            "query" => "form",
            _ => bail!("{at}/in: a parameter in \"{kind}\" can't be sent"),
        };
        let has = |key: &str, usual: Value| parameter.get(key).is_none_or(|value| *value == usual);
        ensure!(has("style", style.into()), "{at}/style: only \"{style}\" can be sent in a {kind}");
        ensure!(
            has("explode", (kind == "query").into()) || parameter["schema"]["type"] != "array",
            "{at}/explode: a list can't be sent in this form"
        );
        ensure!(
            has("allowReserved", false.into()),
            "{at}/allowReserved: reserved characters are always escaped"
        );
        let schema = parameter.get("schema").with_context(|| format!("{at}: no schema"))?;
        let mut kept = json!({"name": parameter["name"], "in": kind});
        let is_required =
            kind == "path" || parameter.get("required").is_some_and(|required| *required == true);
        kept["required"] = is_required.into();
        if let Some(description) = parameter.get("description") {
            kept["description"] = description.clone();
        }
        kept["schema"] = schema.clone();
        out.push(kept);
    }
    Ok(out)
}

/// The schemas of bodies without a name of their own.
#[derive(Default)]
struct Named(Vec<(String, Value)>);

impl Named {
    /// Returns a reference to the body's schema. The schema's name is its title if that is a type's name, else
    /// `fallback`.
    fn body(&mut self, schema: &Value, at: &str, fallback: &str) -> Value {
        if target(schema).is_some() {
            // Keywords beside the reference do not change the type.
            return json!({ "$ref": schema["$ref"] });
        }
        if schema.as_object().is_none_or(Map::is_empty) {
            return json!({});
        }
        let title = schema.get("title").and_then(Value::as_str).filter(|title| is_type_name(title));
        let name = title.unwrap_or(fallback).to_owned();
        let mut schema = schema.clone();
        schema[FROM] = at.into();
        let is_known = |(known, other): &(String, Value)| *known == name && bare(other) == bare(&schema);
        if !self.0.iter().any(is_known) {
            self.0.push((name.clone(), schema));
        }
        reference(&name)
    }

    fn into_components(self, document: &mut Value) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let schemas = components(document)?;
        for (name, schema) in self.0 {
            let at = schema[FROM].as_str().unwrap_or_default().to_owned();
            match schemas.get(&name) {
                Some(known) if bare(known) != bare(&schema) => {
                    bail!("{at}: would be the type {name}, as {} is", below(schema::SCHEMAS, &name))
                }
                Some(_) => {}
                None => drop(schemas.insert(name, schema)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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

    fn names(key: &str) -> Operations {
        Operations::from([(key.to_owned(), Operation::named("update_card".to_owned()))])
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
        let error = simplify(document(), &Operations::new()).expect_err("missing");
        assert!(error.to_string().contains("has no entry for \"PATCH /cards/{id}\""), "{error}");
        let mut both = names("PATCH /cards/{id}");
        both.insert("GET /gone".to_owned(), Operation::named("gone".to_owned()));
        let error = simplify(document(), &both).expect_err("stale");
        assert!(error.to_string().contains("an entry for \"GET /gone\", which no fragment has"), "{error}");
    }

    #[test]
    fn a_version_that_fits_no_header_is_an_error() {
        let mut document = document();
        document["info"] = json!({"version": "2 · 3"});
        let error = simplify(document, &names("PATCH /cards/{id}")).expect_err("not ASCII");
        assert_eq!(error.to_string(), "/info/version is not ASCII");
    }

    fn operation(change: impl FnOnce(&mut Value)) -> Result<Value, String> {
        let mut document = document();
        change(&mut document["paths"]["/cards/{id}"]["patch"]);
        let out = simplify(document, &names("PATCH /cards/{id}")).map_err(|error| error.to_string())?;
        Ok(json!([out["paths"]["/cards/{id}"]["patch"], out["components"]["schemas"]]))
    }

    #[test]
    fn what_can_not_be_sent_or_returned_is_refused_at_its_place() {
        let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
        type Change = Box<dyn Fn(&mut Value)>;
        let set = |path: &'static str, value: Value| -> Change {
            Box::new(move |operation| {
                let (holder, key) = path.rsplit_once('/').expect("a path");
                operation.pointer_mut(holder).expect("a holder")[key] = value.clone();
            })
        };
        let parameter = |more: Value| {
            let mut parameter = json!({"name": "a", "in": "query", "schema": {"type": "array"}});
            parameter
                .as_object_mut()
                .expect("an object")
                .extend(more.as_object().cloned().expect("an object"));
            set("/parameters", json!([parameter]))
        };
        for (change, expected) in [
            (
                set("/requestBody/content", json!({"text/csv": {"schema": {}}})),
                "/requestBody/content: no JSON, and nothing else is sent",
            ),
            (
                set("/responses/204", json!({"description": ""})),
                "/responses/204: the answer differs from that of 200; ",
            ),
            (
                set("/responses/201", json!({"content": json_of(reference("B"))})),
                "/responses/201: the answer differs from that of 200; ",
            ),
            (set("/responses", json!({"303": {}, "404": {}})), "/responses has no success"),
            (set("/responses/20X", json!({})), "/responses/20X: unknown status"),
            (set("/responses/600", json!({})), "/responses/600: unknown status"),
            (parameter(json!({"in": "cookie"})), "/parameters/0/in: a parameter in \"cookie\" can't be sent"),
            (
                parameter(json!({"style": "deepObject"})),
                "/parameters/0/style: only \"form\" can be sent in a query",
            ),
            (
                parameter(json!({"explode": false})),
                "/parameters/0/explode: a list can't be sent in this form",
            ),
        ] {
            let error = operation(change).expect_err(expected);
            assert!(error.starts_with(&format!("/paths/~1cards~1{{id}}/patch{expected}")), "{error}");
        }
    }

    #[test]
    fn ordinary_answers_and_bodies_pass() {
        let body =
            |kind: &str, schema: Value| json!({"description": "d", "content": {kind: {"schema": schema}}});
        for responses in [
            json!({"default": body("application/json", reference("A"))}),
            json!({"2XX": body("application/hal+json; charset=utf-8", reference("A")), "default": body("application/json", reference("B"))}),
            json!({"200": body("Application/JSON", reference("A")), "201": body("application/json", reference("A"))}),
        ] {
            let out = operation(|operation| operation["responses"] = responses).expect("ordinary");
            let responses = out[0]["responses"].as_object().expect("responses");
            let first = responses.values().next().expect("a success");
            assert_eq!(first["content"], json!({"application/json": {"schema": reference("A")}}));
        }
        let inline = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let out = operation(|operation| {
            operation["requestBody"] = body("application/json", inline.clone());
            operation["responses"] =
                json!({"200": body("text/csv", json!({})), "201": body("application/pdf", json!({}))});
        });
        let out = out.expect("inline");
        assert_eq!(
            out[0]["requestBody"]["content"],
            json!({"application/json": {"schema": reference("UpdateCardRequest")}})
        );
        assert_eq!(out[0]["responses"]["200"]["content"], json!({"*/*": {"schema": {}}}));
        assert_eq!(bare(&out[1]["UpdateCardRequest"]), inline);
    }
}
