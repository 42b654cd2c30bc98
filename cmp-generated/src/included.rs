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

/// A resource beside a card. Exhaustive on purpose: a kind that the documents add must break whoever tells them apart.
#[derive(Debug, Clone)]
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
    // The decoder's own message may repeat a value; the path holds names only.
    serde_path_to_error::deserialize(Value::Object(members.into_inner()))
        .map_err(|error| E::custom(format_args!("invalid or missing value at {}", error.path())))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(value: Value) -> IncludedResource {
        serde_json::from_value(value).expect("decodes")
    }

    #[test]
    fn the_type_decides_whatever_else_is_there() {
        let failed = json!({"attributes": {"state": "failed"}, "id": "NT1", "type": "network_tokens"});
        let IncludedResource::NetworkToken(token) = decoded(failed) else { panic!("not a token") };
        assert_eq!(token.attributes.and_then(|attributes| attributes.state).as_deref(), Some("failed"));
        let update = json!({"type": "card_updates", "extra": 1, "attributes": {"event": "moved", "updated_values": [
            {"field_name": "pan", "old_value": "4111111111111111", "new_value": 4_111_111_111_111_111_u64}]}});
        let IncludedResource::CardUpdate(update) = decoded(update) else { panic!("not an update") };
        assert!(!format!("{update:?}").contains("4111"));
        let subscription = json!({"type": "card_update_subscriptions", "attributes": {"state": "enrolled"}});
        assert!(matches!(decoded(subscription), IncludedResource::CardUpdateSubscription(_)));
    }

    #[test]
    fn unknown_kinds_are_kept_whole_and_unprinted() {
        let value = json!({"type": "vouchers", "id": "V1", "attributes": {"pan": "4111111111111111"}});
        let resource = decoded(value.clone());
        assert!(!format!("{resource:?}").contains("4111"));
        assert_eq!(serde_json::to_value(&resource).expect("encodes"), value);
        let IncludedResource::Other(other) = resource else { panic!("a known kind") };
        assert_eq!((other.kind.as_str(), other.id.as_deref()), ("vouchers", Some("V1")));
        let IncludedResource::Other(other) = decoded(json!({"type": 7, "id": 8})) else {
            panic!("a known kind")
        };
        assert_eq!((other.kind.as_str(), other.id), ("", None));
    }

    #[test]
    fn an_error_says_where_and_never_what() {
        let value = json!({"type": "network_tokens", "id": "NT1", "attributes": {"state": 5_580_043_943_638_177_u64}});
        let error = serde_json::from_value::<IncludedResource>(value).expect_err("a number for a state");
        assert_eq!(error.to_string(), "invalid or missing value at attributes.state");
        let error = serde_json::from_str::<IncludedResource>("\"5580043943638177\"").expect_err("no object");
        assert!(!error.to_string().contains("5580"), "{error}");
    }
}
