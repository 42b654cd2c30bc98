use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{Credential, number_and_expiry, pan::token_or_pan, token};
use crate::{
    error::Result,
    network_tokens::{Cryptogram, Eci, RequestCryptogram, TransactionType},
    secret::{CryptogramValue, NetworkTokenNumber},
    value::{Amount, Expiry},
};

/// A customer-initiated payment with a PSP that takes network tokens.
#[derive(Debug)]
#[non_exhaustive]
pub struct CustomerInitiated {
    /// The network token, in the place of the PAN.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The long cryptogram, good for this one payment.
    pub cryptogram: CryptogramValue,
    /// The Electronic Commerce Indicator, to be sent on unchanged.
    pub eci: Option<Eci>,
}

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

    /// Sends it, and takes the PAN where the card has no active network token. For no other failure.
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
    /// use cmp::{Amount, Credential};
    ///
    /// // The network token of this test card failed.
    /// let payment = cmp.payments().customer_initiated(stored.id()).amount(Amount::usd("19.99")?);
    /// match payment.or_pan().await? {
    ///     Credential::NetworkToken(payment) => println!("{:?}, {:?}", payment.number, payment.eci),
    ///     Credential::Pan(payment) => {
    ///         println!("{:?}, {}, {:?}", payment.pan, payment.expiry, payment.because);
    ///         # assert_eq!(payment.pan.expose(), "5100260000009207");
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// As without the fallback. [`ErrorKind::NoPan`](crate::ErrorKind::NoPan) where the card was read and no PAN came back
    /// with it: [`missing_scope`](crate::Error::missing_scope) names `cards:read-pci`, and
    /// [`no_network_token`](crate::Error::no_network_token) still tells why there is no token.
    pub async fn or_pan(self) -> Result<Credential<CustomerInitiated>> {
        token_or_pan(self.0, CustomerInitiated::with).await
    }
}

impl<'a> IntoFuture for RequestCustomerInitiated<'a> {
    type Output = Result<CustomerInitiated>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(token(self.0, CustomerInitiated::with))
    }
}

impl CustomerInitiated {
    fn with(cryptogram: Cryptogram) -> Result<Self> {
        let (number, expiry) = number_and_expiry(cryptogram.token())?;
        let used = cryptogram.into_parts();
        Ok(Self { number, expiry, cryptogram: used.value, eci: used.eci })
    }
}
