use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{Credential, NetworkTransactionId, PanOnFile, PanPayment, number_and_expiry};
use crate::{
    call::Core,
    cards::{Card, read_for_tokens},
    error::{Error, NoNetworkToken, Result},
    network_tokens::NetworkToken,
    operation::Operation,
    secret::NetworkTokenNumber,
    value::{CardId, Expiry},
};

/// A merchant-initiated payment with a PSP. It has no cryptogram.
#[derive(Debug)]
#[non_exhaustive]
pub struct MerchantInitiated {
    /// The network token, in the place of the PAN.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The customer-initiated payment that this one goes back to.
    pub network_transaction_id: NetworkTransactionId,
}

/// A request for what a [`MerchantInitiated`] payment needs; await it to send it.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct RequestMerchantInitiated<'a> {
    core: &'a Core,
    card: CardId,
    first_payment: NetworkTransactionId,
}

impl<'a> RequestMerchantInitiated<'a> {
    pub(super) fn new(core: &'a Core, card: CardId, first_payment: NetworkTransactionId) -> Self {
        Self { core, card, first_payment }
    }

    /// Sends it, and takes the PAN where the card has no usable network token. For no other failure: not where the card
    /// names a network token that the answer does not show, or where what is included could not be read.
    ///
    /// Some services show no network token however they are asked, and don't say that there is none either. The PAN is then
    /// taken with [`NoNetworkToken::NotListed`] as the reason: who must not pay with the PAN beside a token has to look at it.
    ///
    /// An alias of digits alone can't always be told from a PAN (see [`StoredNumber`](crate::StoredNumber)), and would then
    /// go to the PSP as one: don't ask for the fallback where the account makes such aliases and `cards:read-pci` may be
    /// missing.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("5100260000009207")?;
    /// # let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
    /// # cmp.cards().get(stored.id()).await?;
    /// use cmp::{Credential, NetworkTransactionId};
    ///
    /// // The network token of this test card failed.
    /// let first_payment = NetworkTransactionId::new("123456789012345")?;
    /// match cmp.payments().merchant_initiated(stored.id(), first_payment).or_pan().await? {
    ///     Credential::NetworkToken(payment) => println!("{:?}, {}", payment.number, payment.expiry),
    ///     Credential::Pan(on_file) => {
    ///         println!("{:?}, {}, {}", on_file.pan, on_file.expiry, on_file.network_transaction_id);
    ///         # assert_eq!(on_file.pan.expose(), "5100260000009207");
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// As without the fallback. [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the card was read and no PAN came back
    /// with it: [`missing_scope`](crate::Error::missing_scope) names `cards:read-pci`, and
    /// [`no_network_token`](crate::Error::no_network_token) still tells why there is no token.
    pub async fn or_pan(self) -> Result<Credential<MerchantInitiated, PanOnFile>> {
        let first_payment = self.first_payment.clone();
        self.pay(|card| match card.network_token() {
            Ok(token) => MerchantInitiated::with(token, first_payment).map(Credential::NetworkToken),
            // There may be one, and nobody knows in which state.
            Err(reason) if card.may_hide_tokens() => Err(unusable(reason)),
            Err(_) => {
                let PanPayment { pan, expiry, because, .. } = PanPayment::of(card)?;
                Ok(Credential::Pan(PanOnFile { pan, expiry, network_transaction_id: first_payment, because }))
            }
        })
        .await
    }

    /// Reads the card, and pays with what it has.
    async fn pay<T>(&self, with: impl FnOnce(&Card) -> Result<T>) -> Result<T> {
        let mut call = self.core.begin();
        let card = read_for_tokens(&mut call, &self.card).await;
        card.and_then(|card| with(&card)).map_err(|error| call.fail(error))
    }
}

fn unusable(reason: NoNetworkToken) -> Error {
    Error::from(reason).for_operation(Operation::GetCard)
}

impl<'a> IntoFuture for RequestMerchantInitiated<'a> {
    type Output = Result<MerchantInitiated>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let first_payment = self.first_payment.clone();
            self.pay(|card| MerchantInitiated::with(card.network_token().map_err(unusable)?, first_payment))
                .await
        })
    }
}

impl MerchantInitiated {
    fn with(token: &NetworkToken, first_payment: NetworkTransactionId) -> Result<Self> {
        let (number, expiry) = number_and_expiry(token)?;
        Ok(Self { number, expiry, network_transaction_id: first_payment })
    }
}
