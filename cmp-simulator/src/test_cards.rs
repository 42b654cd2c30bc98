//! The documented test cards of the sandbox, and what each does.
//!
//! Source: VGS's page of sandbox test cards. Any expiry in the future works. Every other card number
//! is an ordinary card, which enrolls successfully if its card network is known.

use crate::state::{CardUpdateEvent, NetworkTokenState};

/// What a test card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Creating the card is answered with this status. Nothing is stored.
    Refused(u16),
    /// The card is stored, and its network token gets this state.
    Token {
        /// The state of the network token after enrollment.
        state: NetworkTokenState,
        /// Whether enrollment with the account updater succeeds (`Some(true)`) or fails
        /// (`Some(false)`). `None` leaves it to the settings.
        updates: Option<bool>,
    },
    /// The card is stored, and the account updater reports this event for it.
    Update(CardUpdateEvent),
    /// The card is stored, and a check for updates finds this event. The event is inferred: the documents name the card
    /// without it.
    Check(CardUpdateEvent),
}

/// A row of the documented table.
#[derive(Clone, Copy, Debug)]
pub struct TestCard {
    /// The card number.
    pub pan: &'static str,
    /// What the card does in the sandbox.
    pub outcome: Outcome,
}

const fn refused(pan: &'static str, status: u16) -> TestCard {
    TestCard { pan, outcome: Outcome::Refused(status) }
}

const fn token(pan: &'static str, state: NetworkTokenState, updates: Option<bool>) -> TestCard {
    TestCard { pan, outcome: Outcome::Token { state, updates } }
}

const fn update(pan: &'static str, event: CardUpdateEvent) -> TestCard {
    TestCard { pan, outcome: Outcome::Update(event) }
}

/// The documented test cards.
pub const TEST_CARDS: &[TestCard] = &[
    token("5100260000019206", NetworkTokenState::Active, Some(true)),
    token("5100260000009207", NetworkTokenState::Failed, Some(false)),
    refused("5100260000059210", 401),
    refused("5100260000049211", 403),
    refused("5100260000019214", 500),
    refused("5100260000009215", 502),
    refused("5100260000099216", 503),
    refused("5100260000089217", 504),
    token("5100260000039220", NetworkTokenState::CardUpdated, None),
    token("5100260000029221", NetworkTokenState::Suspended, None),
    token("5100260000019222", NetworkTokenState::Activated, None),
    token("5100260000009223", NetworkTokenState::Deleted, None),
    token("5100260000099224", NetworkTokenState::Active, None),
    update("5100260000079200", CardUpdateEvent::Enrolled),
    update("5100260000069201", CardUpdateEvent::Updated),
    update("5100260000059202", CardUpdateEvent::Expired),
    update("5100260000049203", CardUpdateEvent::Closed),
    update("5100260000039204", CardUpdateEvent::NonParticipating),
    TestCard { pan: "4680056031099387", outcome: Outcome::Check(CardUpdateEvent::Expired) },
];

/// Returns the documented outcome of a card number, or `None` for an ordinary card.
pub fn outcome(pan: &str) -> Option<Outcome> {
    TEST_CARDS.iter().find(|card| card.pan == pan).map(|card| card.outcome)
}
