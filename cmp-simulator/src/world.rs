//! What happens to cards and tokens without a request from the client.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::instance::Instance;
use crate::state::{CardUpdateEvent, NetworkTokenState, State, V1Outcome};

/// An event in the outside world, as data. [`World`] has a method for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum WorldEvent {
    /// A pending network token arrives.
    DeliverToken {
        /// The card
        card_id: String,
    },
    /// The card's network token changes its state.
    ChangeToken {
        /// The card
        card_id: String,
        /// The new state
        state: NetworkTokenState,
    },
    /// Enrolling an alias with V1 has this outcome from now on.
    SetV1Outcome {
        /// The alias
        pan_alias: String,
        /// The outcome
        outcome: V1Outcome,
    },
    /// A pending V1 network token arrives.
    DeliverV1Token {
        /// The alias
        pan_alias: String,
    },
    /// A V1 network token changes its state.
    ChangeV1Token {
        /// The alias
        pan_alias: String,
        /// The new state
        state: NetworkTokenState,
    },
    /// A payment is made with a V1 network token.
    UseV1Token {
        /// The alias
        pan_alias: String,
    },
    /// The account updater reports an update of the card behind a V1 alias.
    ReportV1Update {
        /// The alias
        pan_alias: String,
        /// The update
        update: CardUpdateEvent,
    },
    /// The account updater reports an update of the card.
    ReportUpdate {
        /// The card
        card_id: String,
        /// The update
        update: CardUpdateEvent,
    },
    /// All access tokens become invalid.
    RevokeAccessTokens {},
    /// Time passes.
    AdvanceClock {
        /// How many seconds
        seconds: u32,
    },
}

/// An error: an event could not happen to a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NothingThere {
    /// No card has this id.
    Card,
    /// The card has no such network token.
    NetworkToken,
    /// The card's subscription to updates was ended.
    Unsubscribed,
}

impl fmt::Display for NothingThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card => "no card has this id",
            Self::NetworkToken => "the card has no such network token",
            Self::Unsubscribed => "the card's subscription to updates was ended",
        })
    }
}

impl Error for NothingThere {}

/// The world around one simulator: networks, issuers and time.
#[derive(Clone, Copy)]
pub struct World<'a> {
    instance: &'a Instance,
}

type Done = Result<(), NothingThere>;

impl<'a> World<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        Self { instance }
    }

    /// Lets an event happen.
    ///
    /// # Errors
    /// If no such card or token exists, or the card's subscription was ended.
    pub fn happen(self, event: &WorldEvent) -> Done {
        let done = happen(&mut self.instance.state(), event);
        self.instance.wake_webhooks();
        done
    }

    /// Lets a pending network token arrive.
    ///
    /// # Errors
    /// If no such card exists, or no token is pending.
    pub fn deliver_token(self, card_id: &str) -> Done {
        self.happen(&WorldEvent::DeliverToken { card_id: card_id.to_owned() })
    }

    /// Suspends the card's network token, as the issuer does.
    ///
    /// # Errors
    /// If no such card or token exists.
    pub fn suspend_token(self, card_id: &str) -> Done {
        self.change_token(card_id, NetworkTokenState::Suspended)
    }

    /// Resumes the card's network token, as the issuer does. The token becomes `activated`.
    ///
    /// # Errors
    /// If no such card or token exists.
    pub fn resume_token(self, card_id: &str) -> Done {
        self.change_token(card_id, NetworkTokenState::Activated)
    }

    /// Fails the card's network token, as the card network does.
    ///
    /// # Errors
    /// If no such card or token exists.
    pub fn fail_token(self, card_id: &str) -> Done {
        self.change_token(card_id, NetworkTokenState::Failed)
    }

    /// Deletes the card's network token, as the issuer does. It stays visible in the state
    /// `deleted`.
    ///
    /// # Errors
    /// If no such card or token exists.
    pub fn delete_token(self, card_id: &str) -> Done {
        self.change_token(card_id, NetworkTokenState::Deleted)
    }

    /// Changes the state of the card's network token.
    ///
    /// # Errors
    /// If no such card or token exists.
    pub fn change_token(self, card_id: &str, state: NetworkTokenState) -> Done {
        self.happen(&WorldEvent::ChangeToken { card_id: card_id.to_owned(), state })
    }

    /// Replaces the card, as the issuer does: a new number and a new expiry. A usable token becomes
    /// `card_updated`.
    ///
    /// # Errors
    /// If no such card exists, or its subscription to updates was ended.
    pub fn update_card(self, card_id: &str) -> Done {
        self.report_update(card_id, CardUpdateEvent::Updated)
    }

    /// Renews an expired card, as the issuer does: the same number and a new expiry.
    ///
    /// # Errors
    /// If no such card exists, or its subscription to updates was ended.
    pub fn expire_card(self, card_id: &str) -> Done {
        self.report_update(card_id, CardUpdateEvent::Expired)
    }

    /// Closes the account behind the card, as the issuer does.
    ///
    /// # Errors
    /// If no such card exists, or its subscription to updates was ended.
    pub fn close_card(self, card_id: &str) -> Done {
        self.report_update(card_id, CardUpdateEvent::Closed)
    }

    /// Reports an update of the card, as the account updater does.
    ///
    /// # Errors
    /// If no such card exists, or its subscription to updates was ended.
    pub fn report_update(self, card_id: &str, update: CardUpdateEvent) -> Done {
        self.happen(&WorldEvent::ReportUpdate { card_id: card_id.to_owned(), update })
    }

    /// Sets the outcome of enrolling an alias with V1 from now on.
    pub fn v1_outcome(self, pan_alias: &str, outcome: V1Outcome) {
        self.instance.state().v1.set_outcome(pan_alias, outcome);
    }

    /// Lets a pending V1 network token arrive.
    ///
    /// # Errors
    /// If the alias has no pending token.
    pub fn deliver_v1_token(self, pan_alias: &str) -> Done {
        self.happen(&WorldEvent::DeliverV1Token { pan_alias: pan_alias.to_owned() })
    }

    /// Changes the state of a V1 network token.
    ///
    /// # Errors
    /// If the alias has no token.
    pub fn change_v1_token(self, pan_alias: &str, state: NetworkTokenState) -> Done {
        self.happen(&WorldEvent::ChangeV1Token { pan_alias: pan_alias.to_owned(), state })
    }

    /// Makes a payment with a V1 network token. It only sends a notification.
    ///
    /// # Errors
    /// If the alias has no token that has arrived.
    pub fn use_v1_token(self, pan_alias: &str) -> Done {
        self.happen(&WorldEvent::UseV1Token { pan_alias: pan_alias.to_owned() })
    }

    /// Reports an update of the card behind a V1 alias, as the account updater does.
    ///
    /// As in CMP, a card that is updated or expired is renewed, and a usable token becomes
    /// `CARD_UPDATED`. A new number has an alias of its own, and the token stays with the old one
    /// (inferred).
    ///
    /// # Errors
    /// If the alias was never enrolled.
    pub fn report_v1_update(self, pan_alias: &str, update: CardUpdateEvent) -> Done {
        self.happen(&WorldEvent::ReportV1Update { pan_alias: pan_alias.to_owned(), update })
    }

    /// Revokes every access token.
    pub fn revoke_access_tokens(self) {
        self.instance.state().access.revoke_all();
    }

    /// Advances the simulator's clock: access tokens expire, pending network tokens arrive. It is never more than
    /// 1,000 years ahead of the machine's.
    pub fn advance_clock(self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        self.instance.state().advance_clock(by);
        self.instance.wake_webhooks();
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("url", &self.instance.url).finish()
    }
}

fn happen(state: &mut State, event: &WorldEvent) -> Done {
    match event {
        WorldEvent::DeliverToken { card_id } => {
            state.stored(card_id).ok_or(NothingThere::Card)?;
            token(state.deliver(card_id))
        }
        WorldEvent::ChangeToken { card_id, state: new } => change_token(state, card_id, *new),
        WorldEvent::ReportUpdate { card_id, update } => {
            let card = state.card(card_id).ok_or(NothingThere::Card)?;
            if card.unsubscribed {
                return Err(NothingThere::Unsubscribed);
            }
            state.report_update(card_id, *update);
            Ok(())
        }
        WorldEvent::SetV1Outcome { pan_alias, outcome } => {
            state.v1.set_outcome(pan_alias, *outcome);
            Ok(())
        }
        WorldEvent::DeliverV1Token { pan_alias } => token(state.deliver_v1(pan_alias)),
        WorldEvent::ChangeV1Token { pan_alias, state: new } => token(state.change_v1(pan_alias, *new)),
        WorldEvent::UseV1Token { pan_alias } => token(state.use_v1(pan_alias)),
        WorldEvent::ReportV1Update { pan_alias, update } => {
            state.settle_v1(pan_alias);
            token(state.report_v1_update(pan_alias, *update))
        }
        WorldEvent::RevokeAccessTokens {} => {
            state.access.revoke_all();
            Ok(())
        }
        WorldEvent::AdvanceClock { seconds } => {
            state.advance_clock(TimeDelta::seconds(i64::from(*seconds)));
            Ok(())
        }
    }
}

fn token(was_there: bool) -> Done {
    if was_there { Ok(()) } else { Err(NothingThere::NetworkToken) }
}

fn change_token(state: &mut State, card_id: &str, new: NetworkTokenState) -> Done {
    let now = state.now();
    let card = state.card(card_id).ok_or(NothingThere::Card)?;
    let token = card.current_token().ok_or(NothingThere::NetworkToken)?;
    token.change(new, now);
    let token_id = token.id.clone();
    state.notify_of_token(card_id, &token_id);
    Ok(())
}
