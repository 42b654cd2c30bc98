//! Requests for what a payment needs.

use std::future::IntoFuture;

use futures_util::{FutureExt, future::BoxFuture};

use super::model::{
    CardForm, Credential, CustomerInitiated, MerchantInitiated, NetworkTransactionId, PanOnFile, PanPayment,
};
use crate::{
    call::Core,
    cards::{Card, read_for_tokens},
    error::Result,
    network_tokens::{Cryptogram, CryptogramForm, Dtvv, RequestCryptogram, TransactionType},
    value::{Amount, CardId},
};

/// A request for what a [`CustomerInitiated`] payment needs; await it to send it.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct RequestCustomerInitiated<'a>(RequestCryptogram<'a>);

impl<'a> RequestCustomerInitiated<'a> {
    pub(super) fn new(request: RequestCryptogram<'a>) -> Self {
        Self(request)
    }

    /// The amount and currency that the cryptogram is made for.
    pub fn amount(self, amount: Amount) -> Self {
        Self(self.0.amount(amount))
    }

    /// What the payment is for; a purchase unless set.
    pub fn transaction_type(self, transaction: TransactionType) -> Self {
        Self(self.0.transaction_type(transaction))
    }

    /// Sends the request. Falls back to the PAN only if the card has no active network token, and returns any other failure.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("5100260000009207")?;
    /// # let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
    /// # cmp.cards().get(stored.id()).await?;
    /// use cmp::{Amount, payments::Credential};
    ///
    /// // The network token of this test card failed.
    /// let payment = cmp.payments().customer_initiated(stored.id());
    /// let payment = payment.amount(Amount::usd("19.99")?);
    /// match payment.or_pan().await? {
    ///     Credential::NetworkToken(payment) => println!("{:?}", payment.eci),
    ///     Credential::Pan(payment) => {
    ///         println!("{:?}, {:?}", payment.pan, payment.because);
    ///         # assert_eq!(payment.pan.expose(), "5100260000009207");
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// As without the fallback, and [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the PAN did not come back: see
    /// [`Credential`].
    pub async fn or_pan(self) -> Result<Credential<CustomerInitiated>> {
        token_or_pan(self.0, CustomerInitiated::with).await
    }
}

impl<'a> IntoFuture for RequestCustomerInitiated<'a> {
    type Output = Result<CustomerInitiated>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        token(self.0, CustomerInitiated::with).boxed()
    }
}

/// A request for what a [`CardForm`] payment needs; await it to send it.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct RequestCardForm<'a>(RequestCryptogram<'a, Dtvv>);

impl<'a> RequestCardForm<'a> {
    pub(super) fn new(request: RequestCryptogram<'a, Dtvv>) -> Self {
        Self(request)
    }

    /// The amount and currency that the cryptogram is made for.
    pub fn amount(self, amount: Amount) -> Self {
        Self(self.0.amount(amount))
    }

    /// Sends the request. Falls back to PAN and CVC only if the card has no active network token, and returns any other failure,
    /// such as a brand without short cryptograms.
    ///
    /// # Errors
    /// As without the fallback, and [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the PAN did not come back: see
    /// [`Credential`].
    pub async fn or_pan(self) -> Result<Credential<CardForm>> {
        token_or_pan(self.0, CardForm::with).await
    }
}

impl<'a> IntoFuture for RequestCardForm<'a> {
    type Output = Result<CardForm>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        token(self.0, CardForm::with).boxed()
    }
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

    /// Sends the request. Falls back to the PAN only if the card has no usable network token, and returns any other failure. It
    /// is a failure if the answer may hide a network token: see [`Card::lists_network_tokens`].
    ///
    /// Some services show no network token however they are asked, and don't say that the card lacks one. The PAN is then
    /// used, and [`because`](crate::payments::PanOnFile::because) is [`NotListed`](crate::error::NoNetworkToken::NotListed). If you must not use the PAN
    /// while a token may exist, check `because` before you pay.
    ///
    /// # Errors
    /// As without the fallback, and [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the PAN did not come back: see
    /// [`Credential`].
    pub async fn or_pan(self) -> Result<Credential<MerchantInitiated, PanOnFile>> {
        self.pay(|card, network_transaction_id| match card.network_token() {
            Ok(token) => MerchantInitiated::with(token, network_transaction_id).map(Credential::NetworkToken),
            // There may be one, and nobody knows in which state.
            Err(reason) if card.may_hide_tokens() => Err(reason.into()),
            Err(_) => {
                let PanPayment { pan, expiry, because, .. } = PanPayment::of(card)?;
                Ok(Credential::Pan(PanOnFile { pan, expiry, network_transaction_id, because }))
            }
        })
        .await
    }

    /// Reads the card, and pays with what it has.
    async fn pay<T>(self, with: impl FnOnce(&Card, NetworkTransactionId) -> Result<T>) -> Result<T> {
        let mut call = self.core.begin();
        let card = read_for_tokens(&mut call, &self.card).await;
        card.and_then(|card| with(&card, self.first_payment)).map_err(|error| call.fail(error))
    }
}

impl<'a> IntoFuture for RequestMerchantInitiated<'a> {
    type Output = Result<MerchantInitiated>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let with = |card: &Card, first_payment| MerchantInitiated::with(card.network_token()?, first_payment);
        self.pay(with).boxed()
    }
}

/// Pays with the network token that comes with a cryptogram.
async fn token<F: CryptogramForm, T>(
    request: RequestCryptogram<'_, F>,
    with: fn(Cryptogram<F>) -> Result<T>,
) -> Result<T> {
    let mut call = request.begin();
    let paid = request.explained(&mut call).await.and_then(with);
    paid.map_err(|error| call.fail(error))
}

/// Pays with the network token that comes with a cryptogram, or where there is no active one with the PAN.
pub(super) async fn token_or_pan<F: CryptogramForm, T>(
    request: RequestCryptogram<'_, F>,
    with: fn(Cryptogram<F>) -> Result<T>,
) -> Result<Credential<T>> {
    let mut call = request.begin();
    let credential = match request.send(&mut call).await {
        Ok(cryptogram) => with(cryptogram).map(Credential::NetworkToken),
        Err(error) if error.is_without_active_token() => {
            let card = read_for_tokens(&mut call, request.card()).await;
            card.and_then(|card| PanPayment::of(&card)).map(Credential::Pan)
        }
        Err(error) => Err(error),
    };
    credential.map_err(|error| call.fail(error))
}
