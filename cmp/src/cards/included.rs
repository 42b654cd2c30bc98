use std::collections::HashMap;

use chrono::{DateTime, Utc};
use cmp_generated::{
    included::{IncludedResource, OtherResource},
    scalar::{self, Digits},
    types,
};

use crate::{
    network_tokens::NetworkToken,
    secret::UpdatedValue,
    value::{NetworkTokenId, Text, open::open_enum, stored::stored_as_text, wire},
};

/// The type of network tokens among the resources of the API.
const NETWORK_TOKENS: &str = "network_tokens";

open_enum! {
    /// What the account updater reports about a card (source: schema `CardUpdateResource`).
    CardEvent from types::KnownCardUpdateEvent {
        /// The account number changed: a new card was issued.
        Updated = "updated",
        /// The expiry date changed.
        Expired = "expired",
        /// The account is closed.
        Closed = "closed",
        /// The issuer doesn't take part in account updates.
        NonParticipating = "non-participating",
        /// The issuer asks to contact the cardholder; no new details will come.
        ContactCardholderAdvice = "contact-cardholder-advice",
        /// The issuer takes part, but found no such account.
        Unknown = "unknown",
        /// The card is enrolled for updates, or a check found it unchanged.
        Enrolled = "enrolled",
        /// The card could not be enrolled for updates.
        EnrollmentFailed = "enrollment-failed",
        /// The cardholder opted out of updates.
        OptOut = "opt-out",
    }
}

stored_as_text!(CardEvent, "card event", as_str);

open_enum! {
    /// The state of a subscription to card updates (source: schema `CardUpdateSubscriptionResource`).
    SubscriptionState from types::KnownCardUpdateSubscriptionState {
        /// Updates are reported.
        Enrolled = "enrolled",
        /// The card could not be enrolled.
        Failed = "failed",
    }
}

/// One report of the account updater about a card.
#[derive(Debug, Clone)]
pub struct CardUpdate {
    id: Option<Text>,
    event: Option<CardEvent>,
    reason_code: Option<Text>,
    reason_text: Option<Text>,
    changed_fields: Vec<Text>,
    updated_values: Vec<UpdatedField>,
    occurred_at: Option<DateTime<Utc>>,
    received_at: Option<DateTime<Utc>>,
}

/// A member of the card that an update changed. The values may be PANs.
#[derive(Debug, Clone)]
pub struct UpdatedField {
    name: Option<Text>,
    old: Option<UpdatedValue>,
    new: Option<UpdatedValue>,
}

/// A card's subscription to the account updater.
#[derive(Debug, Clone)]
pub struct CardUpdateSubscription {
    id: Option<Text>,
    state: Option<SubscriptionState>,
    bin: Option<Text>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

/// An included resource of a type that this version doesn't know.
#[derive(Debug, Clone)]
pub struct OtherIncluded {
    kind: Text,
    id: Option<Text>,
}

/// The resources included with a card, sorted by type: their order in the answer has no meaning.
#[derive(Debug, Clone, Default)]
pub(super) struct Included {
    pub(super) network_tokens: Vec<NetworkToken>,
    pub(super) updates: Vec<CardUpdate>,
    pub(super) subscriptions: Vec<CardUpdateSubscription>,
    pub(super) others: Vec<OtherIncluded>,
    /// Something was included that could not be read: it may have been anything.
    pub(super) is_incomplete: bool,
}

impl Included {
    pub(super) fn from_wire(
        resources: impl IntoIterator<Item = IncludedResource>,
        asked_at: DateTime<Utc>,
    ) -> Self {
        let mut included = Self::default();
        for resource in resources {
            match resource {
                IncludedResource::NetworkToken(token) => {
                    included.network_tokens.push(NetworkToken::from_wire(*token, asked_at));
                }
                IncludedResource::CardUpdate(update) => included.updates.push(CardUpdate::from_wire(*update)),
                IncludedResource::CardUpdateSubscription(subscription) => {
                    included.subscriptions.push(CardUpdateSubscription::from_wire(*subscription));
                }
                IncludedResource::Other(other) => {
                    // Without a type it may be of any.
                    included.is_incomplete |= other.kind.as_str().is_empty();
                    included.others.extend(OtherIncluded::from_wire(*other));
                }
                IncludedResource::Unreadable => included.is_incomplete = true,
            }
        }
        included
    }

    pub(super) fn count(&self) -> usize {
        self.network_tokens.len() + self.updates.len() + self.subscriptions.len() + self.others.len()
    }

    /// Returns `true` if the relationships name a network token that is not here.
    pub(super) fn lacks_tokens_of(&self, relationships: &HashMap<String, types::LubeRel>) -> bool {
        let shown: Vec<_> =
            self.network_tokens.iter().map(|token| token.id().map(NetworkTokenId::as_str)).collect();
        let without_id = shown.iter().filter(|id| id.is_none()).count();
        let named = relationships.iter().flat_map(|(name, relationship)| tokens_in(name, relationship));
        named.filter(|id| !shown.contains(&Some(id))).count() > without_id
    }
}

/// The ids of network tokens that a relationship names. A resource without a type is of the relationship's name.
fn tokens_in<'a>(name: &'a str, relationship: &'a types::LubeRel) -> impl Iterator<Item = &'a str> {
    let named = match &relationship.data {
        Some(types::LubeRelData::LubeResourceId(one)) => std::slice::from_ref(one),
        Some(types::LubeRelData::Array(many)) => many,
        None => &[],
    };
    let kind =
        move |named: &'a types::LubeResourceId| named.type_.as_ref().map_or(name, scalar::Text::as_str);
    let tokens = named.iter().filter(move |named| kind(named) == NETWORK_TOKENS);
    // A token without a readable id does not count as shown.
    tokens.map(|named| named.id.as_ref().map_or("", scalar::Text::as_str))
}

impl CardUpdate {
    fn from_wire(update: types::CardUpdateResource) -> Self {
        let attributes = update.attributes.unwrap_or_default();
        let values = attributes.updated_values.into_iter().flatten();
        Self {
            id: Text::of(update.id),
            event: attributes.event.map(CardEvent::from_wire),
            reason_code: Text::of(attributes.reason_code),
            reason_text: Text::of(attributes.reason_text),
            changed_fields: texts(attributes.changed_fields),
            updated_values: values.map(UpdatedField::from_wire).collect(),
            occurred_at: attributes.occurred_at.map(wire::time),
            received_at: attributes.received_at.map(wire::time),
        }
    }

    /// The id that the service gives it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> Option<&CardEvent> {
        self.event.as_ref()
    }

    /// Why, as a code.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.as_deref()
    }

    /// Why, in words.
    #[must_use]
    pub fn reason_text(&self) -> Option<&str> {
        self.reason_text.as_deref()
    }

    /// The names of the members that changed.
    #[must_use]
    pub fn changed_fields(&self) -> &[Text] {
        &self.changed_fields
    }

    /// The members that changed, with their values before and after.
    #[must_use]
    pub fn updated_values(&self) -> &[UpdatedField] {
        &self.updated_values
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.occurred_at
    }

    /// When the network told the service.
    #[must_use]
    pub fn received_at(&self) -> Option<DateTime<Utc>> {
        self.received_at
    }
}

impl UpdatedField {
    fn from_wire(field: types::UpdatedCardFieldResource) -> Self {
        let value = |secret: scalar::Secret| UpdatedValue::from_trusted(secret.expose());
        Self {
            name: Text::of(field.field_name),
            old: field.old_value.map(value),
            new: field.new_value.map(value),
        }
    }

    /// The member's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The value before.
    #[must_use]
    pub fn old_value(&self) -> Option<&UpdatedValue> {
        self.old.as_ref()
    }

    /// The value after.
    #[must_use]
    pub fn new_value(&self) -> Option<&UpdatedValue> {
        self.new.as_ref()
    }
}

impl CardUpdateSubscription {
    fn from_wire(subscription: types::CardUpdateSubscriptionResource) -> Self {
        let attributes = subscription.attributes.unwrap_or_default();
        Self {
            id: Text::of(subscription.id),
            state: attributes.state.map(SubscriptionState::from_wire),
            bin: attributes.bin.map(Digits::into_inner).and_then(Text::new),
            created_at: attributes.created_at.map(wire::time),
            updated_at: attributes.updated_at.map(wire::time),
        }
    }

    /// The id that the service gives it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether updates are reported.
    #[must_use]
    pub fn state(&self) -> Option<&SubscriptionState> {
        self.state.as_ref()
    }

    /// The BIN of the card it is for.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        self.bin.as_deref()
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }
}

fn texts(texts: Option<Vec<scalar::Text>>) -> Vec<Text> {
    texts.into_iter().flatten().filter_map(|text| Text::of(Some(text))).collect()
}

impl OtherIncluded {
    fn from_wire(other: OtherResource) -> Option<Self> {
        Some(Self { kind: Text::of(Some(other.kind))?, id: Text::of(other.id) })
    }

    /// The resource's `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The resource's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
