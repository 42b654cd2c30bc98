use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use cmp_generated::types;

use super::NetworkToken;
use crate::{
    call::{Core, Operation},
    error::{Delivery, Error, ErrorKind, InvalidInput, Result},
    secret::CryptogramValue,
    value::{Amount, CardId, open::open_enum, wire},
};

open_enum! {
    /// The form of a cryptogram (source: schema `CryptoFetchAttributes` and step 3 of the guide).
    CryptogramType from types::KnownCryptogramType {
        /// The long one: Token Authentication Verification Value, up to 32 characters, for payment APIs that take
        /// network tokens.
        Tavv = "TAVV",
        /// The short one: Dynamic Token Verification Value, three digits that go where a CVC goes. Visa only, and
        /// enabled case by case.
        Dtvv = "DTVV",
    }
}

/// What the payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionType {
    /// An online purchase: the service's default.
    Ecom,
    /// Account Funding Transaction: pulling funds from a card to another account. Visa only.
    Aft,
}

/// An Electronic Commerce Indicator (ECI): how the cardholder was authenticated. To be sent on unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Eci(String);

impl Eci {
    /// The indicator, such as `07`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Eci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A cryptogram with the network token that it is for. Good for one authorisation; not to be stored.
#[derive(Debug)]
pub struct Cryptogram {
    token: NetworkToken,
    value: CryptogramValue,
    kind: CryptogramType,
    eci: Option<Eci>,
    trace_id: Option<String>,
}

impl Cryptogram {
    /// The network token that it was made for.
    #[must_use]
    pub fn token(&self) -> &NetworkToken {
        &self.token
    }

    /// The value to send with the payment.
    #[must_use]
    pub fn value(&self) -> &CryptogramValue {
        &self.value
    }

    /// Its form.
    #[must_use]
    pub fn kind(&self) -> &CryptogramType {
        &self.kind
    }

    /// The Electronic Commerce Indicator to send with it.
    #[must_use]
    pub fn eci(&self) -> Option<&Eci> {
        self.eci.as_ref()
    }

    /// The id that VGS support asks for.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

/// A request for a cryptogram; await it to send it.
///
/// What isn't set is left to the service, whose defaults are US dollars, ECOM and TAVV.
#[derive(Debug, Clone)]
#[must_use = "the request is sent when this is awaited"]
pub struct RequestCryptogram<'a> {
    core: &'a Core,
    card: CardId,
    amount: Option<Amount>,
    transaction: Option<TransactionType>,
    kind: Option<CryptogramType>,
}

impl<'a> RequestCryptogram<'a> {
    pub(super) fn new(core: &'a Core, card: CardId) -> Self {
        Self { core, card, amount: None, transaction: None, kind: None }
    }

    /// The amount and currency of the payment.
    pub fn amount(mut self, amount: Amount) -> Self {
        self.amount = Some(amount);
        self
    }

    /// What the payment is for.
    pub fn transaction_type(mut self, transaction: TransactionType) -> Self {
        self.transaction = Some(transaction);
        self
    }

    /// The form of the cryptogram.
    pub fn cryptogram_type(mut self, kind: CryptogramType) -> Self {
        self.kind = Some(kind);
        self
    }
}

impl<'a> IntoFuture for RequestCryptogram<'a> {
    type Output = Result<Cryptogram>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let body = self.body()?;
            let (id, body) = (self.card.as_str(), &body);
            let reply = self
                .core
                .call(Operation::RequestCryptogram, Cryptogram::trace_of, |client| async move {
                    client.request_cryptogram(id, body).await
                })
                .await?;
            Cryptogram::from_wire(reply.decoded()?.1)
        })
    }
}

impl RequestCryptogram<'_> {
    fn body(&self) -> Result<types::CryptoFetchRequest> {
        if self.kind == Some(CryptogramType::Dtvv) && self.transaction == Some(TransactionType::Aft) {
            return Err(InvalidInput::new(
                "cryptogram type",
                "must not be DTVV for an account funding transaction",
            )
            .into());
        }
        let attributes = types::CryptoFetchAttributes {
            amount: self.amount.map(wire::amount).transpose()?,
            currency_code: self.amount.map(wire::currency_code).transpose()?,
            transaction_type: self.transaction.map(|transaction| match transaction {
                TransactionType::Ecom => types::KnownTransactionType::Ecom,
                TransactionType::Aft => types::KnownTransactionType::Aft,
            }),
            cryptogram_type: self.kind.as_ref().map(known_type).transpose()?,
        };
        Ok(types::CryptoFetchRequest { data: types::CryptoFetchRequestData { attributes } })
    }
}

fn known_type(kind: &CryptogramType) -> Result<types::KnownCryptogramType, InvalidInput> {
    match kind {
        CryptogramType::Tavv => Ok(types::KnownCryptogramType::Tavv),
        CryptogramType::Dtvv => Ok(types::KnownCryptogramType::Dtvv),
        CryptogramType::Other(_) => Err(InvalidInput::new("cryptogram type", "must be TAVV or DTVV")),
    }
}

impl Cryptogram {
    fn trace_of(answer: &types::NetworkTokenAndCryptogramResource) -> Option<&str> {
        answer.metadata.as_ref()?.observability.as_ref()?.trace_id.as_deref()
    }

    fn from_wire(answer: types::NetworkTokenAndCryptogramResource) -> Result<Self> {
        let trace_id = Self::trace_of(&answer).map(str::to_owned);
        let incomplete = || Error::new(ErrorKind::Decode, Delivery::Answered, "the answer has no cryptogram");
        let data = answer.data.ok_or_else(incomplete)?;
        let from = data.attributes.ok_or_else(incomplete)?;
        let cryptogram = from.cryptogram.ok_or_else(incomplete)?;
        let value = cryptogram.value.ok_or_else(incomplete)?;
        let value = CryptogramValue::from_trusted(value.expose());
        let attributes = types::NetworkTokenAttributes {
            payment_account_reference: from.payment_account_reference,
            network_token: from.network_token,
            last4: from.last4,
            bin: from.bin,
            exp_month: from.exp_month,
            exp_year: from.exp_year,
            created_at: from.created_at,
            updated_at: from.updated_at,
            state: from.state,
            reason_code: from.reason_code,
            reason_text: from.reason_text,
        };
        let token = types::NetworkTokenResource {
            id: data.id.unwrap_or_default(),
            type_: data.type_,
            attributes: Some(attributes),
            meta: None,
            relationships: None,
            links: None,
        };
        Ok(Self {
            token: NetworkToken::from_wire(token),
            value,
            kind: cryptogram.type_.map_or_else(|| CryptogramType::Other(String::new()), Into::into),
            eci: cryptogram.eci.map(Eci),
            trace_id,
        })
    }
}
