use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{Credential, PanPayment, number_and_expiry};
use crate::{
    error::Result,
    network_tokens::{Cryptogram, Dtvv, RequestCryptogram},
    secret::{CryptogramValue, NetworkTokenNumber},
    value::{Amount, Expiry},
};

/// A customer-initiated payment through a card form, or an API that knows no cryptograms.
#[derive(Debug)]
#[non_exhaustive]
pub struct MerchantForm {
    /// The network token, for the field of the card number.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The short cryptogram, for the field of the CVC; good for this one payment.
    pub cvc: CryptogramValue,
}

/// A request for what a [`MerchantForm`] payment needs; await it to send it.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct RequestMerchantForm<'a>(RequestCryptogram<'a, Dtvv>);

impl<'a> RequestMerchantForm<'a> {
    pub(super) fn new(request: RequestCryptogram<'a, Dtvv>) -> Self {
        Self(request)
    }

    /// The amount and currency that the cryptogram is made for.
    pub fn amount(self, amount: Amount) -> Self {
        Self(self.0.amount(amount))
    }

    /// Sends it, and takes PAN and CVC where the card has no active network token. For no other failure: that there
    /// are no short cryptograms for a card's brand is one.
    ///
    /// # Errors
    /// As without the fallback; [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the service account lacks
    /// `cards:read-pci`.
    pub async fn or_pan(self) -> Result<Credential<MerchantForm>> {
        let request = self.0;
        let deadline = request.core().deadline();
        match request.send().await {
            Ok(cryptogram) => MerchantForm::with(cryptogram).map(Credential::NetworkToken),
            Err(error) if error.is_without_active_token() => {
                PanPayment::read(request.core(), request.card(), deadline).await.map(Credential::Pan)
            }
            Err(error) => Err(error),
        }
    }
}

impl<'a> IntoFuture for RequestMerchantForm<'a> {
    type Output = Result<MerchantForm>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { MerchantForm::with(self.0.await?) })
    }
}

impl MerchantForm {
    fn with(cryptogram: Cryptogram<Dtvv>) -> Result<Self> {
        let (number, expiry) = number_and_expiry(cryptogram.token())?;
        Ok(Self { number, expiry, cvc: cryptogram.into_parts().value })
    }
}
