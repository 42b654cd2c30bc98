//! OpenAPI 3.0 to 3.1: the words that changed their meaning.

use std::borrow::Cow;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{json::below, lower::schema};

const NEW: &str = "3.1.0";

/// The document in OpenAPI 3.1.
pub(crate) fn to_3_1(document: &Value) -> Result<Cow<'_, Value>> {
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if version.starts_with("3.1.") {
        return Ok(Cow::Borrowed(document));
    }
    ensure!(version.starts_with("3.0."), "/openapi is \"{version}\"; only OpenAPI 3.0 and 3.1 can be merged");
    let mut document = document.clone();
    schema::everywhere(&mut document, &mut |schema, at| {
        let Some(members) = schema.as_object_mut() else { return Ok(()) };
        exclusive_limits(members, at)?;
        if members.shift_remove("nullable").is_some_and(|nullable| nullable == true) {
            nullable(members);
        }
        Ok(())
    })?;
    document["openapi"] = NEW.into();
    Ok(Cow::Owned(document))
}

/// In 3.0, `exclusiveMinimum: true` makes `minimum` exclusive. In 3.1, it is the limit itself.
fn exclusive_limits(members: &mut Map<String, Value>, at: &str) -> Result<()> {
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        let Some(is_exclusive) = members.shift_remove(exclusive) else { continue };
        let at = below(at, exclusive);
        ensure!(is_exclusive.is_boolean(), "{at}: expected true or false in OpenAPI 3.0");
        if is_exclusive == true {
            let limit = members.shift_remove(inclusive);
            ensure!(limit.is_some(), "{at}: there is no {inclusive}");
            members.extend(limit.map(|limit| (exclusive.to_owned(), limit)));
        }
    }
    Ok(())
}

fn nullable(members: &mut Map<String, Value>) {
    let values = members.get_mut("enum").and_then(Value::as_array_mut);
    if let Some(values) = values.filter(|values| !values.contains(&Value::Null)) {
        values.push(Value::Null);
    }
    match members.get("type").cloned() {
        Some(Value::String(kind)) => drop(members.insert("type".to_owned(), json!([kind, "null"]))),
        Some(_) => {}
        None if members.contains_key("$ref") || members.contains_key("allOf") => {
            let title = members.shift_remove("title");
            let description = members.shift_remove("description");
            let rest = Value::Object(std::mem::take(members));
            members.extend(title.map(|title| ("title".to_owned(), title)));
            members.extend(description.map(|description| ("description".to_owned(), description)));
            members.insert("anyOf".to_owned(), json!([rest, {"type": "null"}]));
        }
        None => {
            for key in ["anyOf", "oneOf"] {
                if let Some(choices) = members.get_mut(key).and_then(Value::as_array_mut) {
                    choices.push(json!({"type": "null"}));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(schema: Value) -> Result<Value> {
        let document = json!({"openapi": "3.0.3", "components": {"schemas": {"A": schema}}});
        let out = to_3_1(&document)?.into_owned();
        assert_eq!(out["openapi"], "3.1.0");
        Ok(out["components"]["schemas"]["A"].clone())
    }

    #[test]
    fn nullable_becomes_a_type() {
        for (old, new) in [
            (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
            (json!({"type": "string", "nullable": false}), json!({"type": "string"})),
            (
                json!({"type": "string", "nullable": true, "enum": ["a"]}),
                json!({"type": ["string", "null"], "enum": ["a", null]}),
            ),
            (
                json!({"allOf": [{"$ref": "#/b"}], "nullable": true, "description": "d"}),
                json!({"description": "d", "anyOf": [{"allOf": [{"$ref": "#/b"}]}, {"type": "null"}]}),
            ),
            (json!({"$ref": "#/b", "nullable": true}), json!({"anyOf": [{"$ref": "#/b"}, {"type": "null"}]})),
            (
                json!({"oneOf": [{"$ref": "#/b"}], "nullable": true}),
                json!({"oneOf": [{"$ref": "#/b"}, {"type": "null"}]}),
            ),
            (
                json!({"properties": {"nullable": {"type": "boolean", "nullable": true}}}),
                json!({"properties": {"nullable": {"type": ["boolean", "null"]}}}),
            ),
        ] {
            assert_eq!(upgraded(old).expect("upgraded"), new);
        }
    }

    #[test]
    fn exclusive_limits_become_numbers() {
        let out = upgraded(
            json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false}),
        );
        assert_eq!(out.expect("upgraded"), json!({"exclusiveMinimum": 1, "maximum": 5}));
        let error = upgraded(json!({"exclusiveMinimum": true})).expect_err("no limit");
        assert_eq!(error.to_string(), "/components/schemas/A/exclusiveMinimum: there is no minimum");
        let error = upgraded(json!({"exclusiveMinimum": 1})).expect_err("3.1");
        assert!(error.to_string().ends_with("expected true or false in OpenAPI 3.0"), "{error}");
    }

    #[test]
    fn other_versions_are_refused_or_left_alone() {
        let document = json!({"openapi": "3.1.1", "components": {"schemas": {"A": {"nullable": true}}}});
        assert_eq!(*to_3_1(&document).expect("as it is"), document);
        for version in [json!("3.2.0"), json!("2.0"), json!(3.1)] {
            to_3_1(&json!({"openapi": version})).expect_err("another version");
        }
    }
}
