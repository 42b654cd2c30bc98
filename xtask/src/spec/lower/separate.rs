//! What is sent keeps its limits, what is received loses them: a schema used both ways becomes two.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use super::graph;
use super::schema::components;

/// Copies each schema that is sent and received to `New…`, and makes requests use the copy.
pub(super) fn requests_from_answers(mut document: Value) -> Result<Value> {
    let (sent, received) = (graph::sent(&document)?, graph::received(&document)?);
    let schemas = components(&mut document)?;
    let mut renamed = BTreeMap::new();
    for name in sent.intersection(&received) {
        // Lists of values and free-form objects have no limits to lose.
        if schemas.get(name).is_some_and(|schema| schema.get("properties").is_some()) {
            renamed.insert(name.clone(), format!("New{name}"));
        }
    }
    for (name, new) in &renamed {
        let mut copy = schemas[name].clone();
        graph::rename(&mut copy, &renamed);
        if schemas.insert(new.clone(), copy).is_some() {
            bail!("{name} is sent and received, and there is a {new} already");
        }
    }
    graph::rename_sent(&mut document, &renamed)?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::super::schema::reference;
    use super::*;
    use serde_json::json;

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
}
