//! Network tokens: provisioning, deleting, and cryptograms to pay with them.

pub(crate) mod cryptogram;
pub(crate) mod model;
mod new_cryptogram;

use cmp_generated::types::NetworkTokenResourceResponse;
use futures_util::FutureExt;

pub(crate) use self::{
    cryptogram::Cryptogram,
    model::{NetworkToken, Provisioned, usable},
};
pub use self::{
    cryptogram::{CryptogramForm, CryptogramType, Dtvv, Eci, Tavv},
    model::{CardArt, CardArtAsset, CardArtKind},
    new_cryptogram::{RequestCryptogram, TransactionType},
};
#[cfg(feature = "webhooks")]
use crate::webhooks::CardKey;
use crate::{
    call::{Call, Core, Head},
    cards::read_for_tokens,
    error::{Error, Result},
    operation::Operation,
    value::CardId,
    wait::{Wait, not_yet},
};
pub use crate::{
    secret::{CryptogramValue, NetworkTokenNumber},
    value::NetworkTokenState,
};
/// The type of an exposed [`CryptogramValue`]: text that is overwritten when it is dropped.
pub use zeroize::Zeroizing;

const CREATED: u16 = 201;

/// The network token operations of a [`Client`](crate::Client).
#[derive(Debug, Clone, Copy)]
pub struct NetworkTokens<'a>(&'a Core);

impl<'a> NetworkTokens<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// Provisions a network token for a stored card: `POST /cards/{card_id}/network-tokens`.
    ///
    /// For accounts enrolled for manual provisioning (step 2 of the guide). An active token is kept and returned. The
    /// returned token need not be usable: ask [`NetworkToken::is_usable`].
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent). Source: the CMP documentation, "Provision".
    ///
    /// ```
    /// # use cmp_simulator::Enrollment;
    /// # cmp::example!(cmp_simulator::Simulator::builder().enrollment(Enrollment::Manual), |simulator, cmp, id| {
    /// use cmp::Provisioned;
    ///
    /// let first = cmp.network_tokens().provision(&id).await?;
    /// assert!(matches!(first, Provisioned::Created(_)));
    /// assert!(first.network_token().is_usable());
    /// let second = cmp.network_tokens().provision(&id).await?;
    /// assert!(matches!(second, Provisioned::Existing(_)));
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 500 and the transient ones.
    pub async fn provision(self, card: &CardId) -> Result<Provisioned> {
        let id = card.as_str();
        let send = |client: cmp_generated::Client| async move { client.provision_network_token(id).await };
        let read = |head: Head, answer: NetworkTokenResourceResponse| {
            let data = answer.data.ok_or_else(|| Error::unreadable_at("data"))?;
            let token = NetworkToken::from_wire(*data, head.asked_at);
            Ok(if head.status == CREATED {
                Provisioned::Created(token)
            } else {
                Provisioned::Existing(token)
            })
        };
        self.0.begin().send(Operation::ProvisionNetworkToken, send, read).await
    }

    /// Deletes a card's network token: `DELETE /cards/{card_id}/network-tokens`. The card stays.
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent): a 404 is a success if the
    /// answer to an earlier attempt was lost. Source: the CMP documentation, "Delete".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// # assert!(cmp.cards().get(&id).await?.network_token().is_ok());
    /// cmp.network_tokens().delete(&id).await?;
    /// let card = cmp.cards().get(&id).await?;
    /// assert!(card.network_token().is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// 401, 403, 404, 500 and the transient ones.
    pub async fn delete(self, card: &CardId) -> Result<()> {
        let id = card.as_str();
        let send = |client: cmp_generated::Client| async move { client.delete_network_token(id).await };
        match self.0.begin().send(Operation::DeleteNetworkToken, send, |_, ()| Ok(())).await {
            Err(error) if error.is_deleted_by_us() => Ok(()),
            deleted => deleted,
        }
    }

    /// Waits until a card has a network token to pay with.
    ///
    /// For accounts that make tokens on creation (step 2 of the guide): the card is stored first, its token arrives
    /// later. Polls `GET /cards/{card_id}`. Events or other [`hints`](Wait::hints) trigger a poll early. VGS documents no
    /// interval.
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// use std::time::Duration;
    ///
    /// let wait = cmp.network_tokens().wait_for(&id);
    /// let token = wait.deadline(Duration::from_secs(30)).await?;
    /// assert!(token.is_usable());
    /// # });
    /// ```
    ///
    /// # Errors
    /// Fails at once with [`ErrorKind::NoNetworkToken`](crate::ErrorKind::NoNetworkToken) if the token failed or was deleted
    /// ([`Error::no_network_token`](crate::Error::no_network_token) has its reason code), or with the read's error if it is
    /// not transient, such as 404. Fails at the deadline with [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), or with the
    /// error of the last read.
    pub fn wait_for(&self, card: &CardId) -> Wait<'a, NetworkToken> {
        let id = card.clone();
        let wait = Wait::new(self.0, Operation::GetCard, move |call| usable_token(call, id.clone()).boxed());
        #[cfg(feature = "webhooks")]
        let wait = wait.of_card(CardKey::Id(card.clone()));
        wait
    }

    /// Requests a long cryptogram (TAVV) for a card's network token: `POST /cards/{card_id}/cryptogram`.
    ///
    /// Each is good for one authorisation. Payments that the customer initiates need one, those that the merchant
    /// initiates don't (step 3 of the guide).
    ///
    /// [`RetryClass::Idempotent`](crate::operation::RetryClass::Idempotent): if an answer is lost, the next attempt requests a new
    /// cryptogram.
    /// Source: the CMP documentation, "Request cryptogram".
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// # assert!(cmp.cards().get(&id).await?.network_token().is_ok());
    /// use cmp::{Amount, network_tokens::CryptogramType};
    ///
    /// let amount = Amount::usd("19.99")?;
    /// let cryptogram = cmp.network_tokens().cryptogram(&id).amount(amount).await?;
    /// assert_eq!(cryptogram.kind, CryptogramType::Tavv);
    /// assert_eq!(format!("{:?}", cryptogram.value), "CryptogramValue(***)");
    /// # });
    /// ```
    ///
    /// # Errors
    /// 400, 401, 403, 404, 422, 424 (or 422 with `failed-dependency`: no active network token, see
    /// [`Error::is_without_active_token`](crate::Error::is_without_active_token)), 500 and the transient ones. The
    /// service doesn't say why there is no active token, so the card is then read once, if the scopes allow it:
    /// [`Error::no_network_token`](crate::Error::no_network_token) has the reason, and
    /// [`Error::next_step`](crate::Error::next_step) says what to do.
    pub fn cryptogram(&self, card: &CardId) -> RequestCryptogram<'a> {
        RequestCryptogram::new(self.0, card.clone())
    }

    /// Requests a short cryptogram (DTVV), three digits that go where a CVC goes. Visa only.
    ///
    /// Otherwise as [`cryptogram`](Self::cryptogram).
    ///
    /// # Errors
    /// As [`cryptogram`](Self::cryptogram); 422 for a card that isn't Visa.
    pub fn short_cryptogram(&self, card: &CardId) -> RequestCryptogram<'a, Dtvv> {
        RequestCryptogram::new(self.0, card.clone())
    }
}

async fn usable_token(call: &mut Call<'_>, card: CardId) -> Result<NetworkToken> {
    let card = read_for_tokens(call, &card).await?;
    card.network_token().cloned().map_err(|reason| match reason.is_final() {
        true => Error::from(reason),
        false => {
            not_yet("the card got no usable network token before the deadline").with_no_network_token(reason)
        }
    })
}
