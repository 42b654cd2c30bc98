//! The webhooks of the contract (`openapi/cmp.json`): the client knows each listed event and reads each member.

use std::collections::BTreeSet;

use cmp::{
    cards::CardEvent,
    network_tokens::NetworkTokenState,
    v1::PanAlias,
    webhooks::{CardUpdateDetails, Details, Event, NetworkTokenDetails, NetworkTokenEvent, Producer},
};
use serde_json::{Value, json};

use crate::samples::{CARD_UPDATE, NETWORK_TOKEN};

/// A member by its name in the contract, and how the client reads it.
type Member<T> = (&'static str, fn(&T) -> Option<String>);

const ENVELOPE: &[Member<Event>] = &[
    ("description", |event| text(event.description.as_deref())),
    ("summary", |event| text(event.summary.as_deref())),
    ("timestamp", |event| text(event.timestamp)),
    ("scope", |event| text(event.scope.as_deref())),
    ("grouping", |event| text(event.grouping.as_deref())),
    ("occurrence", |event| text(event.occurrence)),
    ("fingerprint", |event| text(event.fingerprint.as_deref())),
    ("integration_id", |event| text(event.integration_id.as_deref())),
    ("org_id", |event| text(event.org_id.as_deref())),
    ("tenant", |event| text(event.tenant.as_deref())),
    ("producer", |event| event.producer.as_ref().map(|_| "there".to_owned())),
];

/// The members that every event has.
const ESSENTIAL: [&str; 3] = ["id", "event", "details"];

const PRODUCER: &[Member<Producer>] = &[
    ("application_name", |producer| text(producer.application_name.as_deref())),
    ("application_protocol", |producer| text(producer.application_protocol.as_deref())),
];

const NETWORK_TOKEN_DETAILS: &[Member<NetworkTokenDetails>] = &[
    ("card_id", |token| text(token.card_id.as_ref())),
    ("network_token_id", |token| text(token.network_token_id.as_ref())),
    ("network_token", |token| token.number.as_ref().map(|number| number.expose().to_owned())),
    ("network_token_last4", |token| text(token.last4.as_deref())),
    ("exp_month", |token| text(token.expiry)),
    ("exp_year", |token| text(token.expiry)),
    ("payment_account_reference", |token| text(token.payment_account_reference.as_deref())),
    ("state", |token| text(token.state.as_ref())),
    ("reason_code", |token| text(token.reason_code.as_deref())),
    ("reason_text", |token| text(token.reason_text.as_deref())),
    ("pan_alias", |token| text(token.pan_alias.as_ref().map(PanAlias::as_str))),
    ("card_bin", |token| text(token.card_bin.as_deref())),
    ("card_last4", |token| text(token.card_last4.as_deref())),
    ("card_exp_month", |token| text(token.card_expiry)),
    ("card_exp_year", |token| text(token.card_expiry)),
    ("tenant_id", |token| text(token.tenant_id.as_deref())),
    ("created_at", |token| text(token.created_at)),
    ("updated_at", |token| text(token.updated_at)),
];

/// The members that V1 does not have.
const CMP_ALONE: [&str; 3] = ["card_id", "reason_code", "reason_text"];

const CARD_UPDATE_DETAILS: &[Member<CardUpdateDetails>] = &[
    ("card_id", |update| text(update.card_id.as_ref())),
    ("card_last4", |update| text(update.last4.as_deref())),
    ("card_first8", |update| text(update.first8.as_deref())),
    ("card_bin", |update| text(update.bin.as_deref())),
    ("card_fingerprint", |update| text(update.fingerprint.as_deref())),
    ("fingerprint_matches", |update| text(update.fingerprint_matches)),
    ("new_account_number", |update| {
        update.new_account_number.as_ref().map(|number| number.expose().to_owned())
    }),
    ("new_expiration_date", |update| text(update.new_expiry)),
    ("old_account_number", |update| {
        update.old_account_number.as_ref().map(|number| number.expose().to_owned())
    }),
    ("old_expiration_date", |update| text(update.old_expiry)),
    ("reason_code", |update| text(update.reason_code.as_deref())),
    ("reason_text", |update| text(update.reason_text.as_deref())),
    ("occurred_at", |update| text(update.occurred_at)),
];

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

struct Contract(Value);

/// A webhook of the contract, and a body of its kind with every member.
struct Webhook<'c> {
    name: &'c str,
    schema: &'c Value,
    sample: Value,
}

impl Contract {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../openapi/cmp.json")).unwrap())
    }

    fn webhooks(&self) -> Vec<Webhook<'_>> {
        let webhooks = self.0["webhooks"].as_object().unwrap().iter();
        let webhooks = webhooks.map(|(name, item)| {
            let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
            let mut sample: Value = serde_json::from_str(NETWORK_TOKEN).unwrap();
            if name.ends_with("au_card") {
                let update: Value = serde_json::from_str(CARD_UPDATE).unwrap();
                sample["details"] = update["details"].clone();
            }
            sample["event"] = format!("{name}.updated").into();
            Webhook { name, schema, sample }
        });
        webhooks.collect()
    }

    /// The properties of a schema, through references and `allOf`.
    fn properties<'c>(&'c self, schema: &'c Value) -> Vec<(&'c str, &'c Value)> {
        if let Some(target) = schema["$ref"].as_str() {
            return self.properties(self.0.pointer(target.trim_start_matches('#')).unwrap());
        }
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let own = schema["properties"].as_object().into_iter().flatten();
        let own = own.map(|(name, property)| (name.as_str(), property));
        parts.flat_map(|part| self.properties(part)).chain(own).collect()
    }

    /// The property with this name.
    fn property<'c>(&'c self, schema: &'c Value, name: &str) -> &'c Value {
        self.properties(schema).into_iter().find(|(property, _)| *property == name).unwrap().1
    }

    fn names<'c>(&'c self, schema: &'c Value) -> BTreeSet<&'c str> {
        self.properties(schema).into_iter().map(|(name, _)| name).collect()
    }

    #[track_caller]
    fn accepts(&self, schema: &Value, body: &Value) {
        let root = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
        let errors: Vec<_> = validator.iter_errors(body).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

fn event(body: &Value) -> Event {
    Event::parse_unverified(body.to_string().as_bytes()).unwrap()
}

/// Checks that each member is read, and absent without it. Returns their names.
#[track_caller]
fn read<T>(
    members: &[Member<T>],
    sample: &Value,
    place: &str,
    part: impl Fn(&Event) -> T,
) -> BTreeSet<&'static str> {
    for (name, read) in members {
        let mut without = sample.clone();
        let holder = without.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
        assert!(holder.remove(*name).is_some(), "the sample has no {name}");
        if *name == "state" {
            // It implies the state.
            holder.remove("reason_code");
        }
        assert!(read(&part(&event(sample))).is_some(), "{name} is not read");
        assert_eq!(read(&part(&event(&without))), None, "{name} comes from elsewhere");
    }
    members.iter().map(|(name, _)| *name).collect()
}

fn network_token(event: &Event) -> NetworkTokenDetails {
    match &event.details {
        Details::NetworkToken(token) => token.clone(),
        other => panic!("{other:?}"),
    }
}

fn card_update(event: &Event) -> CardUpdateDetails {
    match &event.details {
        Details::CardUpdate(update) => update.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_samples_are_as_the_contract_has_them() {
    let contract = Contract::read();
    for webhook in contract.webhooks() {
        contract.accepts(webhook.schema, &webhook.sample);
    }
    let update: Value = serde_json::from_str(CARD_UPDATE).unwrap();
    let schema =
        contract.webhooks().into_iter().find(|webhook| webhook.name == "cmp_au_card").unwrap().schema;
    contract.accepts(schema, &update);
}

#[test]
fn every_listed_event_is_known() {
    let contract = Contract::read();
    for webhook in contract.webhooks() {
        let listed = contract.property(webhook.schema, "event")["anyOf"][0]["enum"].as_array().unwrap();
        assert!(!listed.is_empty());
        for name in listed {
            let event = event(&json!({ "id": "1", "event": name, "details": {} }));
            let known = match &event.details {
                Details::NetworkToken(token) => !matches!(token.event, NetworkTokenEvent::Other(_)),
                Details::CardUpdate(update) => !matches!(update.event, CardEvent::Other(_)),
                _ => false,
            };
            let is_of_token = matches!(event.details, Details::NetworkToken(_));
            assert_eq!(is_of_token, webhook.name.ends_with("network_token"), "{name}");
            assert_eq!(event.is_v1(), !webhook.name.starts_with("cmp_"), "{name}");
            assert!(known, "{}: {name}, {event:?}", webhook.name);
        }
    }
}

#[test]
fn every_listed_state_is_known() {
    let contract = Contract::read();
    for webhook in contract.webhooks().into_iter().filter(|webhook| webhook.name.ends_with("network_token")) {
        let details = contract.property(webhook.schema, "details");
        let listed = contract.property(details, "state")["anyOf"][0]["enum"].as_array().unwrap();
        assert!(!listed.is_empty());
        for state in listed {
            let mut body = webhook.sample.clone();
            body["details"]["state"] = state.clone();
            let state = network_token(&event(&body)).state;
            assert!(!matches!(state, None | Some(NetworkTokenState::Other(_))), "{state:?}");
        }
    }
}

#[test]
fn every_member_of_the_envelope_is_read() {
    let contract = Contract::read();
    for webhook in contract.webhooks() {
        let mut known = read(ENVELOPE, &webhook.sample, "", Event::clone);
        known.extend(ESSENTIAL);
        assert_eq!(contract.names(webhook.schema), known, "{}", webhook.name);
        let known = read(PRODUCER, &webhook.sample, "/producer", |event| event.producer.clone().unwrap());
        assert_eq!(contract.names(contract.property(webhook.schema, "producer")), known);
    }
}

#[test]
fn every_member_of_the_details_is_read() {
    let contract = Contract::read();
    for webhook in contract.webhooks() {
        let mut known = if webhook.name.ends_with("network_token") {
            read(NETWORK_TOKEN_DETAILS, &webhook.sample, "/details", network_token)
        } else {
            read(CARD_UPDATE_DETAILS, &webhook.sample, "/details", card_update)
        };
        if webhook.name == "network_token" {
            known.retain(|name| !CMP_ALONE.contains(name));
        }
        let listed = contract.names(contract.property(webhook.schema, "details"));
        assert_eq!(listed, known, "{}", webhook.name);
    }
}
