//! JSON values: places in them, differences between them, references in them.

use anyhow::{Context, Result, bail};
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

/// Calls `visit` with every `$ref` in `value` and its pointer.
pub(crate) fn references(
    value: &Value,
    at: &str,
    visit: &mut dyn FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(target) if key == "$ref" => visit(target, &below(at, key))?,
                    _ => references(member, &below(at, key), visit)?,
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

/// Fails unless every `$ref` in `document` leads to something in `document`.
pub(crate) fn check_references(document: &Value) -> Result<()> {
    references(document, "", &mut |target, at| {
        let pointer = target.strip_prefix('#').with_context(|| format!("{at}: {target} is not local"))?;
        if document.pointer(pointer).is_none() {
            bail!("{at}: {target} does not exist");
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
}
