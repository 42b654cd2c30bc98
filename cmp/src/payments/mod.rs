//! Payments: one call gives what a payment needs, typed by who starts it and who takes it (step 4 of the guide).
//!
//! | the payment | call | goes out |
//! |---|---|---|
//! | customer-initiated (CIT), to a PSP | [`Payments::customer_initiated`] | network token, expiry, cryptogram, ECI |
//! | customer-initiated, to a card form or merchant API | [`Payments::card_form`] | network token as number, expiry, short cryptogram as CVC |
//! | merchant-initiated (MIT) | [`Payments::merchant_initiated`] | network token, expiry, network transaction id |
//!
//! Each hands out its secrets to move: a cryptogram's `expose` consumes it. A card without a usable network token is an
//! error, unless the request ends in `or_pan`.

mod model;
mod new_payment;

pub use self::{
    model::{
        CardForm, Credential, CustomerInitiated, MerchantInitiated, NetworkTransactionId, PanOnFile,
        PanPayment,
    },
    new_payment::{RequestCardForm, RequestCustomerInitiated, RequestMerchantInitiated},
};
use crate::{call::Core, network_tokens::RequestCryptogram, value::CardId};

/// The payments of a [`Client`](crate::Client).
#[derive(Debug, Clone, Copy)]
pub struct Payments<'a>(&'a Core);

impl<'a> Payments<'a> {
    pub(crate) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// What a PSP needs for a payment that the customer starts: one long cryptogram (TAVV) is requested.
    ///
    /// `POST /cards/{card_id}/cryptogram`, scope `network-tokens:read`. Source: steps 3 and 4 of the guide.
    ///
    /// ```
    /// # cmp::example!(cmp_simulator::Simulator::builder(), |simulator, cmp, id| {
    /// # cmp.network_tokens().wait_for(&id).await?;
    /// use cmp::Amount;
    ///
    /// let payment = cmp.payments().customer_initiated(&id);
    /// let payment = payment.amount(Amount::usd("19.99")?).await?;
    /// let number = payment.number.expose();
    /// let cryptogram = payment.cryptogram.expose();
    /// # assert!(number.len() == 16 && simulator.redeem_cryptogram(&cryptogram).is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`NetworkTokens::cryptogram`](crate::network_tokens::NetworkTokens::cryptogram).
    pub fn customer_initiated(&self, card: &CardId) -> RequestCustomerInitiated<'a> {
        RequestCustomerInitiated::new(RequestCryptogram::new(self.0, card.clone()))
    }

    /// What a card form or a merchant's API needs that knows only number, expiry and CVC: one short cryptogram (DTVV)
    /// is requested. Visa only, and enabled case by case.
    ///
    /// `POST /cards/{card_id}/cryptogram`, scope `network-tokens:read`. Source: steps 3 and 4 of the guide.
    ///
    /// ```
    /// # cmp::example!(|cmp| {
    /// # let pan = cmp::Pan::new("4111111111111111")?;
    /// # let stored = cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
    /// # cmp.network_tokens().wait_for(stored.id()).await?;
    /// let form = cmp.payments().card_form(stored.id()).await?;
    /// let cvc = form.cvc.expose();
    /// assert_eq!(cvc.len(), 3);
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`NetworkTokens::short_cryptogram`](crate::network_tokens::NetworkTokens::short_cryptogram).
    pub fn card_form(&self, card: &CardId) -> RequestCardForm<'a> {
        RequestCardForm::new(RequestCryptogram::new(self.0, card.clone()))
    }

    /// What a PSP needs for a payment that the merchant starts, such as a subscription's: the network transaction id
    /// of the customer-initiated payment it goes back to, and no cryptogram.
    ///
    /// `GET /cards/{card_id}`, scope `cards:read`. Source: step 4 of the guide.
    ///
    /// ```
    /// # cmp::example!(|cmp, id| {
    /// use cmp::payments::NetworkTransactionId;
    ///
    /// let first_payment = NetworkTransactionId::new("123456789012345")?;
    /// let payment = cmp.payments().merchant_initiated(&id, first_payment).await?;
    /// assert_eq!(payment.network_transaction_id.as_str(), "123456789012345");
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`Cards::get`](crate::cards::Cards::get), and [`ErrorKind::NoNetworkToken`](crate::ErrorKind::NoNetworkToken).
    pub fn merchant_initiated(
        &self,
        card: &CardId,
        first_payment: NetworkTransactionId,
    ) -> RequestMerchantInitiated<'a> {
        RequestMerchantInitiated::new(self.0, card.clone(), first_payment)
    }
}
