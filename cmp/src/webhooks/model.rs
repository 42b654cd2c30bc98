use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use cmp_generated::lenient;
use serde::de::MapAccess;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{
    WebhookError,
    members::{self, Members, Scalar, members, month_and_year},
};
use crate::{
    cards::CardEvent,
    scrub::{looks_like_a_pan, scrub},
    secret::{DetailValue, NetworkTokenNumber, Pan},
    value::{CardId, Expiry, NetworkTokenId, NetworkTokenState, PanAlias, Text, id, open::open_enum},
};

/// An event of a card or a network token (source: VGS's documentation of notifications).
///
/// [`id`](Self::id), [`name`](Self::name) and [`details`](Self::details) are always there. Members that this version does
/// not know are dropped. Events that it does not know are [`Details::Other`].
///
/// ```
/// use cmp::{webhooks::{Details, Event}, network_tokens::NetworkTokenState};
///
/// let body = br#"{
///     "id": "evt-1",
///     "event": "cmp_network_token.updated",
///     "timestamp": "2025-01-15T10:00:00.000Z",
///     "details": { "card_id": "CRD1", "state": "SUSPENDED" }
/// }"#;
/// let event = Event::parse_unverified(body)?;
/// if let Details::NetworkToken(token) = event.details {
///     assert_eq!(token.state, Some(NetworkTokenState::Suspended));
/// }
/// # Ok::<(), cmp::webhooks::WebhookError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The id, which is the same in each delivery: see [`Deduplicator`](super::Deduplicator).
    pub id: Text,
    /// The name as it came, such as `cmp_network_token.updated`.
    pub name: Text,
    /// The part that depends on the kind of the event.
    pub details: Details,
    /// When the service wrote the event.
    pub timestamp: Option<DateTime<Utc>>,
    /// The kind of event, in words.
    pub description: Option<Text>,
    /// What happened, in words.
    pub summary: Option<Text>,
    /// What the event concerns, such as `VAULT`.
    pub scope: Option<Text>,
    /// How the service groups events of this kind, such as `EVERY_SINGLE`.
    pub grouping: Option<Text>,
    /// How often it occurred.
    pub occurrence: Option<u64>,
    /// The service's fingerprint of the event.
    pub fingerprint: Option<Text>,
    /// The webhook's configuration in the dashboard.
    pub integration_id: Option<Text>,
    /// The organisation.
    pub org_id: Option<Text>,
    /// The vault.
    pub tenant: Option<Text>,
    /// The application that sent the event.
    pub producer: Option<Producer>,
}

/// The details of an event, by its kind. Events of CMP and of V1 have the same details: see [`Event::is_v1`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Details {
    /// The details of `cmp_network_token.updated`, and in V1 of `network_token.…`.
    NetworkToken(NetworkTokenDetails),
    /// The details of `cmp_au_card.…`, and in V1 of `au_card.…`: the account updater.
    CardUpdate(CardUpdateDetails),
    /// The details of an event that this version does not know.
    Other(OtherDetails),
}

/// The application that sent an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Producer {
    /// The application's name.
    pub application_name: Option<Text>,
    /// The application's protocol.
    pub application_protocol: Option<Text>,
}

impl Event {
    /// Reads an event from a body that was verified before, or in a test.
    ///
    /// Anybody can send such a body, so a request goes through [`Verifier::verify`](super::Verifier::verify). A byte order
    /// mark is skipped (RFC 8259 §8.1), and unreadable characters of a text are replaced.
    ///
    /// # Errors
    /// [`WebhookError`] if the body is not a JSON object with an id and an event name.
    pub fn parse_unverified(body: &[u8]) -> Result<Self, WebhookError> {
        let text = std::str::from_utf8(body);
        let mut envelope = None;
        if let Ok(text) = text
            && members::read(&mut envelope, text).is_ok()
            && let Some(envelope) = &envelope
        {
            return Self::read(envelope, text);
        }
        let repaired = lenient::repaired(body);
        let mut envelope = None;
        match (members::read(&mut envelope, &repaired), &envelope) {
            (Ok(()), Some(envelope)) => Self::read(envelope, &repaired),
            _ if text.is_err() => Err(WebhookError::NotUtf8),
            (Ok(()), None) => Err(not_an_event("it is not an object")),
            // The text of a serde error repeats what it read.
            (Err(error), _) => Err(WebhookError::NotJson { line: error.line(), column: error.column() }),
        }
    }

    /// Converts the members of the document `json`.
    fn read(from: &Envelope<'_>, json: &str) -> Result<Self, WebhookError> {
        // Two ids that can't be read must not be taken for one.
        let id = from.id.digits().filter(|id| !id.contains(char::REPLACEMENT_CHARACTER));
        let id = id.ok_or(not_an_event("it has no id"))?;
        let name = from.event.str().ok_or(not_an_event("it has no event name"))?;
        Ok(Self {
            id: Text::new(id).ok_or(not_an_event("its id is too long"))?,
            name: Text::new(name).ok_or(not_an_event("its event name is too long"))?,
            details: Details::read(name, from.details.as_ref().unwrap_or(&DetailMembers::default()), json),
            timestamp: from.timestamp.time(),
            description: from.description.text(),
            summary: from.summary.text(),
            scope: from.scope.text(),
            grouping: from.grouping.text(),
            occurrence: from.occurrence.digits().and_then(|number| number.parse().ok()),
            fingerprint: from.fingerprint.text(),
            integration_id: from.integration_id.text(),
            org_id: from.org_id.text(),
            tenant: from.tenant.text(),
            producer: from.producer.as_ref().map(|from| Producer {
                application_name: from.application_name.text(),
                application_protocol: from.application_protocol.text(),
            }),
        })
    }

    /// Returns `true` for an event of V1, `network_token.…` or `au_card.…`.
    #[must_use]
    pub fn is_v1(&self) -> bool {
        let name = normalised(&self.name);
        name.starts_with(NETWORK_TOKEN) || name.starts_with(CARD_UPDATE)
    }

    /// Returns the card's id, if the event has one.
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        match &self.details {
            Details::NetworkToken(token) => token.card_id.as_ref(),
            Details::CardUpdate(update) => update.card_id.as_ref(),
            Details::Other(_) => None,
        }
    }

    /// Returns the network token's id, if the event has one.
    #[must_use]
    pub fn network_token_id(&self) -> Option<&NetworkTokenId> {
        match &self.details {
            Details::NetworkToken(token) => token.network_token_id.as_ref(),
            _ => None,
        }
    }

    /// Returns when the event happened: the time in its details, else its [`timestamp`](Self::timestamp).
    #[must_use]
    pub fn happened_at(&self) -> Option<DateTime<Utc>> {
        let at = match &self.details {
            Details::NetworkToken(token) => token.updated_at,
            Details::CardUpdate(update) => update.occurred_at,
            Details::Other(_) => None,
        };
        at.or(self.timestamp)
    }
}

members! {
    Envelope {
        id: Scalar<'j>,
        event: Scalar<'j>,
        details: Option<DetailMembers<'j>>,
        timestamp: Scalar<'j>,
        description: Scalar<'j>,
        summary: Scalar<'j>,
        scope: Scalar<'j>,
        grouping: Scalar<'j>,
        occurrence: Scalar<'j>,
        fingerprint: Scalar<'j>,
        integration_id: Scalar<'j>,
        org_id: Scalar<'j>,
        tenant: Scalar<'j>,
        producer: Option<ProducerMembers<'j>>,
    }
}

members! {
    ProducerMembers {
        application_name: Scalar<'j>,
        application_protocol: Scalar<'j>,
    }
}

members! {
    /// The details of every kind of event, because the event's name may come after them.
    DetailMembers {
        card_id: Scalar<'j>,
        card_bin: Scalar<'j>,
        card_last4: Scalar<'j>,
        reason_code: Scalar<'j>,
        reason_text: Scalar<'j>,
        network_token_id: Scalar<'j>,
        network_token: Scalar<'j>,
        network_token_last4: Scalar<'j>,
        exp_month: Scalar<'j>,
        exp_year: Scalar<'j>,
        payment_account_reference: Scalar<'j>,
        state: Scalar<'j>,
        pan_alias: Scalar<'j>,
        card_exp_month: Scalar<'j>,
        card_exp_year: Scalar<'j>,
        tenant_id: Scalar<'j>,
        created_at: Scalar<'j>,
        updated_at: Scalar<'j>,
        card_first8: Scalar<'j>,
        card_fingerprint: Scalar<'j>,
        fingerprint_matches: Scalar<'j>,
        new_account_number: Scalar<'j>,
        new_expiration_date: Scalar<'j>,
        old_account_number: Scalar<'j>,
        old_expiration_date: Scalar<'j>,
        occurred_at: Scalar<'j>,
    }
}

fn not_an_event(rule: &'static str) -> WebhookError {
    WebhookError::NotAnEvent { rule }
}

/// Leaves the words out, which may contain a PAN, and shows an id of any length, to search for.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id: &dyn fmt::Debug = &&*self.id;
        f.debug_struct("Event")
            .field("id", if id::is_showable(&self.id) { id } else { &self.id })
            .field("name", &self.name)
            .field("timestamp", &self.timestamp)
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}

const NETWORK_TOKEN: &str = "network_token_";
const CARD_UPDATE: &str = "au_card_";

/// Documents and code spell one event with `-`, `_` and `.`, in either case.
fn normalised(name: &str) -> String {
    let letter = |letter| if matches!(letter, '-' | '.') { '_' } else { letter.to_ascii_lowercase() };
    let mut normalised = String::with_capacity(name.len());
    normalised.extend(name.trim().chars().map(letter));
    normalised
}

impl Details {
    /// Converts the details of the document `json`.
    fn read(name: &str, from: &DetailMembers<'_>, json: &str) -> Self {
        let name = normalised(name);
        let kind = name.strip_prefix("cmp_").unwrap_or(&name);
        let event = |prefix| kind.strip_prefix(prefix).filter(|event: &&str| !event.is_empty());
        if let Some(event) = event(NETWORK_TOKEN) {
            Self::NetworkToken(NetworkTokenDetails::read(event, from))
        } else if let Some(event) = event(CARD_UPDATE) {
            Self::CardUpdate(CardUpdateDetails::read(event, from))
        } else if name == "enrollment_failed" {
            // Seen without its prefix.
            Self::CardUpdate(CardUpdateDetails::read(&name, from))
        } else {
            Self::Other(OtherDetails::read(json))
        }
    }
}

open_enum! {
    /// What happened to a network token (source: VGS's documentation of network token events).
    ///
    /// CMP has [`Updated`](Self::Updated) only, and says the rest by state and reason code. V1 has an event for each.
    NetworkTokenEvent {
        /// The network token changed: see its state.
        Updated = "updated",
        /// A payment was made with it.
        Used = "used",
        /// The issuer suspended it.
        Suspended = "suspended",
        /// The issuer activated it.
        Activated = "activated",
        /// It was deleted.
        Deleted = "deleted",
    }
}

/// The details of a network token event. Each member may be missing.
///
/// The members are those that VGS documents for V1. For CMP none are documented; the same ones are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkTokenDetails {
    /// What happened.
    pub event: NetworkTokenEvent,
    /// The card of the network token; CMP only.
    pub card_id: Option<CardId>,
    /// The network token's id.
    pub network_token_id: Option<NetworkTokenId>,
    /// The network token's number, to pay with.
    pub number: Option<NetworkTokenNumber>,
    /// The last four digits of the network token's number.
    pub last4: Option<Text>,
    /// The network token's own expiry, which is not the card's.
    pub expiry: Option<Expiry>,
    /// The payment account reference (PAR).
    pub payment_account_reference: Option<Text>,
    /// The network token's state: as the event says, else as its name implies, else as the reason code implies.
    pub state: Option<NetworkTokenState>,
    /// The reason for the state as a code, such as `cmp_network_token.suspended`.
    pub reason_code: Option<Text>,
    /// The reason for the state, in words.
    pub reason_text: Option<Text>,
    /// The alias of the card's PAN.
    pub pan_alias: Option<PanAlias>,
    /// The first digits of the card's number.
    pub card_bin: Option<Text>,
    /// The last four digits of the card's number.
    pub card_last4: Option<Text>,
    /// The card's expiry.
    pub card_expiry: Option<Expiry>,
    /// The vault.
    pub tenant_id: Option<Text>,
    /// When the network token was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When the network token last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl NetworkTokenDetails {
    fn read(event: &str, from: &DetailMembers<'_>) -> Self {
        let Ok(event) = event.parse();
        let reason_code = from.reason_code.text();
        let state = from.state.parsed().or_else(|| state_by_event(&event));
        Self {
            event,
            card_id: from.card_id.parsed(),
            network_token_id: from.network_token_id.parsed(),
            number: from.network_token.secret(NetworkTokenNumber::from_trusted),
            last4: from.network_token_last4.last4(),
            expiry: month_and_year(&from.exp_month, &from.exp_year),
            payment_account_reference: from.payment_account_reference.digits().and_then(Text::new),
            state: state.or_else(|| state_by_reason(reason_code.as_deref()?)),
            reason_code,
            reason_text: from.reason_text.text(),
            pan_alias: from.pan_alias.parsed(),
            card_bin: from.card_bin.leading_digits(),
            card_last4: from.card_last4.last4(),
            card_expiry: month_and_year(&from.card_exp_month, &from.card_exp_year),
            tenant_id: from.tenant_id.text(),
            created_at: from.created_at.time(),
            updated_at: from.updated_at.time(),
        }
    }
}

fn state_by_event(event: &NetworkTokenEvent) -> Option<NetworkTokenState> {
    match event {
        NetworkTokenEvent::Suspended => Some(NetworkTokenState::Suspended),
        NetworkTokenEvent::Activated => Some(NetworkTokenState::Activated),
        NetworkTokenEvent::Deleted => Some(NetworkTokenState::Deleted),
        _ => None,
    }
}

/// Reads all reason codes that VGS documents for network tokens, in each spelling.
fn state_by_reason(code: &str) -> Option<NetworkTokenState> {
    match normalised(code).as_str() {
        "cmp_network_token_provisioned" => Some(NetworkTokenState::Active),
        "cmp_network_token_provisioning_failed" => Some(NetworkTokenState::Failed),
        "cmp_network_token_suspended" => Some(NetworkTokenState::Suspended),
        "cmp_network_token_activated" => Some(NetworkTokenState::Activated),
        "cmp_network_token_deleted" => Some(NetworkTokenState::Deleted),
        "cmp_card_updated" => Some(NetworkTokenState::CardUpdated),
        _ => None,
    }
}

/// The details of an account updater event. Each member may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardUpdateDetails {
    /// What happened.
    pub event: CardEvent,
    /// The card.
    pub card_id: Option<CardId>,
    /// The last four digits of the old or the new number. The documents do not say which.
    pub last4: Option<Text>,
    /// The first eight digits of the card's number.
    pub first8: Option<Text>,
    /// The first six or eight digits of the card's number.
    pub bin: Option<Text>,
    /// A value that is the same for every card with this PAN.
    pub fingerprint: Option<Text>,
    /// `fingerprint_matches` as it came. Its meaning is not documented.
    pub fingerprint_matches: Option<bool>,
    /// The number after the update: a PAN or its alias.
    pub new_account_number: Option<Pan>,
    /// The expiry after the update.
    pub new_expiry: Option<Expiry>,
    /// The number before the update: a PAN or its alias.
    pub old_account_number: Option<Pan>,
    /// The expiry before the update.
    pub old_expiry: Option<Expiry>,
    /// The reason, as a code.
    pub reason_code: Option<Text>,
    /// The reason, in words.
    pub reason_text: Option<Text>,
    /// When it happened.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl CardUpdateDetails {
    /// Returns the aliases that V1 sends instead of the old and new card numbers (inferred). A number that may be a PAN is left
    /// out, although some vaults have such aliases.
    pub fn pan_aliases(&self) -> impl Iterator<Item = PanAlias> {
        let numbers =
            [&self.old_account_number, &self.new_account_number].into_iter().flatten().map(Pan::expose);
        numbers.filter(|number| !looks_like_a_pan(number)).filter_map(|number| PanAlias::new(number).ok())
    }

    fn read(event: &str, from: &DetailMembers<'_>) -> Self {
        let Ok(event) = event.parse();
        Self {
            event,
            card_id: from.card_id.parsed(),
            last4: from.card_last4.last4(),
            first8: from.card_first8.leading_digits(),
            bin: from.card_bin.leading_digits(),
            fingerprint: from.card_fingerprint.text(),
            fingerprint_matches: from.fingerprint_matches.boolean(),
            new_account_number: from.new_account_number.secret(Pan::from_trusted),
            new_expiry: from.new_expiration_date.expiry(),
            old_account_number: from.old_account_number.secret(Pan::from_trusted),
            old_expiry: from.old_expiration_date.expiry(),
            reason_code: from.reason_code.text(),
            reason_text: from.reason_text.text(),
            occurred_at: from.occurred_at.time(),
        }
    }
}

/// The details of an event that this version does not know.
#[derive(Clone, PartialEq, Eq)]
pub struct OtherDetails(BTreeMap<String, Zeroizing<String>>);

members! {
    OtherEnvelope {
        details: Option<OtherMembers<'j>>,
    }
}

/// The JSON of each member.
#[derive(Default)]
struct OtherMembers<'j>(BTreeMap<String, &'j str>);

impl<'j> Members<'j> for OtherMembers<'j> {
    fn member<A: MapAccess<'j>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let value: &RawValue = map.next_value()?;
        self.0.insert(name.to_owned(), value.get());
        Ok(())
    }
}

impl OtherDetails {
    fn read(json: &str) -> Self {
        let mut envelope: Option<OtherEnvelope<'_>> = None;
        // Broken JSON does not come here.
        let _ = members::read(&mut envelope, json);
        let members = envelope.and_then(|envelope| envelope.details).unwrap_or_default().0;
        Self(members.into_iter().map(|(name, value)| (name, Zeroizing::new(value.to_owned()))).collect())
    }

    /// Returns the names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns a string, number or boolean member as text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<DetailValue> {
        Scalar::of(self.0.get(name)?).any().map(DetailValue::from_trusted)
    }
}

/// Shows names only: any value can be a PAN.
impl fmt::Debug for OtherDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<_> = self.names().map(scrub).collect();
        f.debug_tuple("OtherDetails").field(&names).finish()
    }
}
