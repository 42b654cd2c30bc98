//! Converts schema keywords from OpenAPI 3.1 to 3.0.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    plain::PASSWORD,
    schema::{self, component, components, is_nullable, nullable_reference, target},
};
use crate::spec::json::below;

pub(super) fn to_3_0(mut document: Value) -> Result<Value> {
    let source = document.clone();
    schema::everywhere(&mut document, &mut |schema, at| convert(schema, at, &source))?;
    schema::everywhere(&mut document, &mut |schema, at| {
        ensure!(!is_null(schema), "{at}: null alone can't be lowered");
        Ok(())
    })?;
    document["openapi"] = "3.0.3".into();
    Ok(document)
}

fn convert(schema: &mut Value, at: &str, document: &Value) -> Result<()> {
    let members = schema.as_object_mut().with_context(|| format!("{at}: expected a schema object"))?;
    ensure!(!members.contains_key("not"), "{}: can't be lowered", below(at, "not"));
    ensure!(
        !members.contains_key("discriminator"),
        "{}: can't be lowered; types that a member selects are decoded by hand",
        below(at, "discriminator")
    );
    types(members, at)?;
    exclusive_limits(members, at)?;
    // A `password` that is left belongs to a schema that is not a property. Any other format is a mark, and stays.
    if members.get("format").is_some_and(|format| format == PASSWORD) {
        members.shift_remove("format");
    }
    choice(members, at, document)?;
    beside_reference(members);
    Ok(())
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

fn types(members: &mut Map<String, Value>, at: &str) -> Result<()> {
    let Some(Value::Array(kinds)) = members.get("type").cloned() else { return Ok(()) };
    let mut rest: Vec<&Value> = kinds.iter().filter(|kind| **kind != "null").collect();
    let (Some(kind), true) = (rest.pop(), rest.is_empty()) else {
        bail!("{at}/type: several types are only understood where openapi/lowering.toml marks a scalar");
    };
    members.insert("type".to_owned(), kind.clone());
    if kinds.len() > 1 {
        members.insert("nullable".to_owned(), true.into());
    }
    Ok(())
}

fn exclusive_limits(members: &mut Map<String, Value>, at: &str) -> Result<()> {
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(limit) = members.get(exclusive).cloned() {
            ensure!(limit.is_number(), "{}: expected a number", below(at, exclusive));
            ensure!(!members.contains_key(inclusive), "{}: beside {inclusive}", below(at, exclusive));
            members.insert(inclusive.to_owned(), limit);
            members.insert(exclusive.to_owned(), true.into());
        }
    }
    Ok(())
}

/// Converts `anyOf` and `oneOf`. Null becomes `nullable`. A single remaining choice replaces the whole. Several choices
/// stay only if a decoder can distinguish them by their JSON type.
fn choice(members: &mut Map<String, Value>, at: &str, document: &Value) -> Result<()> {
    let Some(key) = ["anyOf", "oneOf"].into_iter().find(|key| members.contains_key(*key)) else {
        return Ok(());
    };
    let at = below(at, key);
    let choices = members.shift_remove(key).unwrap_or_default();
    let choices = choices.as_array().with_context(|| format!("{at}: expected an array"))?;
    if choices.iter().any(is_null) {
        members.insert("nullable".to_owned(), true.into());
    }
    let kept = distinct(choices.iter().filter(|choice| !is_null(choice)), &at, document)?;
    match &kept[..] {
        [] => bail!("{at}: no choice but null"),
        [only] => {
            for (key, value) in only.as_object().into_iter().flatten() {
                // The choice's own title is the name of its type. The outer title only labels the property.
                if key == "title" || !members.contains_key(key) {
                    members.insert(key.clone(), value.clone());
                }
            }
        }
        _ => drop(members.insert("oneOf".to_owned(), kept.into())),
    }
    Ok(())
}

fn distinct<'v>(choices: impl Iterator<Item = &'v Value>, at: &str, document: &Value) -> Result<Vec<Value>> {
    let mut kept: Vec<(String, Value)> = Vec::new();
    for choice in choices {
        let (kind, is_enum) = kind(choice, at, document)?;
        match kept.iter_mut().find(|(known, _)| *known == kind) {
            // A plain string beside listed values only means that the list is open.
            Some((_, known)) if kind == "string" => {
                if is_enum {
                    *known = choice.clone();
                }
            }
            Some(_) => bail!("{at}: two choices are both of type {kind}"),
            None if kind == "string" && !is_enum => kept.push((kind, json!({"type": "string"}))),
            None => kept.push((kind, choice.clone())),
        }
    }
    Ok(kept.into_iter().map(|(_, choice)| choice).collect())
}

fn kind(choice: &Value, at: &str, document: &Value) -> Result<(String, bool)> {
    let mut schema = choice;
    while let Some(name) = target(schema) {
        schema = component(document, name)?;
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find(|kind| *kind != "null"),
        kind => kind,
    };
    let kind = kind.and_then(Value::as_str).with_context(|| format!("{at}: a choice without a type"))?;
    Ok((kind.to_owned(), schema.get("enum").is_some()))
}

/// Moves a `$ref` with other keywords beside it into an `allOf`. OpenAPI 3.0 ignores keywords beside a `$ref`.
fn beside_reference(members: &mut Map<String, Value>) {
    if let Some(reference) = members.get("$ref").cloned() {
        members.shift_remove("title");
        if members.len() > 1 && !members.contains_key("allOf") {
            members.shift_remove("$ref");
            members.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
        }
    }
}

/// Moves `nullable` from each component to the references to it. Otherwise the generator would wrap the component's
/// type in a second type.
pub(super) fn null_to_references(mut document: Value) -> Result<Value> {
    let mut nullable = BTreeSet::new();
    for (name, schema) in components(&mut document)? {
        if is_nullable(schema) {
            nullable.insert(name.clone());
            schema.as_object_mut().map(|members| members.shift_remove("nullable"));
        }
    }
    schema::everywhere(&mut document, &mut |schema, _| {
        if let Some(name) = target(schema).filter(|name| nullable.contains(*name)) {
            *schema = nullable_reference(name, true);
        } else if let Some(inner) = schema.pointer("/allOf/0/allOf").cloned() {
            // A reference with notes beside it. This walk made its inner reference nullable just before.
            schema["allOf"] = inner;
            schema["nullable"] = true.into();
        }
        Ok(())
    })?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::schema::reference, *};

    fn converted(schema: Value) -> Result<Value> {
        let schemas =
            json!({"A": schema, "Link": {"type": "object"}, "Kind": {"type": "string", "enum": ["a", "b"]}});
        let out = to_3_0(json!({"openapi": "3.1.0", "components": {"schemas": schemas}}))?;
        assert_eq!(out["openapi"], "3.0.3");
        Ok(out["components"]["schemas"]["A"].clone())
    }

    fn link() -> Value {
        json!({"$ref": "#/components/schemas/Link"})
    }

    #[test]
    fn null_becomes_nullable() {
        let out = converted(json!({"type": ["array", "null"], "items": {}})).expect("converted");
        assert_eq!(out, json!({"type": "array", "items": {}, "nullable": true}));
        let out =
            converted(json!({"anyOf": [{"type": "object", "title": "T"}, {"type": "null"}], "title": "t"}));
        assert_eq!(out.expect("converted"), json!({"type": "object", "title": "T", "nullable": true}));
        let out = converted(json!({"anyOf": [link(), {"type": "null", "title": "x"}]})).expect("converted");
        assert_eq!(out, json!({"nullable": true, "allOf": [link()]}));
        assert!(converted(json!({"properties": {"a": {"type": "null"}}})).is_err());
    }

    #[test]
    fn strings_in_a_choice_fold_and_listed_values_win() {
        let uri = json!({"type": "string", "format": "uri", "minLength": 1});
        let out = converted(json!({"anyOf": [uri, link(), {"type": "string"}]})).expect("converted");
        assert_eq!(out, json!({"oneOf": [{"type": "string"}, link()]}));
        let kind = json!({"$ref": "#/components/schemas/Kind"});
        assert_eq!(converted(json!({"anyOf": [kind, {"type": "string"}]})).expect("converted"), kind);
    }

    #[test]
    fn choices_of_one_type_are_refused() {
        let error = converted(json!({"oneOf": [link(), {"type": "object"}]})).expect_err("overlap");
        assert!(error.to_string().ends_with("A/oneOf: two choices are both of type object"), "{error}");
    }

    #[test]
    fn limits_and_references() {
        assert_eq!(
            converted(json!({"type": "integer", "exclusiveMinimum": 0})).expect("converted"),
            json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true})
        );
        let out = converted(json!({"$ref": "#/components/schemas/Link", "description": "d", "title": "t"}));
        assert_eq!(out.expect("converted"), json!({"description": "d", "allOf": [link()]}));
    }

    #[test]
    fn several_types_are_refused() {
        let error = converted(json!({"type": ["string", "integer"]})).expect_err("two types");
        assert!(error.to_string().starts_with("/components/schemas/A/type: several types"), "{error}");
    }

    #[test]
    fn a_choice_counts_with_the_type_behind_its_references() {
        let document = json!({"openapi": "3.1.0", "components": {"schemas": {
            "A": {"oneOf": [{"$ref": "#/components/schemas/B"}, {"type": "string"}]},
            "B": {"$ref": "#/components/schemas/C"}, "C": {"type": ["object", "null"]}
        }}});
        let out = to_3_0(document).expect("converted");
        assert_eq!(
            out["components"]["schemas"]["A"],
            json!({"oneOf": [{"$ref": "#/components/schemas/B"}, {"type": "string"}]})
        );
    }

    #[test]
    fn null_moves_to_the_references() {
        let document = json!({"components": {"schemas": {
            "A": {"type": "string", "nullable": true},
            "B": {"properties": {"a": reference("A"), "b": {"allOf": [reference("A")], "description": "d"}}, "items": reference("C")},
            "C": {}
        }}});
        let out = null_to_references(document).expect("moved");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas["A"], json!({"type": "string"}));
        assert_eq!(schemas["B"]["properties"]["a"], json!({"nullable": true, "allOf": [reference("A")]}));
        let noted = json!({"nullable": true, "allOf": [reference("A")], "description": "d"});
        assert_eq!(schemas["B"]["properties"]["b"], noted);
        assert_eq!(schemas["B"]["items"], reference("C"));
    }
}
