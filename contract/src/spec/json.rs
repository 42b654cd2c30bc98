//! JSON values: places in them, differences between them, references in them.

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The JSON pointer of `token` below `at`.
pub(crate) fn below(at: &str, token: &str) -> String {
    format!("{at}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// Pretty-printed with a final line break, the form of every JSON file that this tool writes.
pub(crate) fn pretty(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The object at `at`, or an error that says what stands there instead of one.
pub(crate) fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().with_context(|| format!("{}: expected an object", place(at)))
}

/// The member `key` of the object at `at` as an object; an absent member is an empty one.
pub(crate) fn section<'a>(value: &'a Value, key: &str, at: &str) -> Result<Vec<(&'a String, &'a Value)>> {
    match value.get(key) {
        None => Ok(Vec::new()),
        Some(member) => Ok(object(member, &below(at, key))?.iter().collect()),
    }
}

fn place(at: &str) -> &str {
    if at.is_empty() { "the document's root" } else { at }
}

/// The pointer of the first place where two values differ, below `at`.
pub(crate) fn first_difference(left: &Value, right: &Value, at: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let added = right.keys().filter(|key| !left.contains_key(*key));
            left.keys().chain(added).find_map(|key| match (left.get(key), right.get(key)) {
                (Some(l), Some(r)) => first_difference(l, r, &below(at, key)),
                _ => Some(below(at, key)),
            })
        }
        (Value::Array(left), Value::Array(right)) => (0..left.len().max(right.len())).find_map(|index| {
            let here = below(at, &index.to_string());
            match (left.get(index), right.get(index)) {
                (Some(l), Some(r)) => first_difference(l, r, &here),
                _ => Some(here),
            }
        }),
        _ => (left != right).then(|| at.to_owned()),
    }
}

/// Members whose own members have names of their own, so that none of them is a keyword.
const NAMED: [&str; 19] = [
    "properties",
    "patternProperties",
    "$defs",
    "dependentSchemas",
    "schemas",
    "responses",
    "parameters",
    "requestBodies",
    "headers",
    "securitySchemes",
    "links",
    "callbacks",
    "pathItems",
    "paths",
    "webhooks",
    "content",
    "encoding",
    "variables",
    "mapping",
];
/// Members that hold data. A `$ref` in data is data.
const DATA: [&str; 4] = ["example", "default", "const", "enum"];
/// The extension by which lowering refers to the values that a received string is known to have.
pub(crate) const OPEN_ENUM: &str = "x-open-enum";

/// Calls `visit` with the target and the place of every reference in `value`, an object of OpenAPI: each `$ref`, and each
/// schema that a discriminator's mapping names.
pub(crate) fn references(
    value: &Value,
    at: &str,
    visit: &mut dyn FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let at = below(at, key);
                match (key.as_str(), member) {
                    ("$ref", Value::String(target)) => visit(target, &at)?,
                    ("discriminator", _) => mapping(member, &at, visit)?,
                    ("examples", _) => named(member, &at, &mut |example, at| match example.get("$ref") {
                        Some(Value::String(target)) => visit(target, &below(at, "$ref")),
                        _ => Ok(()),
                    })?,
                    (key, _) if DATA.contains(&key) || key.starts_with("x-") && key != OPEN_ENUM => {}
                    (key, Value::Object(_)) if NAMED.contains(&key) => {
                        named(member, &at, &mut |member, at| references(member, at, visit))?;
                    }
                    _ => references(member, &at, visit)?,
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, &below(at, &index.to_string()), visit)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn named(value: &Value, at: &str, visit: &mut dyn FnMut(&Value, &str) -> Result<()>) -> Result<()> {
    let members = value.as_object().into_iter().flatten();
    members.into_iter().try_for_each(|(name, member)| visit(member, &below(at, name)))
}

/// A mapping names schemas by reference or by name alone.
fn mapping(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &str) -> Result<()>) -> Result<()> {
    let at = below(at, "mapping");
    for (name, target) in value.get("mapping").and_then(Value::as_object).into_iter().flatten() {
        let Some(target) = target.as_str() else { continue };
        visit(&mapped(target), &below(&at, name))?;
    }
    Ok(())
}

/// The reference that a discriminator's mapping means.
pub(crate) fn mapped(target: &str) -> String {
    let is_name = target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if is_name { format!("#/components/schemas/{target}") } else { target.to_owned() }
}

/// The JSON pointer that the local reference `target` is, and what it leads to in `document`.
pub(crate) fn follow<'d>(document: &'d Value, target: &str, at: &str) -> Result<(String, &'d Value)> {
    let fragment = target.strip_prefix('#').with_context(|| format!("{at}: {target} is not local"))?;
    let pointer = percent_decode_str(fragment).decode_utf8();
    let pointer = pointer.with_context(|| format!("{at}: {target} is not UTF-8"))?.into_owned();
    let found = document.pointer(&pointer).with_context(|| format!("{at}: {target} does not exist"))?;
    Ok((pointer, found))
}

/// The longest chain of references to references. No document needs as many.
pub(crate) const MOST_HOPS: usize = 32;

/// Returns the target of a reference, or the value itself if it is not a reference.
pub(crate) fn resolved<'d>(document: &'d Value, mut value: &'d Value, at: &str) -> Result<&'d Value> {
    for _ in 0..MOST_HOPS {
        let Some(target) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
        (_, value) = follow(document, target, &below(at, "$ref"))?;
    }
    bail!("{at}/$ref leads back to itself")
}

/// Fails unless every reference in `document` leads to something in `document`.
pub(crate) fn check_references(document: &Value) -> Result<()> {
    references(document, "", &mut |target, at| follow(document, target, at).map(drop))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_pointer() {
        let left = json!({"a": [1, {"b/c": 2}], "d": 3});
        assert_eq!(first_difference(&left, &left, ""), None);
        let nested = json!({"d": 3, "a": [1, {"b/c": 9}]});
        assert_eq!(first_difference(&left, &nested, "").as_deref(), Some("/a/1/b~1c"));
        let longer = json!({"a": [1, {"b/c": 2}, 7], "d": 3});
        assert_eq!(first_difference(&left, &longer, "").as_deref(), Some("/a/2"));
        let added = json!({"a": [1, {"b/c": 2}], "d": 3, "e": null});
        assert_eq!(first_difference(&left, &added, "/x").as_deref(), Some("/x/e"));
    }

    #[test]
    fn a_reference_to_nothing_is_named_by_its_place() {
        let document = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/c"}});
        let error = check_references(&document).expect_err("dangling");
        assert_eq!(error.to_string(), "/b/$ref: #/c does not exist");
        let error = check_references(&json!({"$ref": "other.json#/a"})).expect_err("not local");
        assert!(error.to_string().contains("is not local"), "{error}");
    }

    fn seen(value: Value) -> Vec<String> {
        let mut seen = Vec::new();
        references(&value, "", &mut |target, at| {
            seen.push(format!("{at} → {target}"));
            Ok(())
        })
        .expect("the visitor never fails");
        seen
    }

    #[test]
    fn a_reference_in_data_is_data() {
        let data = json!({"$ref": "https://example.com/thing"});
        let schema = json!({
            "example": data, "examples": [data], "default": data, "const": data, "enum": [data], "x-note": data
        });
        assert_eq!(seen(json!({"components": {"schemas": {"A": schema}}})), [""; 0]);
        let media = json!({"example": data, "examples": {"a": {"value": data}, "b": {"$ref": "#/b"}}});
        let found = seen(json!({"content": {"application/json": media}}));
        assert_eq!(found, ["/content/application~1json/examples/b/$ref → #/b"]);
    }

    #[test]
    fn a_member_that_is_called_like_data_is_none() {
        let to = |target: &str| json!({"$ref": target});
        let schema = json!({"properties": {"default": to("#/1"), "enum": to("#/2"), "properties": {"example": data_like()}}});
        assert_eq!(seen(schema), ["/properties/default/$ref → #/1", "/properties/enum/$ref → #/2"]);
        let responses = json!({"responses": {"default": to("#/3"), "example": to("#/4")}});
        assert_eq!(seen(responses), ["/responses/default/$ref → #/3", "/responses/example/$ref → #/4"]);
        let named = json!({"components": {"schemas": {"default": to("#/5")}, "headers": {"x-a": to("#/6")}}});
        assert_eq!(
            seen(named),
            ["/components/schemas/default/$ref → #/5", "/components/headers/x-a/$ref → #/6"]
        );
    }

    fn data_like() -> Value {
        json!({"$ref": "#/data"})
    }

    #[test]
    fn a_mapping_refers_by_reference_or_by_name() {
        let mapping = json!({"a": "#/components/schemas/A", "b": "B", "c": "other.json#/C"});
        assert_eq!(
            seen(json!({"discriminator": {"propertyName": "k", "mapping": mapping}})),
            [
                "/discriminator/mapping/a → #/components/schemas/A",
                "/discriminator/mapping/b → #/components/schemas/B",
                "/discriminator/mapping/c → other.json#/C"
            ]
        );
    }

    #[test]
    fn references_are_decoded() {
        let document = json!({"a b": {"c/d": {"é": 1}}});
        let (pointer, found) = follow(&document, "#/a%20b/c~1d/%C3%A9", "").expect("found");
        assert_eq!((pointer.as_str(), found), ("/a b/c~1d/é", &json!(1)));
        let error = follow(&document, "#/%FF", "/x").expect_err("no UTF-8");
        assert_eq!(error.to_string(), "/x: #/%FF is not UTF-8");
    }
}
