use super::{NetworkTransactionId, incomplete};
use crate::{
    cards::{Card, StoredNumber, read_for_tokens},
    error::{Delivery, Error, ErrorKind, NoNetworkToken, Result},
    network_tokens::{Cryptogram, CryptogramForm, RequestCryptogram},
    operation::Operation,
    secret::{Cvc, Pan},
    value::Expiry,
};

/// What a payment goes out with, where a fallback to the PAN was asked for.
///
/// There will be no third: code that pays can match it without an arm for what it doesn't know.
#[derive(Debug)]
pub enum Credential<T, P = PanPayment> {
    /// The network token, with what the case needs beside it.
    NetworkToken(T),
    /// The PAN, since there is no network token to pay with.
    Pan(P),
}

/// A payment with the PAN that the customer starts.
#[derive(Debug)]
#[non_exhaustive]
pub struct PanPayment {
    /// The PAN.
    pub pan: Pan,
    /// The card's expiry.
    pub expiry: Expiry,
    /// The CVC, if one is stored.
    pub cvc: Option<Cvc>,
    /// Why there is no network token to pay with, unless one has appeared meanwhile.
    pub because: Option<NoNetworkToken>,
}

/// A payment with the PAN that the merchant starts: it has no CVC.
#[derive(Debug)]
#[non_exhaustive]
pub struct PanOnFile {
    /// The PAN.
    pub pan: Pan,
    /// The card's expiry.
    pub expiry: Expiry,
    /// The customer-initiated payment that this one goes back to.
    pub network_transaction_id: NetworkTransactionId,
    /// Why there is no network token to pay with.
    pub because: Option<NoNetworkToken>,
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

impl PanPayment {
    pub(super) fn of(card: &Card) -> Result<Self> {
        let because = card.network_token().err();
        let Some(StoredNumber::Pan(pan)) = card.number() else { return Err(no_pan(because)) };
        let expiry = card.expiry().ok_or_else(|| incomplete("the card came without its expiry"))?;
        Ok(Self { pan, expiry, cvc: card.cvc().cloned(), because })
    }
}

fn no_pan(because: Option<NoNetworkToken>) -> Error {
    let message = "the card's PAN did not come back, so there is no fallback to it";
    let error = Error::new(ErrorKind::NoPan, Delivery::Answered, message).for_operation(Operation::GetCard);
    match because {
        Some(reason) => error.with_no_network_token(reason),
        None => error,
    }
}
