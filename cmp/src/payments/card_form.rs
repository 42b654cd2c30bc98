use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{Credential, number_and_expiry, pan::token_or_pan, token};
use crate::{
    error::Result,
    network_tokens::{Cryptogram, Dtvv, RequestCryptogram},
    secret::{CryptogramValue, NetworkTokenNumber},
    value::{Amount, Expiry},
};

/// A customer-initiated payment through a card form, or an API that knows no cryptograms.
#[derive(Debug)]
#[non_exhaustive]
pub struct CardForm {
    /// The network token, for the field of the card number.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The short cryptogram, for the field of the CVC; good for this one payment.
    pub cvc: CryptogramValue,
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

    /// Sends it, and takes PAN and CVC where the card has no active network token. For no other failure: that there
    /// are no short cryptograms for a card's brand is one.
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
    /// use cmp::Credential;
    ///
    /// // The network token of this test card failed.
    /// match cmp.payments().card_form(stored.id()).or_pan().await? {
    ///     Credential::NetworkToken(form) => println!("{:?}, {}, {:?}", form.number, form.expiry, form.cvc),
    ///     Credential::Pan(form) => {
    ///         println!("{:?}, {}, {:?}", form.pan, form.expiry, form.cvc);
    ///         # assert_eq!(form.pan.expose(), "5100260000009207");
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// As without the fallback. [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the card was read and no PAN came back
    /// with it: [`missing_scope`](crate::Error::missing_scope) names `cards:read-pci`, and
    /// [`no_network_token`](crate::Error::no_network_token) still tells why there is no token.
    pub async fn or_pan(self) -> Result<Credential<CardForm>> {
        token_or_pan(self.0, CardForm::with).await
    }
}

impl<'a> IntoFuture for RequestCardForm<'a> {
    type Output = Result<CardForm>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(token(self.0, CardForm::with))
    }
}

impl CardForm {
    fn with(cryptogram: Cryptogram<Dtvv>) -> Result<Self> {
        let (number, expiry) = number_and_expiry(cryptogram.token())?;
        Ok(Self { number, expiry, cvc: cryptogram.into_parts().value })
    }
}
