//! The document at `/openapi.json`.

use http::Method;
use serde_json::{Map, Value, json};

use crate::operation::Operation;

const CARD_ID: &str = "{card_id}";

/// Returns the document with the simulator at `url` as its server. A text that is not JSON stays
/// unchanged.
pub(crate) fn of_simulator(document: String, url: &str) -> String {
    let Ok(mut parsed) = serde_json::from_str::<Value>(&document) else { return document };
    move_servers(&mut parsed, url);
    add_links(&mut parsed);
    parsed.to_string()
}

/// Makes `url` the only server. V1's operations name the real service's hosts; a tool that follows
/// them would send the access token there.
fn move_servers(document: &mut Value, url: &str) {
    let Some(root) = document.as_object_mut() else { return };
    root.insert("servers".to_owned(), json!([{ "url": url }]));
    let items = root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for item in items.filter_map(|(_, item)| item.as_object_mut()) {
        item.remove("servers");
        for operation in item.values_mut().filter_map(Value::as_object_mut) {
            operation.remove("servers");
        }
    }
}

/// Adds a link from each response to the operations that can follow it.
///
/// The documents state only in words that the other paths take the id of a created card. Tools that
/// test sequences of requests need OpenAPI links.
fn add_links(parsed: &mut Value) {
    for from in Operation::cmp().filter(|operation| operation.method() == Method::POST) {
        let in_path = from.path_template().contains(CARD_ID);
        let (statuses, card_id) = if in_path {
            (["200", "201"], "$request.path.card_id")
        } else {
            (["201", "303"], "$response.body#/data/id")
        };
        let follows = |to: &Operation| {
            *to != from && to.path_template().contains(CARD_ID) && (!in_path || is_near(from, *to))
        };
        let links: Map<_, _> =
            Operation::cmp().filter(follows).filter_map(|to| link(parsed, to, card_id)).collect();
        for status in statuses {
            let response = parsed.pointer_mut(&format!("{}/responses/{status}", pointer(from)));
            if let Some(Value::Object(response)) = response {
                response.insert("links".to_owned(), links.clone().into());
            }
        }
    }
}

/// Returns `true` if an operation on a card shows or undoes what another did.
fn is_near(did: Operation, operation: Operation) -> bool {
    operation == Operation::GetCard || operation.path_template() == did.path_template()
}

fn link(document: &Value, to: Operation, card_id: &str) -> Option<(String, Value)> {
    let id = document.pointer(&pointer(to))?.get("operationId")?;
    Some((to.name().to_owned(), json!({ "operationId": id, "parameters": { "card_id": card_id } })))
}

fn pointer(operation: Operation) -> String {
    let path = operation.path_template().replace('/', "~1");
    format!("/paths/{path}/{}", operation.method().as_str().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:1";

    #[test]
    fn a_created_card_links_to_its_operations() {
        let document = json!({
            "paths": {
                "/cards": { "post": { "responses": { "201": {}, "400": {} } } },
                "/cards/{card_id}": { "get": { "operationId": "get_it" } },
            }
        });
        let linked: Value = serde_json::from_str(&of_simulator(document.to_string(), URL)).unwrap();
        let responses = &linked["paths"]["/cards"]["post"]["responses"];
        let link = json!({ "operationId": "get_it", "parameters": { "card_id": "$response.body#/data/id" } });
        assert_eq!(responses["201"]["links"], json!({ "get_card": link }));
        assert_eq!(responses["400"], json!({}));
        assert_eq!(of_simulator("no JSON".to_owned(), URL), "no JSON");
    }

    #[test]
    fn no_request_is_sent_to_the_real_service() {
        let real = json!([{ "url": "https://real.example" }]);
        let document = json!({
            "servers": real,
            "paths": { "/a": { "servers": real, "get": { "servers": real, "operationId": "a" } } }
        });
        let served = of_simulator(document.to_string(), URL);
        assert!(!served.contains("real.example"), "{served}");
        let served: Value = serde_json::from_str(&served).unwrap();
        assert_eq!(served["servers"], json!([{ "url": URL }]));
        assert_eq!(served["paths"]["/a"]["get"], json!({ "operationId": "a" }));
    }
}
