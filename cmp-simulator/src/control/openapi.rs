//! The document at `/openapi.json`.

use serde_json::{Map, Value, json};

use crate::operation::Operation;

/// What an answer leads to: the operation, its statuses, where the card's id is, and what can follow.
type Link = (Operation, &'static [&'static str], &'static str, &'static [Operation]);

const LINKS: &[Link] = &[
    (
        Operation::CreateCard,
        &["201", "303"],
        "$response.body#/data/id",
        &[
            Operation::GetCard,
            Operation::UpdateCard,
            Operation::DeleteCard,
            Operation::ProvisionNetworkToken,
            Operation::RequestCryptogram,
        ],
    ),
    (
        Operation::ProvisionNetworkToken,
        &["200", "201"],
        "$request.path.card_id",
        &[Operation::GetCard, Operation::DeleteNetworkToken, Operation::RequestCryptogram],
    ),
];

/// The document with a link from each answer to the operations that can follow it.
///
/// The documents say in words alone that the id of a created card is what the other paths take; tools that
/// test sequences of requests need it as OpenAPI links. A text that is no OpenAPI document stays as it is.
pub(crate) fn with_links(document: String) -> String {
    let Ok(mut parsed) = serde_json::from_str::<Value>(&document) else { return document };
    for (from, statuses, card_id, to) in LINKS {
        let links: Map<_, _> = to.iter().filter_map(|to| link(&parsed, *to, card_id)).collect();
        for status in *statuses {
            let response = parsed.pointer_mut(&format!("{}/responses/{status}", pointer(*from)));
            if let Some(Value::Object(response)) = response {
                response.insert("links".to_owned(), links.clone().into());
            }
        }
    }
    parsed.to_string()
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

    #[test]
    fn a_created_card_links_to_its_operations() {
        let document = json!({
            "paths": {
                "/cards": { "post": { "responses": { "201": {}, "400": {} } } },
                "/cards/{card_id}": { "get": { "operationId": "get_it" } },
            }
        });
        let linked: Value = serde_json::from_str(&with_links(document.to_string())).unwrap();
        let responses = &linked["paths"]["/cards"]["post"]["responses"];
        let link = json!({ "operationId": "get_it", "parameters": { "card_id": "$response.body#/data/id" } });
        assert_eq!(responses["201"]["links"], json!({ "get_card": link }));
        assert_eq!(responses["400"], json!({}));
        assert_eq!(with_links("no JSON".to_owned()), "no JSON");
    }
}
