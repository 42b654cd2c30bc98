//! Types that are written by hand in `cmp-generated`: choices by discriminator, and objects without known members.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    graph,
    schema::{self, SCHEMAS, component, components, is_nullable, nullable_reference},
};
use crate::spec::{generated::generate, json::below};

/// Replaces each schema in `names`, a choice by discriminator, by an object that only refers to the choices.
pub(super) fn placeholders(mut document: Value, names: &[String]) -> Result<Value> {
    for name in names {
        let is_known = generate::REPLACED.iter().any(|(known, _)| known == name);
        ensure!(
            is_known,
            "openapi/lowering.toml, [replaced]: no type of cmp-generated takes the place of {name}"
        );
        let schema = component(&document, name).context("openapi/lowering.toml, [replaced]")?;
        let choices = schema.pointer("/discriminator/mapping").and_then(Value::as_object);
        let choices = choices.with_context(|| format!("{SCHEMAS}/{name} has no discriminator mapping"))?;
        ensure!(!choices.is_empty(), "{SCHEMAS}/{name}/discriminator/mapping is empty");
        let refer = |target: &Value| json!({ "$ref": target });
        let properties: Map<_, _> =
            choices.iter().map(|(kind, target)| (kind.clone(), refer(target))).collect();
        let placeholder = json!({"type": "object", "properties": properties});
        components(&mut document)?.insert(name.clone(), placeholder);
    }
    Ok(document)
}

/// The component that the generator replaces by a hand-written type: see `cmp-generated/generate.rs`.
const NAME: &str = "FreeForm";

/// Gives all objects without known members the same type. Its `Debug` shows no values, because such an object can hold
/// any data.
pub(super) fn free_form(mut document: Value) -> Result<Value> {
    let schemas = components(&mut document)?;
    if schemas.contains_key(NAME) {
        bail!("{}: this name is taken by the type of objects without known members", below(SCHEMAS, NAME));
    }
    let whole: BTreeMap<_, _> = schemas
        .iter()
        .filter(|(_, s)| is_free_form(s))
        .map(|(name, _)| (name.clone(), NAME.to_owned()))
        .collect();
    schemas.retain(|name, _| !whole.contains_key(name));
    graph::rename(&mut document, &whole);
    schema::everywhere(&mut document, &mut |schema, _| {
        if is_free_form(schema) {
            *schema = nullable_reference(NAME, is_nullable(schema));
        }
        Ok(())
    })?;
    let free_form =
        json!({"type": "object", "description": "An object whose members the documents do not list."});
    components(&mut document)?.insert(NAME.to_owned(), free_form);
    Ok(document)
}

pub(super) fn is_free_form(schema: &Value) -> bool {
    let has =
        |key: &str| schema.get(key).and_then(Value::as_object).is_some_and(|members| !members.is_empty());
    schema.get("type").is_some_and(|kind| kind == "object")
        && !has("properties")
        && !has("additionalProperties")
}

#[cfg(test)]
mod tests {
    use super::{super::schema::reference, *};

    #[test]
    fn the_choices_stay_reachable() {
        let document = json!({"components": {"schemas": {"IncludedResource": {"oneOf": [{}], "not": {},
            "discriminator": {"propertyName": "type", "mapping": {"a": "#/components/schemas/A"}}}, "A": {}}}});
        let out = placeholders(document, &["IncludedResource".to_owned()]).expect("replaced");
        assert_eq!(
            out["components"]["schemas"]["IncludedResource"],
            json!({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}})
        );
    }

    #[test]
    fn a_stale_name_is_an_error() {
        let error = placeholders(json!({}), &["IncludedResource".to_owned()]).expect_err("stale");
        assert!(
            format!("{error:#}").contains("/components/schemas/IncludedResource does not exist"),
            "{error:#}"
        );
        let error = placeholders(json!({}), &["X".to_owned()]).expect_err("unknown");
        assert!(error.to_string().ends_with("no type of cmp-generated takes the place of X"), "{error:#}");
    }

    #[test]
    fn every_object_without_members_is_the_one_type() {
        let document = json!({"components": {"schemas": {
            "Meta": {"type": "object", "description": "d"},
            "A": {"type": "object", "properties": {
                "meta": reference("Meta"),
                "open": {"type": "object", "properties": {}, "additionalProperties": true, "nullable": true},
                "map": {"type": "object", "additionalProperties": {"type": "string"}}
            }}
        }}});
        let out = free_form(document).expect("named");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas.get("Meta"), None);
        assert_eq!(schemas["A"]["properties"]["meta"], reference(NAME));
        assert_eq!(schemas["A"]["properties"]["open"], json!({"nullable": true, "allOf": [reference(NAME)]}));
        assert_eq!(schemas["A"]["properties"]["map"]["type"], "object");
    }
}
