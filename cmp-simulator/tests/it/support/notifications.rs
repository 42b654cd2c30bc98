//! Notifications against the `webhooks` of the contract.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::contract::{Contract, contract};

/// A webhook in the contract.
struct Described {
    /// The headers that every request has.
    headers: Vec<String>,
    bodies: BTreeMap<String, Validator>,
    /// The events that the contract lists for it.
    events: Vec<String>,
}

static DESCRIBED: LazyLock<BTreeMap<String, Described>> = LazyLock::new(|| {
    let webhooks = contract().document()["webhooks"].as_object().unwrap();
    webhooks.iter().map(|(name, item)| (name.clone(), Described::read(contract(), &item["post"]))).collect()
});

impl Described {
    fn read(contract: &Contract, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let headers =
            parameters.filter(|parameter| parameter["in"] == "header" && parameter["required"] == true);
        let content = operation["requestBody"]["content"].as_object().unwrap();
        let events = content.values().flat_map(|media| events(contract.document(), &media["schema"]));
        Self {
            headers: headers.map(|header| header["name"].as_str().unwrap().to_owned()).collect(),
            bodies: content
                .iter()
                .map(|(media_type, media)| (media_type.clone(), contract.validator(&media["schema"])))
                .collect(),
            events: events.collect(),
        }
    }
}

/// The events that a message's schema lists, through references and `allOf`.
fn events(document: &Value, schema: &Value) -> Vec<String> {
    if let Some(target) = schema["$ref"].as_str() {
        return events(document, document.pointer(target.trim_start_matches('#')).unwrap());
    }
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| events(document, part));
    let listed = &schema["properties"]["event"]["anyOf"][0]["enum"];
    let listed = listed.as_array().into_iter().flatten().map(|event| event.as_str().unwrap().to_owned());
    parts.chain(listed).collect()
}

/// The events that the contract lists for a webhook.
pub(crate) fn documented_events(webhook: &str) -> &'static [String] {
    &DESCRIBED[webhook].events
}

/// Returns how a notification differs from the contract, if it does.
pub(crate) fn violation(headers: &hyper::HeaderMap, body: &Value) -> Option<String> {
    let event = body["event"].as_str().unwrap_or_default();
    let described =
        DESCRIBED.values().find(|described| described.events.iter().any(|listed| listed == event));
    let Some(described) = described else { return Some(format!("the event {event:?} is not listed")) };
    if let Some(missing) = described.headers.iter().find(|name| !headers.contains_key(name.as_str())) {
        return Some(format!("{event}: no header {missing}"));
    }
    let media_type = headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    let Some(validator) = described.bodies.get(media_type) else {
        return Some(format!("{event}: a body of the type {media_type:?}"));
    };
    let error = validator.iter_errors(body).next()?;
    Some(format!("{event}: {error} at {}", error.instance_path()))
}
