//! The resources that come with a card.

use chrono::{DateTime, Utc};
use cmp_generated::{
    included::{IncludedResource, OtherResource},
    scalar::{self, Digits, Named, Timestamp},
    types,
};

use crate::{
    network_tokens::NetworkToken,
    secret::UpdatedValue,
    value::{NetworkTokenId, Text, open::open_enum, read::stored_as_text},
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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardUpdate {
    /// The id that came with the report. The documents call it the subscription's id, so two reports may have the same one.
    pub id: Option<Text>,
    /// What happened.
    pub event: Option<CardEvent>,
    /// The reason, as a code.
    pub reason_code: Option<Text>,
    /// The reason, in words.
    pub reason_text: Option<Text>,
    /// The names of the members that changed.
    pub changed_fields: Vec<Text>,
    /// The members that changed, with their values before and after.
    pub updated_values: Vec<UpdatedField>,
    /// When it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When the network reported it to the service.
    pub received_at: Option<DateTime<Utc>>,
}

/// A member of the card that an update changed. The values may be PANs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatedField {
    /// The member's name.
    pub name: Option<Text>,
    /// The value before.
    pub old_value: Option<UpdatedValue>,
    /// The value after.
    pub new_value: Option<UpdatedValue>,
}

/// A card's subscription to the account updater.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardUpdateSubscription {
    /// The service's id of the subscription.
    pub id: Option<Text>,
    /// Whether updates are reported.
    pub state: Option<SubscriptionState>,
    /// The card's BIN.
    pub bin: Option<Text>,
    /// When the subscription was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When the subscription last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// An included resource of a type that this version doesn't know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherIncluded {
    /// The resource's `type`.
    pub kind: Text,
    /// The resource's id.
    pub id: Option<Text>,
}

/// The resources included with a card, sorted by type: their order in the answer has no meaning.
#[derive(Debug, Clone, Default)]
pub(super) struct Included {
    pub(super) network_tokens: Vec<NetworkToken>,
    pub(super) updates: Vec<CardUpdate>,
    pub(super) subscriptions: Vec<CardUpdateSubscription>,
    pub(super) others: Vec<OtherIncluded>,
    /// A resource could not be read. It may have been of any type.
    pub(super) is_incomplete: bool,
}

impl Included {
    pub(super) fn from_wire(resources: Vec<IncludedResource>, asked_at: DateTime<Utc>) -> Self {
        let mut included = Self { network_tokens: Vec::with_capacity(resources.len()), ..Self::default() };
        for resource in resources {
            match resource {
                IncludedResource::NetworkToken(token) => {
                    included.network_tokens.push(NetworkToken::from_wire(*token, asked_at));
                }
                IncludedResource::CardUpdate(update) => {
                    included.updates.push(CardUpdate::from_wire(*update));
                }
                IncludedResource::CardUpdateSubscription(subscription) => {
                    included.subscriptions.push(CardUpdateSubscription::from_wire(*subscription));
                }
                IncludedResource::Other(other) => {
                    // A resource without a type may be of any type.
                    included.is_incomplete |= other.kind.as_str().is_empty();
                    included.others.extend(OtherIncluded::from_wire(*other));
                }
                IncludedResource::Unreadable => included.is_incomplete = true,
            }
        }
        leave_one_of_each(&mut included.network_tokens);
        leave_one_of_each(&mut included.updates);
        leave_one_of_each(&mut included.subscriptions);
        leave_one_of_each(&mut included.others);
        included
    }

    /// Returns `true` if the relationships name a network token that is not here, or may do so.
    pub(super) fn lacks_tokens_of(&self, relationships: &Named<String, types::LubeRel>) -> bool {
        let is_unreadable = relationships.unreadable().iter().any(|name| name == NETWORK_TOKENS);
        if is_unreadable || relationships.is_incomplete() {
            return true;
        }
        let shown: Vec<_> =
            self.network_tokens.iter().map(|token| token.id.as_ref().map(NetworkTokenId::as_str)).collect();
        let without_id = shown.iter().filter(|id| id.is_none()).count();
        let named = relationships.iter().flat_map(|(name, relationship)| tokens_in(name, relationship));
        named.filter(|id| !shown.contains(&Some(id))).count() > without_id
    }
}

/// A resource that can come twice: in both places of `included`, or twice in one.
trait Resource {
    /// What two copies have in common. Two resources without an id may be two.
    fn key(&self) -> Option<Key<'_>>;

    /// Returns `true` for two resources with one key that are not the same one.
    fn differs(&self, _other: &Self) -> bool {
        false
    }

    /// When the resource changed last, and how many of the members that matter it has. The highest copy counts.
    fn rank(&self) -> (Option<DateTime<Utc>>, u8);
}

/// The type, if the list has several; the id; and the time, if several resources can have the same id.
type Key<'a> = (&'a str, &'a str, Option<DateTime<Utc>>);

/// Of the copies of a resource, leaves the one that changed last, or else the one with more of the members that matter, or else the first.
fn leave_one_of_each<T: Resource>(resources: &mut Vec<T>) {
    if resources.len() < 2 {
        return;
    }
    let mut keys = Vec::with_capacity(resources.len());
    keys.extend(resources.iter().filter_map(T::key));
    keys.sort_unstable();
    if keys.is_sorted_by(|key, next| key < next) {
        return;
    }
    let mut left: Vec<T> = Vec::with_capacity(resources.len());
    for new in resources.drain(..) {
        let is_copy = |known: &&mut T| known.key() == new.key() && !known.differs(&new);
        match left.iter_mut().find(|known| new.key().is_some() && is_copy(known)) {
            Some(known) if known.rank() < new.rank() => *known = new,
            Some(_) => {}
            None => left.push(new),
        }
    }
    *resources = left;
}

impl Resource for NetworkToken {
    fn key(&self) -> Option<Key<'_>> {
        Some(("", self.id.as_ref()?.as_str(), None))
    }

    fn rank(&self) -> (Option<DateTime<Utc>>, u8) {
        let has_state = !self.state.as_str().is_empty();
        let members = [self.number.is_some(), has_state, self.expiry.is_some(), self.reason_code.is_some()];
        (self.updated_at, members.map(u8::from).iter().sum())
    }
}

/// An id may be that of all reports of a subscription, so only equal reports are copies.
impl Resource for CardUpdate {
    fn key(&self) -> Option<Key<'_>> {
        Some(("", self.id.as_deref()?, self.occurred_at))
    }

    fn differs(&self, other: &Self) -> bool {
        self != other
    }

    fn rank(&self) -> (Option<DateTime<Utc>>, u8) {
        (None, 0)
    }
}

impl Resource for CardUpdateSubscription {
    fn key(&self) -> Option<Key<'_>> {
        Some(("", self.id.as_deref()?, None))
    }

    fn rank(&self) -> (Option<DateTime<Utc>>, u8) {
        (self.updated_at, self.state.is_some().into())
    }
}

impl Resource for OtherIncluded {
    fn key(&self) -> Option<Key<'_>> {
        Some((&self.kind, self.id.as_deref()?, None))
    }

    fn rank(&self) -> (Option<DateTime<Utc>>, u8) {
        (None, 0)
    }
}

/// The ids of network tokens that a relationship names. A resource without a type has the relationship's name as its type.
fn tokens_in<'a>(name: &'a str, relationship: &'a types::LubeRel) -> impl Iterator<Item = &'a str> {
    let named = match &relationship.data {
        Some(types::LubeRelData::LubeResourceId(one)) => std::slice::from_ref(one),
        Some(types::LubeRelData::Array(many)) => many,
        None => &[],
    };
    let kind =
        move |named: &'a types::LubeResourceId| named.type_.as_ref().map_or(name, scalar::Text::as_str);
    let tokens = named.iter().filter(move |named| kind(named) == NETWORK_TOKENS);
    // A token without a readable id does not count as shown. An entry that can't be read is one without id and type.
    tokens.map(|named| named.id.as_ref().map_or("", scalar::Text::as_str))
}

impl CardUpdate {
    pub(crate) fn from_wire(update: types::CardUpdateResource) -> Self {
        let attributes = update.attributes.unwrap_or_default();
        let values = attributes.updated_values.into_iter().flatten();
        Self {
            id: Text::of(update.id),
            event: attributes.event.map(CardEvent::from_wire),
            reason_code: Text::of(attributes.reason_code),
            reason_text: Text::of(attributes.reason_text),
            changed_fields: texts(attributes.changed_fields),
            updated_values: values.map(UpdatedField::from_wire).collect(),
            occurred_at: attributes.occurred_at.map(Timestamp::get),
            received_at: attributes.received_at.map(Timestamp::get),
        }
    }
}

impl UpdatedField {
    fn from_wire(field: types::UpdatedCardFieldResource) -> Self {
        let value = |secret: scalar::Secret| UpdatedValue::of(secret.into_inner());
        Self {
            name: Text::of(field.field_name),
            old_value: field.old_value.map(value),
            new_value: field.new_value.map(value),
        }
    }
}

impl CardUpdateSubscription {
    pub(crate) fn from_wire(subscription: types::CardUpdateSubscriptionResource) -> Self {
        let attributes = subscription.attributes.unwrap_or_default();
        Self {
            id: Text::of(subscription.id),
            state: attributes.state.map(SubscriptionState::from_wire),
            bin: attributes.bin.map(Digits::into_inner).and_then(Text::new),
            created_at: attributes.created_at.map(Timestamp::get),
            updated_at: attributes.updated_at.map(Timestamp::get),
        }
    }
}

fn texts(texts: Option<Vec<scalar::Text>>) -> Vec<Text> {
    texts.into_iter().flatten().filter_map(|text| Text::of(Some(text))).collect()
}

impl OtherIncluded {
    fn from_wire(other: OtherResource) -> Option<Self> {
        Some(Self { kind: Text::of(Some(other.kind))?, id: Text::of(other.id) })
    }
}
