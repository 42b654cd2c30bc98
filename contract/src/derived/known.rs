//! The names in the contract's answers: `cmp/src/drift/known.json`, for the client's drift watch.

use serde_json::{Map, Value, json};

use crate::spec::facts::Lowered;

const REFERENCE: &str = "#/components/schemas/";

/// Returns the names of everything that an answer can contain, in the form of `Known` in `cmp/src/drift/watch.rs`.
pub(crate) fn known(contract: &Value, operations: &[Lowered]) -> Value {
    let operations: Map<_, _> = operations
        .iter()
        .map(|operation| {
            let described = &contract["paths"][&operation.path][operation.method.to_lowercase()];
            let statuses = described["responses"].as_object().into_iter().flatten();
            let statuses = statuses.filter(|(status, _)| !status.starts_with("x-"));
            let answers: Map<_, _> =
                statuses.map(|(status, answer)| (status.clone(), answer_shape(answer))).collect();
            (operation.facts.name.clone(), answers.into())
        })
        .collect();
    let schemas: Map<_, _> = reachable(contract, &operations)
        .into_iter()
        .map(|name| {
            let shape = shape(&contract["components"]["schemas"][&name]);
            (name, shape)
        })
        .collect();
    json!({"operations": operations, "schemas": schemas})
}

fn answer_shape(answer: &Value) -> Value {
    let content = answer["content"].as_object().into_iter().flatten();
    content
        .filter(|(kind, _)| kind.ends_with("json"))
        .map(|(_, described)| shape(&described["schema"]))
        .next()
        .unwrap_or(Value::Null)
}

fn reachable(contract: &Value, operations: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting = vec![Value::Object(operations.clone())];
    while let Some(shape) = waiting.pop() {
        for name in references(&shape) {
            if !names.contains(&name) {
                waiting.push(self::shape(&contract["components"]["schemas"][&name]));
                names.push(name);
            }
        }
    }
    names.sort();
    names
}

fn references(shape: &Value) -> Vec<String> {
    match shape {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, member)| match member.as_array() {
                Some(names) if key == "refs" => {
                    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => references(member),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn shape(schema: &Value) -> Value {
    let mut shape = Map::new();
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix(REFERENCE)) {
        shape.insert("refs".to_owned(), json!([name]));
        return shape.into();
    }
    if let Some(kinds) = schema["discriminator"]["mapping"].as_object() {
        let kinds: Map<_, _> = kinds
            .iter()
            .map(|(kind, target)| (kind.clone(), self::shape(&json!({"$ref": target}))))
            .collect();
        shape.insert("kinds".to_owned(), kinds.into());
        return shape.into();
    }
    let alternatives = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let any: Vec<_> = alternatives.map(self::shape).filter(|shape| *shape != json!({})).collect();
    if !any.is_empty() {
        shape.insert("any".to_owned(), any.into());
    }
    if let Some(members) = schema["properties"].as_object().filter(|members| !members.is_empty()) {
        let members: Map<_, _> =
            members.iter().map(|(name, member)| (name.clone(), self::shape(member))).collect();
        shape.insert("members".to_owned(), members.into());
    }
    match &schema["additionalProperties"] {
        Value::Object(_) | Value::Bool(true) => {
            shape.insert("rest".to_owned(), self::shape(&schema["additionalProperties"]));
        }
        _ => {}
    }
    if schema["items"].is_object() {
        shape.insert("items".to_owned(), self::shape(&schema["items"]));
    }
    if let Some(values) = schema["enum"].as_array() {
        shape.insert("values".to_owned(), values.iter().filter(|value| value.is_string()).cloned().collect());
    }
    if let Some(value) = schema["const"].as_str() {
        shape.insert("values".to_owned(), json!([value]));
    }
    shape.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_becomes_names_alone() {
        let schema = json!({
            "description": "d",
            "allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "string"}],
            "properties": {"state": {"anyOf": [{"enum": ["on"]}, {"type": "string"}]}, "meta": {"type": "object"}},
            "additionalProperties": {"type": "array", "items": {"const": "x"}}
        });
        let expected = json!({
            "any": [{"refs": ["Base"]}],
            "members": {"state": {"any": [{"values": ["on"]}]}, "meta": {}},
            "rest": {"items": {"values": ["x"]}}
        });
        assert_eq!(shape(&schema), expected);
    }
}
