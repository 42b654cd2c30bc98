//! Separates requests from responses. A schema that is used in both becomes two, because only requests keep their
//! limits.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use serde_json::Value;

use super::{
    by_hand, enums, graph,
    schema::{SCHEMAS, components, everywhere, inside_out, members, note_origin},
};
use crate::spec::json::below;

/// Copies each schema that is sent and received to `New…`. Requests use the copy.
pub(super) fn requests_from_answers(mut document: Value) -> Result<Value> {
    let (sent, received) = (graph::sent(&document)?, graph::received(&document)?);
    let schemas = components(&mut document)?;
    let mut renamed = BTreeMap::new();
    for name in sent.intersection(&received) {
        // Lists of strings and free-form objects have no limits to lose.
        if schemas.get(name).is_some_and(|schema| !enums::is_list(schema) && !by_hand::is_free_form(schema)) {
            renamed.insert(name.clone(), format!("New{name}"));
        }
    }
    for (name, new) in &renamed {
        let mut copy = schemas[name].clone();
        note_origin(&mut copy, name);
        graph::rename(&mut copy, &renamed);
        if schemas.insert(new.clone(), copy).is_some() {
            bail!("{}: is sent and received, and there is a {new} already", below(SCHEMAS, name));
        }
    }
    graph::rename_sent(&mut document, &renamed)?;
    without(&mut document, "readOnly", graph::sent)?;
    without(&mut document, "writeOnly", graph::received)?;
    Ok(document)
}

/// Removes the members with `mark` from the components that `of` returns, since they never have such members.
fn without(document: &mut Value, mark: &str, of: fn(&Value) -> Result<BTreeSet<String>>) -> Result<()> {
    let reached = of(document)?;
    for (name, schema) in components(document)?.iter_mut().filter(|(name, _)| reached.contains(*name)) {
        inside_out(schema, &below(SCHEMAS, name), &mut |schema, _| {
            let mut gone = Vec::new();
            for (name, property) in members(schema, "properties") {
                if property.get(mark).is_some_and(|is_marked| *is_marked == true) {
                    gone.push(name.clone());
                }
            }
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                properties.retain(|name, _| !gone.contains(name));
            }
            if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|name| !gone.iter().any(|gone| name == gone));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Removes the marks, which have no meaning after the separation.
pub(super) fn unmarked(mut document: Value) -> Result<Value> {
    everywhere(&mut document, &mut |schema, _| {
        let Some(members) = schema.as_object_mut() else { return Ok(()) };
        let mut marked = false;
        for mark in ["readOnly", "writeOnly"] {
            marked |= members.shift_remove(mark).is_some();
        }
        if let (true, Some(Value::Array(parts)), 1) = (marked, members.get("allOf"), members.len()) {
            *schema = parts.first().cloned().unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::schema::{bare, reference},
        *,
    };

    #[test]
    fn shared_schemas_become_two() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let document = json!({
            "paths": {"/p": {"post": {"requestBody": body("Request"), "responses": {"200": body("Answer")}}}},
            "components": {"schemas": {
                "Request": {"properties": {"holder": reference("Holder")}},
                "Answer": {"properties": {"holder": reference("Holder")}},
                "Holder": {"properties": {"kind": reference("Kind"), "home": reference("Home")}},
                "Home": {"properties": {"city": {"type": "string"}}},
                "Kind": {"type": "string", "enum": ["a", "b"]}
            }}
        });
        let out = requests_from_answers(document).expect("separated");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas["Request"]["properties"]["holder"], reference("NewHolder"));
        assert_eq!(schemas["Answer"]["properties"]["holder"], reference("Holder"));
        assert_eq!(schemas["NewHolder"]["properties"]["home"], reference("NewHome"));
        assert_eq!(schemas["Holder"]["properties"]["home"], reference("Home"));
        assert_eq!(schemas["NewHolder"]["properties"]["kind"], reference("Kind"));
        assert_eq!(schemas.get("NewKind"), None);
    }

    #[test]
    fn what_goes_one_way_only_is_not_in_the_other() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let document = json!({
            "paths": {"/p": {"post": {"requestBody": body("A"), "responses": {"200": body("A")}}}},
            "components": {"schemas": {"A": {"required": ["id", "pin"], "properties": {
                "id": {"type": "string", "readOnly": true}, "pin": {"writeOnly": true, "allOf": [reference("Pin")]},
                "name": {"type": "string", "readOnly": false}
            }}, "Pin": {"type": "string", "maxLength": 4}}}
        });
        let out = unmarked(requests_from_answers(document).expect("separated")).expect("unmarked");
        let schemas = &out["components"]["schemas"];
        let string = json!({"type": "string"});
        assert_eq!(schemas["A"], json!({"required": ["id"], "properties": {"id": string, "name": string}}));
        assert_eq!(
            bare(&schemas["NewA"]),
            json!({"required": ["pin"], "properties": {"pin": reference("NewPin"), "name": string}})
        );
    }
}
