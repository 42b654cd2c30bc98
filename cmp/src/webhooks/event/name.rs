//! The names of events, in each of their spellings.

use std::fmt;

use cmp_generated::{scalar::Open, types::KnownCardUpdateEvent};
use serde::{
    Deserialize,
    de::value::{Error as Unreadable, StrDeserializer},
};

use crate::{CardEvent, scrub::scrub};

/// What a name says that an event is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NetworkToken(NetworkTokenEvent),
    CardUpdate(CardEvent),
    V1NetworkToken(NetworkTokenEvent),
    V1CardUpdate(CardEvent),
    Other,
}

impl Kind {
    pub(super) fn of(name: &str) -> Self {
        let name = normalised(name);
        let after = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        if let Some(event) = after("cmp_network_token_") {
            Self::NetworkToken(NetworkTokenEvent::of(event))
        } else if let Some(event) = after("cmp_au_card_") {
            Self::CardUpdate(card_event(event))
        } else if let Some(event) = after("network_token_") {
            Self::V1NetworkToken(NetworkTokenEvent::of(event))
        } else if let Some(event) = after("au_card_") {
            Self::V1CardUpdate(card_event(event))
        } else if name == "enrollment_failed" {
            // Seen without the name of what could not be enrolled.
            Self::CardUpdate(CardEvent::EnrollmentFailed)
        } else {
            Self::Other
        }
    }
}

/// Documents and code spell one event with `-`, `_` and `.`, in either case.
pub(super) fn normalised(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['-', '.'], "_")
}

/// What happened to a network token (source: VGS's documentation of network token events).
///
/// CMP knows [`Updated`](Self::Updated) only, and tells the rest by state and reason code; V1 has an event for each.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetworkTokenEvent {
    /// It changed: see its state.
    Updated,
    /// A payment was made with it.
    Used,
    /// The issuer suspended it.
    Suspended,
    /// The issuer activated it.
    Activated,
    /// It is gone.
    Deleted,
    /// An event that this version doesn't know, in lower case with `_`.
    Other(String),
}

impl NetworkTokenEvent {
    fn of(event: &str) -> Self {
        match event {
            "updated" => Self::Updated,
            "used" => Self::Used,
            "suspended" => Self::Suspended,
            "activated" => Self::Activated,
            "deleted" => Self::Deleted,
            _ => Self::Other(event.to_owned()),
        }
    }

    /// The last part of the event's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Updated => "updated",
            Self::Used => "used",
            Self::Suspended => "suspended",
            Self::Activated => "activated",
            Self::Deleted => "deleted",
            Self::Other(event) => event,
        }
    }
}

/// Scrubs what this version doesn't know, because that can be anything.
impl fmt::Debug for NetworkTokenEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Updated => f.write_str("Updated"),
            Self::Used => f.write_str("Used"),
            Self::Suspended => f.write_str("Suspended"),
            Self::Activated => f.write_str("Activated"),
            Self::Deleted => f.write_str("Deleted"),
            Self::Other(event) => f.debug_tuple("Other").field(&scrub(event)).finish(),
        }
    }
}

impl fmt::Display for NetworkTokenEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(event) => f.write_str(&scrub(event)),
            known => f.write_str(known.as_str()),
        }
    }
}

/// The API's enum spells the events with hyphens.
pub(in crate::webhooks) fn card_event(event: &str) -> CardEvent {
    let text = event.replace('_', "-");
    let text: StrDeserializer<'_, Unreadable> = StrDeserializer::new(&text);
    match Open::<KnownCardUpdateEvent>::deserialize(text) {
        Ok(event) => CardEvent::from_wire(event),
        Err(_) => CardEvent::Other(event.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_the_same_event() {
        for name in [
            "cmp_au_card.opt_out",
            "cmp_au_card.opt-out",
            "cmp-au-card-opt-out",
            "CMP_AU_CARD.OPT_OUT",
            "cmp.au.card.opt.out",
            " cmp_au_card_opt_out ",
        ] {
            assert_eq!(Kind::of(name), Kind::CardUpdate(CardEvent::OptOut), "{name}");
        }
        for name in ["cmp_au_card.enrollment_failed", "cmp_au_card.enrollment.failed", "enrollment.failed"] {
            assert_eq!(Kind::of(name), Kind::CardUpdate(CardEvent::EnrollmentFailed), "{name}");
        }
        let updated = Kind::NetworkToken(NetworkTokenEvent::Updated);
        for name in ["cmp_network_token.updated", "cmp-network-token.updated", "Cmp_Network_Token_Updated"] {
            assert_eq!(Kind::of(name), updated, "{name}");
        }
    }

    #[test]
    fn the_documented_names_are_all_known() {
        let updates = "updated expired closed non_participating contact_cardholder_advice unknown enrolled opt_out \
                       enrollment_failed";
        for event in updates.split_whitespace() {
            for kind in [Kind::of(&format!("cmp_au_card.{event}")), Kind::of(&format!("au_card.{event}"))] {
                let (Kind::CardUpdate(known) | Kind::V1CardUpdate(known)) = kind else { panic!("{event}") };
                assert_eq!(known.as_str(), event.replace('_', "-"));
                assert!(!matches!(known, CardEvent::Other(_)), "{event}");
            }
        }
        for event in ["updated", "used", "suspended", "activated", "deleted"] {
            let Kind::V1NetworkToken(known) = Kind::of(&format!("network_token.{event}")) else {
                panic!("{event}")
            };
            assert_eq!(known.as_str(), event);
            assert!(!matches!(known, NetworkTokenEvent::Other(_)), "{event}");
        }
    }

    #[test]
    fn new_events_are_kept() {
        let thawed = NetworkTokenEvent::Other("thawed_again".to_owned());
        assert_eq!(Kind::of("network_token.thawed-again"), Kind::V1NetworkToken(thawed));
        assert_eq!(Kind::of("cmp_au_card.lost"), Kind::CardUpdate(CardEvent::Other("lost".to_owned())));
        for name in ["route.created", "cmp_au_card.", "cmp_network_token", "", "."] {
            assert_eq!(Kind::of(name), Kind::Other, "{name}");
        }
    }
}
