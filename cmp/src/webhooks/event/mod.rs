//! Events: the envelope that all share, and what each kind tells.

mod card_update;
mod members;
mod name;
mod network_token;

use std::fmt;

pub use card_update::CardUpdateDetails;
use chrono::{DateTime, Utc};
use cmp_generated::lenient;
pub use name::NetworkTokenEvent;
pub(super) use name::card_event;
pub use network_token::NetworkTokenDetails;
use serde_json::error::Category;

use self::{members::Members, name::Kind};
use super::WebhookError;
use crate::{
    secret::DetailValue,
    value::{CardId, NetworkTokenId, Text, id},
};

/// Something that happened to a card or a network token (source: VGS's documentation of notifications).
///
/// Only [`id`](Self::id) and [`name`](Self::name) are always there. Members that this version doesn't know are left
/// out, events that it doesn't know are [`Details::Other`].
///
/// ```
/// use cmp::{NetworkTokenState, webhooks::{Details, Event}};
///
/// let event = Event::parse_unverified(br#"{
///     "id": "evt-1", "event": "cmp_network_token.updated", "timestamp": "2025-01-15T10:00:00.000Z",
///     "details": { "card_id": "CRDecqZp3xRgXU3TFmtcDdzQs", "state": "SUSPENDED" }
/// }"#)?;
/// let Details::NetworkToken(token) = event.details() else { panic!("{event:?}") };
/// assert_eq!(token.state(), Some(NetworkTokenState::Suspended));
/// # Ok::<(), cmp::webhooks::WebhookError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    id: Text,
    name: Text,
    description: Option<Text>,
    summary: Option<Text>,
    timestamp: Option<DateTime<Utc>>,
    scope: Option<Text>,
    grouping: Option<Text>,
    occurrence: Option<u64>,
    fingerprint: Option<Text>,
    integration_id: Option<Text>,
    org_id: Option<Text>,
    tenant: Option<Text>,
    producer: Option<Producer>,
    details: Details,
}

/// What an event tells, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Details {
    /// `cmp_network_token.updated`
    NetworkToken(NetworkTokenDetails),
    /// `cmp_au_card.…`: the account updater
    CardUpdate(CardUpdateDetails),
    /// `network_token.…`, of V1
    V1NetworkToken(NetworkTokenDetails),
    /// `au_card.…`, of V1
    V1CardUpdate(CardUpdateDetails),
    /// An event that this version doesn't know.
    Other(OtherDetails),
}

/// The members of an event that this version doesn't know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherDetails(Members);

/// What sent an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    application_name: Option<Text>,
    application_protocol: Option<Text>,
}

impl Event {
    /// Reads an event from a body whose sender is not known: for bodies that were verified before, and for tests.
    /// Anybody can send such a body; what comes from the network goes through [`Verifier::verify`](super::Verifier::verify).
    ///
    /// A byte order mark is skipped, as RFC 8259 §8.1 allows, and what can't be read in a text is replaced.
    ///
    /// # Errors
    /// [`WebhookError`] if the body is not JSON, or has no id or no name of an event.
    pub fn parse_unverified(body: &[u8]) -> Result<Self, WebhookError> {
        let text = std::str::from_utf8(body);
        if let Some(envelope) = text.ok().and_then(|text| Members::parse(text).ok()) {
            return Self::read(&envelope);
        }
        let envelope = Members::parse(&lenient::repaired(body)).map_err(|error| match text {
            Ok(_) => unreadable(&error),
            Err(_) => WebhookError::NotUtf8,
        })?;
        Self::read(&envelope)
    }

    fn read(envelope: &Members) -> Result<Self, WebhookError> {
        // Two ids that can't be read must not be taken for one.
        let id = envelope.digits("id").filter(|id| !id.contains(char::REPLACEMENT_CHARACTER));
        let id = id.ok_or(WebhookError::NotAnEvent { rule: "it has no id" })?;
        let name = envelope.text("event").ok_or(WebhookError::NotAnEvent { rule: "it has no event name" })?;
        Ok(Self {
            id: Text::new(id).ok_or(WebhookError::NotAnEvent { rule: "its id is too long" })?,
            name: Text::new(name).ok_or(WebhookError::NotAnEvent { rule: "its event name is too long" })?,
            details: Details::read(name, envelope.members("details").unwrap_or_default()),
            description: envelope.outside("description"),
            summary: envelope.outside("summary"),
            timestamp: envelope.time("timestamp"),
            scope: envelope.outside("scope"),
            grouping: envelope.outside("grouping"),
            occurrence: envelope.digits("occurrence").and_then(|number| number.parse().ok()),
            fingerprint: envelope.outside("fingerprint"),
            integration_id: envelope.outside("integration_id"),
            org_id: envelope.outside("org_id"),
            tenant: envelope.outside("tenant"),
            producer: envelope.members("producer").as_ref().map(Producer::read),
        })
    }

    /// The id, by which repeats are known: see [`Deduplicator`](super::Deduplicator).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name as it came, such as `cmp_network_token.updated`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it tells.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }

    /// The card it is about, if it names one.
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        match &self.details {
            Details::NetworkToken(token) | Details::V1NetworkToken(token) => token.card_id(),
            Details::CardUpdate(update) | Details::V1CardUpdate(update) => update.card_id(),
            Details::Other(_) => None,
        }
    }

    /// The network token it is about, if it names one.
    #[must_use]
    pub fn network_token_id(&self) -> Option<&NetworkTokenId> {
        match &self.details {
            Details::NetworkToken(token) | Details::V1NetworkToken(token) => token.network_token_id(),
            _ => None,
        }
    }

    /// When it happened: as its details tell, else its [`timestamp`](Self::timestamp).
    #[must_use]
    pub fn happened_at(&self) -> Option<DateTime<Utc>> {
        let told = match &self.details {
            Details::NetworkToken(token) | Details::V1NetworkToken(token) => token.updated_at(),
            Details::CardUpdate(update) | Details::V1CardUpdate(update) => update.occurred_at(),
            Details::Other(_) => None,
        };
        told.or(self.timestamp)
    }

    /// When the notification was made.
    #[must_use]
    pub fn timestamp(&self) -> Option<DateTime<Utc>> {
        self.timestamp
    }

    /// What kind of event it is, in words.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What happened, in words.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// What it concerns, such as a vault.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// How notifications of this kind are grouped, such as `EVERY_SINGLE`.
    #[must_use]
    pub fn grouping(&self) -> Option<&str> {
        self.grouping.as_deref()
    }

    /// How often it occurred.
    #[must_use]
    pub fn occurrence(&self) -> Option<u64> {
        self.occurrence
    }

    /// The service's fingerprint of the event.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// The notification's configuration in the dashboard.
    #[must_use]
    pub fn integration_id(&self) -> Option<&str> {
        self.integration_id.as_deref()
    }

    /// The organisation.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        self.org_id.as_deref()
    }

    /// The vault.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// What sent it.
    #[must_use]
    pub fn producer(&self) -> Option<&Producer> {
        self.producer.as_ref()
    }
}

/// Its words are left out: nobody promises that there is no PAN in them.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: &dyn fmt::Debug = &&*self.id;
        f.debug_struct("Event")
            .field("id", if id::is_showable(&self.id) { shown } else { &self.id })
            .field("name", &self.name)
            .field("timestamp", &self.timestamp)
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}

impl Details {
    fn read(name: &str, details: Members) -> Self {
        match Kind::of(name) {
            Kind::NetworkToken(event) => Self::NetworkToken(NetworkTokenDetails::read(event, &details)),
            Kind::CardUpdate(event) => Self::CardUpdate(CardUpdateDetails::read(event, &details)),
            Kind::V1NetworkToken(event) => Self::V1NetworkToken(NetworkTokenDetails::read(event, &details)),
            Kind::V1CardUpdate(event) => Self::V1CardUpdate(CardUpdateDetails::read(event, &details)),
            Kind::Other => Self::Other(OtherDetails(details)),
        }
    }
}

impl OtherDetails {
    /// The names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// A member that is a text, a number or a truth value, as text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<DetailValue> {
        self.0.scalar(name).map(DetailValue::from_trusted)
    }
}

impl Producer {
    fn read(from: &Members) -> Self {
        Self {
            application_name: from.outside("application_name"),
            application_protocol: from.outside("application_protocol"),
        }
    }

    /// The application's name.
    #[must_use]
    pub fn application_name(&self) -> Option<&str> {
        self.application_name.as_deref()
    }

    /// The application's protocol.
    #[must_use]
    pub fn application_protocol(&self) -> Option<&str> {
        self.application_protocol.as_deref()
    }
}

/// The text of a serde error repeats what it read.
fn unreadable(error: &serde_json::Error) -> WebhookError {
    match error.classify() {
        Category::Data => WebhookError::NotAnEvent { rule: "it is not an object" },
        Category::Io | Category::Syntax | Category::Eof => {
            WebhookError::NotJson { line: error.line(), column: error.column() }
        }
    }
}
