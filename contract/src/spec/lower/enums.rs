//! Makes lists of values closed in requests and open in responses.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    graph,
    schema::{self, FROM, SCHEMAS, components, reference},
};
use crate::spec::json::{OPEN_ENUM as OPEN, below};

/// Renames each list of values to `Known…`. Answers refer to a string instead, which is marked as an open list.
pub(super) fn open(mut document: Value) -> Result<Value> {
    let received = graph::received(&document)?;
    let schemas = components(&mut document)?;
    let lists: Vec<String> =
        schemas.iter().filter(|(_, schema)| is_list(schema)).map(|(name, _)| name.clone()).collect();
    let renamed: BTreeMap<_, _> =
        lists.into_iter().map(|name| (name.clone(), format!("Known{name}"))).collect();
    graph::rename_sent(&mut document, &renamed)?;
    let schemas = components(&mut document)?;
    for (name, known) in &renamed {
        let Some(mut list) = schemas.shift_remove(name) else { continue };
        schema::note_origin(&mut list, name);
        if received.contains(name) {
            let mut open = json!({"type": "string", OPEN: reference(known)});
            for key in ["description", FROM] {
                if let Some(value) = list.get(key) {
                    open[key] = value.clone();
                }
            }
            schemas.insert(name.clone(), open);
        }
        if schemas.insert(known.clone(), list).is_some() {
            bail!("{}: a list of values, and there is a {known} already", below(SCHEMAS, name));
        }
    }
    Ok(document)
}

/// Returns `true` if a schema lists strings. Values of other types have no names, so a program could not match on them.
pub(super) fn is_list(schema: &Value) -> bool {
    schema.get("enum").is_some() && schema.get("type").is_none_or(|kind| kind == "string")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_open_and_requests_closed() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let document = json!({
            "paths": {"/p": {"post": {"requestBody": body("Request"), "responses": {"200": body("Answer")}}}},
            "components": {"schemas": {
                "Request": {"properties": {"kind": reference("Kind"), "only": reference("Only")}},
                "Answer": {"properties": {"kind": reference("Kind")}},
                "Kind": {"type": "string", "enum": ["a", "b"], "description": "d"},
                "Only": {"type": "string", "enum": ["a", "b"]}
            }}
        });
        let out = open(document).expect("opened");
        let schemas = &out["components"]["schemas"];
        let request = &schemas["Request"]["properties"];
        assert_eq!((&request["kind"], &request["only"]), (&reference("KnownKind"), &reference("KnownOnly")));
        assert_eq!(schemas["Answer"]["properties"]["kind"], reference("Kind"));
        assert_eq!(schema::bare(&schemas["Kind"]), json!({"type": "string", OPEN: reference("KnownKind")}));
        assert_eq!(schemas["KnownKind"]["enum"], json!(["a", "b"]));
        assert_eq!(schemas.get("Only"), None);
    }
}
