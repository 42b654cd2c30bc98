//! Cards: storing, reading, changing and deleting them.
//!
//! [`Client::cards`](crate::Client::cards) has the operations. They take a [`NewCard`], a [`CardId`] or [`CardChanges`], and
//! return a [`Card`], which is [`Stored`] by a creation. The types here are parts of these.

pub(crate) mod cardholder;
mod duplicate;
mod included;
mod lookup;
pub(crate) mod model;
pub(crate) mod new_card;

use std::future::IntoFuture;

use futures_util::{FutureExt, future::BoxFuture};

use self::{
    duplicate::Created,
    lookup::{Purpose, get},
};
use crate::{call::Core, error::Result, operation::Operation, value::CardId};

pub use self::{
    included::{
        CardEvent, CardUpdate, CardUpdateSubscription, OtherIncluded, SubscriptionState, UpdatedField,
    },
    lookup::Include,
    model::{Capability, EnrichedAttributes, Observability, StoredNumber},
    new_card::{TokenType, WalletType},
};
pub(crate) use self::{
    lookup::read_for_tokens,
    model::{Card, Stored},
    new_card::{CardChanges, NewCard},
};
pub use crate::secret::UpdatedValue;

/// The card operations of a [`Client`](crate::Client).
#[derive(Debug, Clone, Copy)]
pub struct Cards<'a>(&'a Core);

impl<'a> Cards<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// Stores a card: `POST /cards`.
    ///
    /// If the account detects duplicates and the PAN is already stored, returns the existing card. If the answer has only that
    /// card's id, the client reads the card, which needs the scope `cards:read`. If the account makes network tokens on
    /// creation, the token follows later: see [`wait_for`](crate::network_tokens::NetworkTokens::wait_for).
    ///
    /// If you drop the future, the card may be stored or not.
    ///
    /// [`RetryClass::Unsafe`](crate::operation::RetryClass::Unsafe): there is no idempotency key, so the client repeats the
    /// request only if nothing can have happened. Source: the CMP documentation, "Create a card".
    ///
    /// ```
    /// # cmp::example!(cmp_simulator::Simulator::builder().duplicate_detection(true), |simulator, cmp| {
    /// use cmp::{Cvc, Expiry, NewCard, Pan};
    ///
    /// let pan = Pan::new("5100260000019206")?;
    /// let card = NewCard::new(pan, Expiry::new(12, 2030)?)
    ///     .cvc(Cvc::new("123")?)
    ///     .meta("customer", "C-77");
    /// let stored = cmp.cards().create(card.clone()).await?;
    /// assert!(stored.is_created());
    /// // This account detects duplicates. A new account stores the card twice.
    /// assert!(!cmp.cards().create(card).await?.is_created());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 415, 422 (a member is missing or breaks a rule), 500 and the transient ones. Where the outcome
    /// is unknown, [`Error::next_step`](crate::Error::next_step) says what to do.
    pub async fn create(self, card: NewCard) -> Result<Stored> {
        let body = &card.into_wire()?;
        let mut call = self.0.begin();
        let created = call
            .send(
                Operation::CreateCard,
                |client| async move { duplicate::or_redirect(client.create_card(body).await).await },
                Created::read,
            )
            .await?;
        match created {
            Created::Card(card) => Ok(Stored::Created(card)),
            // In a box, so that the future of each creation has no place for this rare one.
            Created::Elsewhere(id) => {
                Box::pin(duplicate::existing(&mut call, &id)).await.map(Stored::Existing)
            }
            Created::Duplicate(card) => Ok(Stored::Existing(card)),
        }
    }

    /// Reads a card with what belongs to it: `GET /cards/{card_id}`.
    ///
    /// The documents don't say whether an answer includes network tokens, card updates and subscriptions unless the request
    /// names them. So the client tries. If the first answer includes no network token, it sends a second request with their
    /// names. If the service refuses names, later requests have none. After the first network token, one request is enough.
    /// [`Card::lists_network_tokens`] says whether the answer is complete. With [`include`](GetCard::include), the client sends
    /// one request with exactly these names.
    ///
    /// [`RetryClass::Safe`](crate::operation::RetryClass::Safe). Source: the CMP documentation, "Get a card".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// let card = cmp.cards().get(&id).await?;
    /// assert_eq!(card.last4.as_deref(), Some("9206"));
    /// let token = card.network_token()?;
    /// assert!(token.is_usable());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 500 and the transient ones.
    #[must_use = "the request is sent when this is awaited"]
    pub fn get(&self, id: &CardId) -> GetCard<'a> {
        GetCard { core: self.0, id: id.clone(), include: Vec::new() }
    }

    /// Changes a card's CVC or expiry: `PATCH /cards/{card_id}`. Nothing else can be changed, and no network token is
    /// provisioned by it.
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent). Source: the CMP documentation, "Update a Card".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// use cmp::{CardChanges, Expiry};
    ///
    /// let renewed = Expiry::new(12, 2033)?;
    /// let changes = CardChanges::new().expiry(renewed);
    /// let card = cmp.cards().update(&id, changes).await?;
    /// assert_eq!(card.expiry, Some(renewed));
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 415, 422, 500 and the transient ones.
    pub async fn update(self, id: &CardId, changes: CardChanges) -> Result<Card> {
        let (card, body) = (id.as_str(), &changes.into_wire()?);
        let send = |client: cmp_generated::Client| async move { client.update_card(card, body).await };
        self.0
            .begin()
            .send(Operation::UpdateCard, send, |head, answer| {
                Card::of(id, answer, head.asked_at).map(|card| *card)
            })
            .await
    }

    /// Deletes a card and all that belongs to it, for good: `DELETE /cards/{card_id}`.
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent): a 404 is a success if the
    /// answer to an earlier attempt was lost. Source: the CMP documentation, "Delete a card".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// cmp.cards().delete(&id).await?;
    /// assert!(cmp.cards().get(&id).await.unwrap_err().is_not_found());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404, 500 and the transient ones.
    pub async fn delete(self, id: &CardId) -> Result<()> {
        let id = id.as_str();
        let send = |client: cmp_generated::Client| async move { client.delete_card(id).await };
        match self.0.begin().send(Operation::DeleteCard, send, |_, ()| Ok(())).await {
            Err(error) if error.is_deleted_by_us() => Ok(()),
            deleted => deleted,
        }
    }
}

/// A request for a card; await it to send it.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct GetCard<'a> {
    core: &'a Core,
    id: CardId,
    include: Vec<Include>,
}

impl GetCard<'_> {
    /// Asks for these to be included, in one request. The client does not check whether the service included
    /// them.
    pub fn include(mut self, what: impl IntoIterator<Item = Include>) -> Self {
        self.include.extend(what);
        self
    }
}

impl<'a> IntoFuture for GetCard<'a> {
    type Output = Result<Card>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let mut call = self.core.begin();
            let mut card = if self.include.is_empty() {
                lookup::read(&mut call, &self.id, Purpose::Card).await?
            } else {
                get(&mut call, &self.id, &self.include).await?
            };
            let by_name = self.include.contains(&Include::NetworkTokens);
            if by_name && (card.has_included() || !card.network_tokens.is_empty()) {
                card = card.listing_what_it_names();
            }
            Ok(*card)
        }
        .boxed()
    }
}
