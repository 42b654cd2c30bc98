//! The resources in a card answer's `included` list, distinguished by their `type`.
//!
//! The documents describe them by a `oneOf` whose branches overlap. An untagged decoder would read a failed network
//! token as a subscription. See `openapi/corrections/022-included-kinds.json` in the repository.

use std::borrow::Cow;
use std::slice;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lenient::{
    self, Any, Broken, Json, Lenient, NUMBER, Notes, Object, Place, Raw, number_in, read_member, read_members,
};
use crate::scalar::{FreeForm, Text};
use crate::types;

const NETWORK_TOKENS: &str = "network_tokens";

/// A resource beside a card.
///
/// The enum is exhaustive on purpose: a new kind in the documents must break code that distinguishes the kinds.
#[derive(Debug, Clone)]
pub enum IncludedResource {
    /// `network_tokens`
    NetworkToken(Box<types::NetworkTokenResource>),
    /// `card_updates`
    CardUpdate(Box<types::CardUpdateResource>),
    /// `card_update_subscriptions`
    CardUpdateSubscription(Box<types::CardUpdateSubscriptionResource>),
    /// A kind that the documents do not list.
    Other(Box<OtherResource>),
    /// Stands for resources that could not be read: an entry that is not an object, a value that is not a list, or all
    /// entries after the first thousand. The missing resources are unknown.
    Unreadable,
}

/// A resource of a kind that the documents do not list.
#[derive(Debug, Clone)]
pub struct OtherResource {
    /// The resource's `type`; empty if it has none.
    pub kind: Text,
    /// The resource's `id`, if it is a string or a non-negative integer.
    pub id: Option<Text>,
    /// All members of the resource, as they came.
    pub members: FreeForm,
}

impl Lenient for IncludedResource {
    /// Reads the members after the `type` directly into their place. The members before it are kept until the type is
    /// known. If a guess is allowed, they are read as a network token's instead, and [`lenient::decode`] starts over if
    /// that was wrong.
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        let mut before = Vec::new();
        let mut guessed = None;
        let mut kind = None;
        while let Some(name) = object.name()? {
            if name == "type" {
                object.value(&mut kind, notes)?;
                break;
            }
            if name == NUMBER && before.is_empty() && guessed.is_none() {
                object.skip()?;
                return number_in(object).map(|_| false);
            }
            if notes.may_guess {
                let token = guessed.get_or_insert_with(Box::<types::NetworkTokenResource>::default);
                read_member(&mut **token, &name, object, notes)?;
            } else {
                before.push((name, object.raw()?));
            }
        }
        let kind = kind.unwrap_or_else(|| Text::new(""));
        if guessed.is_some() && kind.as_str() != NETWORK_TOKENS {
            return Err(Broken);
        }
        notes.kind(kind.as_str());
        let mut before = Kept::new(&before);
        *place = Some(match kind.as_str() {
            NETWORK_TOKENS => {
                let mut token = guessed.unwrap_or_default();
                read_members(&mut *token, &mut before, notes)?;
                read_members(&mut *token, object, notes)?;
                token.type_ = Some(kind);
                Self::NetworkToken(token)
            }
            "card_updates" => {
                let mut update = Box::<types::CardUpdateResource>::default();
                read_members(&mut *update, &mut before, notes)?;
                read_members(&mut *update, object, notes)?;
                update.type_ = Some(kind);
                Self::CardUpdate(update)
            }
            "card_update_subscriptions" => {
                let mut subscription = Box::<types::CardUpdateSubscriptionResource>::default();
                read_members(&mut *subscription, &mut before, notes)?;
                read_members(&mut *subscription, object, notes)?;
                subscription.type_ = Some(kind);
                Self::CardUpdateSubscription(subscription)
            }
            _ => {
                let (mut json, mut members) = (Json::new(), Map::new());
                json.members(&mut members, &mut before, notes)?;
                json.members(&mut members, object, notes)?;
                Self::Other(Box::new(OtherResource::of(kind, members)))
            }
        });
        Ok(true)
    }

    fn placeholder() -> Option<Self> {
        Some(Self::Unreadable)
    }
}

impl OtherResource {
    fn of(kind: Text, mut members: Map<String, Value>) -> Self {
        let id = members.get("id").and_then(|id| match id {
            Value::String(id) => Text::text(id),
            id => id.as_u64().and_then(Text::integer),
        });
        if !kind.as_str().is_empty() {
            members.insert("type".to_owned(), kind.as_str().into());
        }
        Self { kind, id, members: FreeForm::new(members) }
    }
}

/// Members that were kept as text.
struct Kept<'k> {
    members: slice::Iter<'k, (Cow<'k, str>, Raw<'k>)>,
    value: Option<&'k Raw<'k>>,
}

impl<'k> Kept<'k> {
    fn new(members: &'k [(Cow<'k, str>, Raw<'k>)]) -> Self {
        Self { members: members.iter(), value: None }
    }
}

impl<'k> Object<'k> for Kept<'k> {
    fn name(&mut self) -> Result<Option<Cow<'k, str>>, Broken> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        Ok(Some(Cow::Borrowed(name)))
    }

    fn value(&mut self, place: &mut dyn Place, notes: &mut Notes) -> Result<bool, Broken> {
        self.value.take().map_or(Err(Broken), |value| value.read(Any { place, notes }))
    }

    fn raw(&mut self) -> Result<Raw<'k>, Broken> {
        self.value.take().map_or(Err(Broken), |value| Ok(value.clone()))
    }

    fn skip(&mut self) -> Result<(), Broken> {
        self.value = None;
        Ok(())
    }
}

impl<'de> Deserialize<'de> for IncludedResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read_document(deserializer)
    }
}

impl Serialize for IncludedResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NetworkToken(resource) => resource.serialize(serializer),
            Self::CardUpdate(resource) => resource.serialize(serializer),
            Self::CardUpdateSubscription(resource) => resource.serialize(serializer),
            Self::Other(resource) => resource.members.serialize(serializer),
            Self::Unreadable => serializer.serialize_unit(),
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
    fn members_before_the_type_are_read_from_memory_and_from_a_stream() {
        let text = r#"{"attributes": {"last4": "42\u0034\u0034", "state": "active"}, "id": "NTK1", "type": "network_tokens"}"#;
        let from_memory: IncludedResource = serde_json::from_str(text).expect("decodes");
        let from_stream: IncludedResource = serde_json::from_reader(text.as_bytes()).expect("decodes");
        for resource in [from_memory, from_stream, decoded(serde_json::from_str(text).expect("JSON"))] {
            let IncludedResource::NetworkToken(token) = resource else { panic!("{resource:?}") };
            assert_eq!(token.id.expect("an id").as_str(), "NTK1");
            assert_eq!(token.attributes.expect("attributes").last4.expect("digits").as_str(), "4244");
        }
    }

    #[test]
    fn the_type_decides_whatever_else_is_there() {
        let failed = json!({"attributes": {"state": "failed"}, "id": "NT1", "type": "network_tokens"});
        let IncludedResource::NetworkToken(token) = decoded(failed) else { panic!("not a token") };
        let state = token.attributes.and_then(|attributes| attributes.state);
        assert_eq!(state.as_ref().map(Text::as_str), Some("failed"));
        assert_eq!(token.id.as_ref().map(Text::as_str), Some("NT1"));
        let update = json!({"type": "card_updates", "extra": 1, "attributes": {"event": "moved", "updated_values": [
            {"field_name": "pan", "old_value": "4111111111111111", "new_value": 4_111_111_111_111_111_u64}]}});
        let IncludedResource::CardUpdate(update) = decoded(update) else { panic!("not an update") };
        assert!(!format!("{update:?}").contains("4111"));
        let subscription = json!({"type": "card_update_subscriptions", "attributes": {"state": "enrolled"}});
        assert!(matches!(decoded(subscription), IncludedResource::CardUpdateSubscription(_)));
    }

    #[test]
    fn the_place_of_the_type_changes_nothing() {
        let members =
            [r#""attributes":{"last4":12,"state":"active"}"#, r#""id":"NT1""#, r#""type":"network_tokens""#];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let text = format!("{{{}}}", order.map(|member| members[member]).join(","));
            let resource: IncludedResource = serde_json::from_str(&text).expect("decodes");
            let expected = json!({"attributes": {"last4": "0012", "state": "active"}, "id": "NT1", "type": "network_tokens"});
            assert_eq!(serde_json::to_value(&resource).expect("encodes"), expected, "{text}");
        }
    }

    #[test]
    fn unknown_kinds_are_kept_whole_and_unprinted() {
        let value = json!({"type": "vouchers", "id": "V1", "attributes": {"pan": "4111111111111111"}});
        let resource = decoded(value.clone());
        assert!(!format!("{resource:?}").contains("4111"));
        assert_eq!(serde_json::to_value(&resource).expect("encodes"), value);
        let IncludedResource::Other(other) = resource else { panic!("a known kind") };
        assert_eq!((other.kind.as_str(), other.id.as_ref().map(Text::as_str)), ("vouchers", Some("V1")));
        let IncludedResource::Other(other) = decoded(json!({"type": [], "id": {}})) else {
            panic!("a known kind")
        };
        assert_eq!((other.kind.as_str(), other.id), ("", None));
    }

    #[test]
    fn what_is_no_resource_keeps_its_place_in_a_list() {
        for odd in [r#"[null]"#, "[7]", r#"["a"]"#, "[[]]", "7", r#""a""#, "true", "{}"] {
            let text = format!(r#"{{"data": {{"id": "CRD1"}}, "included": {odd}}}"#);
            let card: types::CardResourceResponse = serde_json::from_str(&text).expect("decodes");
            assert!(matches!(card.included.as_deref(), Some([IncludedResource::Unreadable])), "{odd}");
        }
        let many = format!(r#"{{"included": [{}null]}}"#, "{},".repeat(5_000));
        let card: types::CardResourceResponse = serde_json::from_str(&many).expect("decodes");
        let included = card.included.expect("a list");
        assert_eq!(included.len(), lenient::MOST_ENTRIES + 1);
        assert!(matches!(included.last(), Some(IncludedResource::Unreadable)));
    }
}
