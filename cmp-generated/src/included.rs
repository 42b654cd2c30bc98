//! The resources that come beside a card, told apart by their `type`.
//!
//! The documents describe them by a `oneOf` whose branches overlap; an untagged decoder takes a failed network token for
//! a subscription. See `openapi/corrections/022-included-kinds.json` in the repository.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scalar::FreeForm;
use crate::types;

/// A resource beside a card.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "the largest, a network token, is by far the most frequent")]
pub enum IncludedResource {
    /// `network_tokens`
    NetworkToken(types::NetworkTokenResource),
    /// `card_updates`
    CardUpdate(types::CardUpdateResource),
    /// `card_update_subscriptions`
    CardUpdateSubscription(types::CardUpdateSubscriptionResource),
    /// A kind that the documents do not list.
    Other(OtherResource),
}

/// A resource of a kind that the documents do not list.
#[derive(Debug, Clone)]
pub struct OtherResource {
    /// Its `type`; empty if it has none.
    pub kind: String,
    /// Its `id`, where it is a string.
    pub id: Option<String>,
    /// All of it, unread.
    pub members: FreeForm,
}

impl<'de> Deserialize<'de> for IncludedResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = FreeForm::deserialize(deserializer)?;
        let text = |key: &str| members.members().get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type").unwrap_or_default();
        match kind.as_str() {
            "network_tokens" => decode(members).map(Self::NetworkToken),
            "card_updates" => decode(members).map(Self::CardUpdate),
            "card_update_subscriptions" => decode(members).map(Self::CardUpdateSubscription),
            _ => Ok(Self::Other(OtherResource { id: text("id"), kind, members })),
        }
    }
}

fn decode<T: DeserializeOwned, E: Error>(members: FreeForm) -> Result<T, E> {
    T::deserialize(Value::Object(members.into_inner())).map_err(|error| E::custom(without_value(&error)))
}

/// The decoder's own message for a wrong type repeats the value; what was expected stands at its end.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once("expected ") {
        Some((_, expected)) if !text.starts_with("invalid value, expected") => {
            format!("invalid value, expected {expected}")
        }
        _ => text,
    }
}

impl Serialize for IncludedResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NetworkToken(resource) => resource.serialize(serializer),
            Self::CardUpdate(resource) => resource.serialize(serializer),
            Self::CardUpdateSubscription(resource) => resource.serialize(serializer),
            Self::Other(resource) => resource.members.serialize(serializer),
        }
    }
}
