//! The account updater: subscribing cards to updates, and checking a card on demand.
//!
//! Card networks report new numbers, new expiries and closed accounts. A subscribed card gets these reports by itself: the
//! service changes the stored card, and the report is one of [`Card::updates`](crate::Card::updates) and a webhook. The card
//! keeps its id. [`CardEvent::decision`](crate::cards::CardEvent::decision) says what a merchant does then.
//!
//! Whether an account's new cards are subscribed without a request is a setting of the account. Numbers of a wallet (`dpan`,
//! `mpan`) get no updates.

use cmp_generated::types::{
    CardUpdateResource, CardUpdateResponse, CardUpdateResponseData, CardUpdateSubscriptionResponse,
};

use crate::{
    call::{Core, Head},
    cards::{CardEvent, CardUpdate, CardUpdateSubscription},
    error::{Error, Result},
    operation::Operation,
    value::{CardId, open::is_same_word},
};

/// The account updater operations of a [`Client`](crate::Client).
#[derive(Debug, Clone, Copy)]
pub struct AccountUpdater<'a>(&'a Core);

impl<'a> AccountUpdater<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// Subscribes a card to updates: `POST /cards/{card_id}/card-update-subscriptions`.
    ///
    /// A card that is subscribed already is left as it is, and its subscription is returned. A new subscription can have
    /// failed: look at its [`state`](CardUpdateSubscription::state).
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent). Source: the documentation of the account updater,
    /// "Subscribe".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// use cmp::cards::SubscriptionState;
    ///
    /// let subscription = cmp.account_updater().subscribe(&id).await?;
    /// assert_eq!(subscription.state, Some(SubscriptionState::Enrolled));
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 500 and the transient ones.
    pub async fn subscribe(self, card: &CardId) -> Result<CardUpdateSubscription> {
        let id = card.as_str();
        let send = |client: cmp_generated::Client| async move { client.subscribe_to_card_updates(id).await };
        let read = |_: Head, answer: CardUpdateSubscriptionResponse| {
            let subscription = answer.data.ok_or_else(|| Error::unreadable_at("data"))?;
            Ok(CardUpdateSubscription::from_wire(*subscription))
        };
        self.0.begin().send(Operation::SubscribeToCardUpdates, send, read).await
    }

    /// Ends a card's subscription: `DELETE /cards/{card_id}/card-update-subscriptions`. No update comes after it.
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent): if an attempt's answer was lost and the next one is
    /// answered 404, that is a success. Source: the documentation of the account updater, "Unsubscribe".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// cmp.account_updater().subscribe(&id).await?;
    /// cmp.account_updater().unsubscribe(&id).await?;
    /// assert!(cmp.cards().get(&id).await?.update_subscription().is_none());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404 (also for a card without a subscription), 500 and the transient ones.
    pub async fn unsubscribe(self, card: &CardId) -> Result<()> {
        let id = card.as_str();
        let send =
            |client: cmp_generated::Client| async move { client.unsubscribe_from_card_updates(id).await };
        match self.0.begin().send(Operation::UnsubscribeFromCardUpdates, send, |_, ()| Ok(())).await {
            Err(error) if error.is_deleted_by_us() => Ok(()),
            ended => ended,
        }
    }

    /// Asks the card network for a card's latest update: `POST /cards/{card_id}/check`.
    ///
    /// No subscription is needed for Visa and Mastercard. Amex and Discover answer for subscribed cards only. The documents
    /// show no answer, so the client reads one update and a list of updates. The list that this returns is empty if the
    /// answer contains none, such as one with the card. [`Card::updates`](crate::Card::updates) has them too.
    ///
    /// [`RetryClass::Unsafe`](crate::operation::RetryClass::Unsafe): the first answer says what changed, and a network may bill each
    /// check. Source: the documentation of the account updater, "Check on demand".
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("4680056031099387")?;
    /// # let card = cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?);
    /// # let id = cmp.cards().create(card).await?.id().clone();
    /// use cmp::account_updater::Decision;
    ///
    /// for update in cmp.account_updater().check(&id).await? {
    ///     let decision = update.event.map(|event| event.decision());
    ///     assert_eq!(decision, Some(Decision::UseNewDetails));
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 500 and the transient ones.
    pub async fn check(self, card: &CardId) -> Result<Vec<CardUpdate>> {
        let id = card.as_str();
        let send = |client: cmp_generated::Client| async move { client.check_for_card_updates(id).await };
        let read = |_: Head, answer: CardUpdateResponse| {
            let updates = match answer.data {
                Some(CardUpdateResponseData::CardUpdateResource(update)) => vec![update],
                Some(CardUpdateResponseData::Array(updates)) => updates,
                None => Vec::new(),
            };
            Ok(updates.into_iter().filter(is_an_update).map(CardUpdate::from_wire).collect())
        };
        self.0.begin().send(Operation::CheckForCardUpdates, send, read).await
    }
}

/// Returns `false` for another resource, such as the card itself. It would look like an update without an event. A resource
/// with an event is an update, whatever its type.
fn is_an_update(resource: &CardUpdateResource) -> bool {
    let has_event = resource.attributes.as_ref().is_some_and(|attributes| attributes.event.is_some());
    has_event || resource.type_.as_ref().is_none_or(|kind| is_same_word(kind.as_str(), "card_updates"))
}

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
