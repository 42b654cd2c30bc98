//! What the generator has no place for, and schemas that nothing uses any more, go.

use anyhow::{Context, Result};
use serde_json::Value;

use super::graph;
use super::schema::components;
use crate::spec::split::WEBHOOKS;

/// The generated client sends requests; what the service sends is read by hand.
pub(super) fn webhooks(mut document: Value) -> Result<Value> {
    document.as_object_mut().context("expected an object")?.shift_remove(WEBHOOKS);
    Ok(document)
}

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
    fn a_webhook_goes_with_what_it_alone_uses() {
        let body = |name: &str| json!({"content": {"application/json": {"schema": reference(name)}}});
        let document = json!({
            "paths": {"/p": {"get": {"responses": {"200": body("A")}}}},
            "webhooks": {"event": {"post": {"requestBody": body("Event"), "responses": {"200": body("Taken")}}}},
            "components": {"schemas": {"A": {}, "Told": {"items": reference("A")}, "Taken": {}}}
        });
        let out = unreachable(webhooks(document).expect("an object")).expect("pruned");
        assert_eq!(out.get("webhooks"), None);
        assert_eq!(out["components"]["schemas"], json!({"A": {}}));
    }

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
