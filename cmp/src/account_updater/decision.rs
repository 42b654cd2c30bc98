use crate::cards::CardEvent;

/// What a merchant does after a report of the account updater.
///
/// | event | decision | why |
/// |---|---|---|
/// | `updated`, `expired` | [`UseNewDetails`](Self::UseNewDetails) | the issuer says which card takes the old one's place |
/// | `closed` | [`StopCharging`](Self::StopCharging) | each further attempt is declined, and networks charge for such attempts |
/// | `contact-cardholder-advice` | [`AskCardholder`](Self::AskCardholder) | there are new details, and only the cardholder can give them |
/// | `non-participating`, `unknown`, `enrollment-failed`, `opt-out` | [`ExpectNoUpdates`](Self::ExpectNoUpdates) | the report is about the updater and not about the account |
/// | `enrolled` | [`GoOn`](Self::GoOn) | nothing changed |
/// | any other | [`Review`](Self::Review) | this version does not know the event |
///
/// The events are from the schema `CardUpdateResource`, and the decisions are this crate's reading of their descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// Go on with the card's id. The service has stored the new number or expiry. Show the cardholder the new last four
    /// digits.
    UseNewDetails,
    /// Charge the card no more, and ask for another one.
    StopCharging,
    /// Ask the cardholder to enter the card again before the next charge.
    AskCardholder,
    /// Go on with the stored details. No update will come, so a declined payment is the first sign of a change.
    ExpectNoUpdates,
    /// Go on with the stored details.
    GoOn,
    /// Let a person look at it.
    Review,
}

impl Decision {
    /// Returns `true` if the card's network token can be expected to stay good.
    ///
    /// A card network moves its tokens to a card's new number and expiry by itself, also without the account updater. A
    /// closed account takes its network tokens with it. The state of the network token is what counts: see
    /// [`NetworkToken::is_usable`](crate::NetworkToken::is_usable).
    #[must_use]
    pub fn keeps_network_token(self) -> bool {
        self != Self::StopCharging
    }
}

impl CardEvent {
    /// Returns what a merchant does after this event.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Updated | Self::Expired => Decision::UseNewDetails,
            Self::Closed => Decision::StopCharging,
            Self::ContactCardholderAdvice => Decision::AskCardholder,
            Self::NonParticipating | Self::Unknown | Self::EnrollmentFailed | Self::OptOut => {
                Decision::ExpectNoUpdates
            }
            Self::Enrolled => Decision::GoOn,
            Self::Other(_) => Decision::Review,
        }
    }
}
