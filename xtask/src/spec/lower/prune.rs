//! Schemas that nothing uses any more go.

use anyhow::Result;
use serde_json::Value;

use super::graph;
use super::schema::components;

pub(super) fn unreachable(mut document: Value) -> Result<Value> {
    let mut kept = graph::sent(&document)?;
    kept.extend(graph::received(&document)?);
    components(&mut document)?.retain(|name, _| kept.contains(name));
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::super::schema::reference;
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_used_stays() {
        let answer = json!({"200": {"content": {"application/json": {"schema": reference("A")}}}});
        let document = json!({
            "paths": {"/p": {"get": {"responses": answer}}},
            "components": {"schemas": {"A": {"items": reference("B")}, "B": {}, "C": reference("A"), "ErrorDocument": {}}}
        });
        let out = unreachable(document).expect("pruned");
        let names: Vec<_> = out["components"]["schemas"].as_object().expect("object").keys().collect();
        assert_eq!(names, ["A", "B", "ErrorDocument"]);
    }
}
