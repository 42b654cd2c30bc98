//! Requests for cryptograms.

use std::{fmt, future::IntoFuture, marker::PhantomData, str::FromStr};

use cmp_generated::types;
use futures_util::{FutureExt, future::BoxFuture};

use super::cryptogram::{Cryptogram, CryptogramForm, Tavv};
use crate::{
    call::{Call, Core, Head},
    cards::read_for_tokens,
    error::{Error, InvalidInput, Result},
    operation::Operation,
    value::{Amount, CardId, read::stored_as_text},
};

/// What the payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionType {
    /// An online purchase: the service's default.
    Ecom,
    /// Account Funding Transaction: pulling funds from a card to another account. Visa only.
    Aft,
}

fn known(transaction: TransactionType) -> types::KnownTransactionType {
    match transaction {
        TransactionType::Ecom => types::KnownTransactionType::Ecom,
        TransactionType::Aft => types::KnownTransactionType::Aft,
    }
}

/// As the service writes it: `ECOM` or `AFT`.
impl fmt::Display for TransactionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        known(*self).fmt(f)
    }
}

impl FromStr for TransactionType {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Ecom, Self::Aft].into_iter();
        let mut named = all.filter(|transaction| known(*transaction).to_string() == text);
        named.next().ok_or_else(|| InvalidInput::new("transaction type", "must be `ECOM` or `AFT`"))
    }
}

stored_as_text!(TransactionType, "transaction type", to_string);

/// A request for a cryptogram; await it to send it.
///
/// What isn't set is left to the service, whose defaults are US dollars and ECOM. The form is the type `F`.
#[must_use = "the request is sent when this is awaited"]
pub struct RequestCryptogram<'a, F = Tavv> {
    core: &'a Core,
    card: CardId,
    amount: Option<Amount>,
    transaction: Option<TransactionType>,
    form: PhantomData<fn() -> F>,
}

impl<'a, F> RequestCryptogram<'a, F> {
    pub(crate) fn new(core: &'a Core, card: CardId) -> Self {
        Self { core, card, amount: None, transaction: None, form: PhantomData }
    }

    /// The amount and currency of the payment.
    pub fn amount(mut self, amount: Amount) -> Self {
        self.amount = Some(amount);
        self
    }
}

impl RequestCryptogram<'_, Tavv> {
    /// What the payment is for. The short form has no such choice: it can't be for an account funding transaction
    /// (source: schema `CryptoFetchAttributes`).
    pub fn transaction_type(mut self, transaction: TransactionType) -> Self {
        self.transaction = Some(transaction);
        self
    }
}

impl<'a, F: CryptogramForm> IntoFuture for RequestCryptogram<'a, F> {
    type Output = Result<Cryptogram<F>>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move { self.explained(&mut self.begin()).await }.boxed()
    }
}

impl<'a, F: CryptogramForm> RequestCryptogram<'a, F> {
    pub(crate) fn begin(&self) -> Call<'a> {
        self.core.begin()
    }

    pub(crate) fn card(&self) -> &CardId {
        &self.card
    }

    /// Sends the request, without a look at the card where it has no active token.
    pub(crate) async fn send(&self, call: &mut Call<'_>) -> Result<Cryptogram<F>> {
        let (id, body) = (self.card.as_str(), &self.body()?);
        let send = |client: cmp_generated::Client| async move { client.request_cryptogram(id, body).await };
        let read = |head: Head, answer| Cryptogram::from_wire(answer, head.asked_at);
        call.send(Operation::RequestCryptogram, send, read).await
    }

    /// Sends the request, and where the card has no active token finds out why.
    pub(crate) async fn explained(&self, call: &mut Call<'_>) -> Result<Cryptogram<F>> {
        match self.send(call).await {
            Err(error) if error.is_without_active_token() => Err(self.explain(call, error).await),
            result => result,
        }
    }

    /// The service says only that there is no active token; the card says why.
    async fn explain(&self, call: &mut Call<'_>, error: Error) -> Error {
        call.without_retries();
        let read = read_for_tokens(call, &self.card).await;
        let error = match read.map(|card| card.network_token().err()) {
            Ok(Some(reason)) => error.with_no_network_token(reason),
            Ok(None) => error,
            Err(unread) => error.with_source(unread),
        };
        call.fail(error)
    }

    fn body(&self) -> Result<types::CryptoFetchRequest, InvalidInput> {
        let attributes = types::CryptoFetchAttributes {
            amount: self.amount.map(Amount::into_wire),
            currency_code: self.amount.map(|amount| amount.currency().into_wire()).transpose()?,
            transaction_type: self.transaction.map(known),
            cryptogram_type: Some(F::ON_THE_WIRE),
        };
        Ok(types::CryptoFetchRequest { data: types::CryptoFetchRequestData { attributes } })
    }
}

impl<F> Clone for RequestCryptogram<'_, F> {
    fn clone(&self) -> Self {
        Self { card: self.card.clone(), ..*self }
    }
}

impl<F> fmt::Debug for RequestCryptogram<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestCryptogram")
            .field("card", &self.card)
            .field("amount", &self.amount)
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}
