//! Objects without known members get one type, which `cmp-generated` writes by hand because what they hold may be
//! anybody's data.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::graph;
use super::schema::{self, components, is_nullable, nullable_reference};
use crate::spec::json::below;

/// The component that `cmp-generated/build.rs` replaces by its own type.
const NAME: &str = "FreeForm";

pub(super) fn name(mut document: Value) -> Result<Value> {
    let schemas = components(&mut document)?;
    if schemas.contains_key(NAME) {
        bail!(
            "{}: this name is taken by the type of objects without known members",
            below(schema::SCHEMAS, NAME)
        );
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
    use super::super::schema::reference;
    use super::*;

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
        let out = name(document).expect("named");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas.get("Meta"), None);
        assert_eq!(schemas["A"]["properties"]["meta"], reference(NAME));
        assert_eq!(schemas["A"]["properties"]["open"], json!({"nullable": true, "allOf": [reference(NAME)]}));
        assert_eq!(schemas["A"]["properties"]["map"]["type"], "object");
    }
}
