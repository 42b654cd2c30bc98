//! Marks the properties that become hand-written scalars, with a private `format`.
//!
//! The generator compares whole schemas. With a limit beside the mark, it would silently generate a type that prints
//! its value. So a mark replaces the schema.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    plain::PASSWORD,
    rules::{Scalar, Unsettled},
    schema::{self, target},
};
use crate::spec::json::below;

pub(super) fn mark(mut document: Value, marks: &BTreeMap<Scalar, Vec<String>>) -> Result<Value> {
    let mut by_name = BTreeMap::new();
    for (scalar, names) in marks {
        for name in names {
            ensure!(by_name.insert(name.as_str(), *scalar).is_none(), "[scalars] names \"{name}\" twice");
        }
    }
    let mut used = BTreeSet::new();
    let plain = document.clone();
    schema::roots(&mut document, &mut |root, root_at| {
        let owner = root_at.strip_prefix("/components/schemas/").unwrap_or_default().to_owned();
        schema::inside_out(root, root_at, &mut |schema, at| {
            for (key, property) in schema::members(schema, "properties") {
                let exact = format!("{owner}.{key}");
                let exact = if at == root_at { by_name.get_key_value(exact.as_str()) } else { None };
                if let Some((name, scalar)) = exact.or_else(|| by_name.get_key_value(key.as_str())) {
                    used.insert(*name);
                    let marked = marked_inside(property, *scalar, &plain);
                    *property = marked.with_context(|| {
                        let at = below(&below(at, "properties"), key);
                        format!(
                            "{at}: marked {}, but neither a string or number nor a list or map of them",
                            scalar.format()
                        )
                    })?;
                } else if property.get("format").is_some_and(|format| format == PASSWORD) {
                    *property = marked(property, Scalar::Secret);
                }
            }
            Ok(())
        })
    })?;
    if let Some(unused) = by_name.keys().find(|name| !used.contains(*name)) {
        bail!(Unsettled::Stale { section: "scalars", name: (*unused).to_owned(), why: "no schema has" });
    }
    Ok(document)
}

/// Returns the property as the scalar, or as a list or map of the scalar.
fn marked_inside(property: &Value, scalar: Scalar, document: &Value) -> Option<Value> {
    if is_scalar(property, document) {
        return Some(marked(property, scalar));
    }
    let mut schema = property;
    // The loop ends: an earlier step has refused references that lead back to themselves.
    while let Some(name) = target(schema) {
        schema = schema::component(document, name).ok()?;
    }
    let mut rest = choices(schema).filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let (Some(only), None) = (rest.next(), rest.next()) {
        let mut out = marked_inside(only, scalar, document)?;
        if is_nullable(schema) {
            out["nullable"] = true.into();
        }
        return Some(out);
    }
    let key = ["items", "additionalProperties"].into_iter().find(|key| schema.get(key).is_some())?;
    let has_members = schema.get("properties").is_some();
    let held = (!has_members && is_scalar(&schema[key], document)).then(|| marked(&schema[key], scalar))?;
    let mut out = schema.clone();
    out[key] = held;
    Some(out)
}

fn marked(property: &Value, scalar: Scalar) -> Value {
    let mut out = Map::new();
    out.insert("type".to_owned(), scalar.json_type().into());
    out.insert("format".to_owned(), scalar.format().into());
    for key in ["description", "readOnly", "writeOnly"] {
        out.extend(property.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    if is_nullable(property) {
        out.insert("nullable".to_owned(), true.into());
    }
    Value::Object(out)
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten()
}

fn is_nullable(schema: &Value) -> bool {
    let kind = schema.get("type").unwrap_or(&Value::Null);
    kind == "null"
        || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("null")))
        || choices(schema).any(is_nullable)
}

fn is_scalar(schema: &Value, document: &Value) -> bool {
    let (mut open, mut seen) = (vec![schema], BTreeSet::new());
    while let Some(schema) = open.pop() {
        if let Some(name) = target(schema) {
            let Ok(found) = schema::component(document, name) else { return false };
            open.extend(seen.insert(name).then_some(found));
            continue;
        }
        let simple = |kind: &Value| ["string", "number", "integer", "null"].iter().any(|word| kind == word);
        let is_simple = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().all(simple),
            Some(kind) => simple(kind),
            None => {
                let before = open.len();
                open.extend(choices(schema));
                open.len() > before || schema::is_untyped(schema)
            }
        };
        if !is_simple {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(scalar: Scalar, name: &str) -> BTreeMap<Scalar, Vec<String>> {
        BTreeMap::from([(scalar, vec![name.to_owned()])])
    }

    fn document(property: Value) -> Value {
        json!({"components": {"schemas": {"Card": {"properties": {"pan": property}}, "T": {"type": "string"}}}})
    }

    #[test]
    fn a_mark_leaves_no_limit_beside_it() {
        let property = json!({"type": "string", "minLength": 14, "title": "PAN", "description": "d"});
        let out = mark(document(property), &marks(Scalar::Secret, "pan")).expect("marked");
        assert_eq!(
            out["components"]["schemas"]["Card"]["properties"]["pan"],
            json!({"type": "string", "format": "secret", "description": "d"})
        );
    }

    #[test]
    fn what_may_be_null_stays_so() {
        for property in [
            json!({"type": ["string", "integer", "null"]}),
            json!({"anyOf": [{"$ref": "#/components/schemas/T"}, {"type": "null"}]}),
        ] {
            let out = mark(document(property), &marks(Scalar::Secret, "Card.pan")).expect("marked");
            assert_eq!(out["components"]["schemas"]["Card"]["properties"]["pan"]["nullable"], true);
        }
    }

    #[test]
    fn an_unused_mark_and_a_mark_on_an_object_are_errors() {
        let error = mark(document(json!({"type": "string"})), &marks(Scalar::Secret, "Other.pan"))
            .expect_err("unused");
        assert!(error.to_string().contains("\"Other.pan\", which no schema has"), "{error}");
        let error =
            mark(document(json!({"type": "object"})), &marks(Scalar::Secret, "pan")).expect_err("object");
        assert!(
            error.to_string().starts_with("/components/schemas/Card/properties/pan: marked secret"),
            "{error}"
        );
    }

    #[test]
    fn a_mark_on_a_list_or_a_map_is_on_what_it_holds() {
        let secret = json!({"type": "string", "format": "secret"});
        let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        for (property, expected) in [
            (json!({"type": "array", "items": to("T")}), json!({"type": "array", "items": secret})),
            (to("List"), json!({"type": ["array", "null"], "items": secret})),
            (
                json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),
                json!({"type": "array", "items": secret, "nullable": true}),
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                json!({"type": "object", "additionalProperties": secret}),
            ),
            (json!({}), secret.clone()),
        ] {
            let mut document = document(property.clone());
            document["components"]["schemas"]["List"] =
                json!({"type": ["array", "null"], "items": {"type": "string", "minLength": 1}});
            let out = mark(document, &marks(Scalar::Secret, "pan")).expect("marked");
            assert_eq!(out["components"]["schemas"]["Card"]["properties"]["pan"], expected, "{property}");
        }
        let several = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
        mark(document(several), &marks(Scalar::Secret, "pan")).expect_err("a string or a list");
    }

    #[test]
    fn a_choice_that_leads_back_to_itself_is_looked_at_once() {
        let choice = |other: Value| {
            let mut document = document(json!({"$ref": "#/components/schemas/Loop"}));
            document["components"]["schemas"]["Loop"] =
                json!({"anyOf": [{"$ref": "#/components/schemas/Loop"}, other]});
            mark(document, &marks(Scalar::Secret, "pan"))
        };
        assert!(choice(json!({"type": "string"})).is_ok());
        choice(json!({"type": "object"})).expect_err("an object");
    }

    #[test]
    fn a_password_is_a_secret_without_a_mark() {
        let property =
            json!({"type": ["string", "null"], "format": "password", "maxLength": 9, "writeOnly": true});
        let out = mark(document(property), &BTreeMap::new()).expect("marked");
        assert_eq!(
            out["components"]["schemas"]["Card"]["properties"]["pan"],
            json!({"type": "string", "format": "secret", "writeOnly": true, "nullable": true})
        );
    }
}
