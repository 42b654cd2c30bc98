use std::{fmt, marker::PhantomData};

use chrono::{DateTime, Utc};
use cmp_generated::types;

use super::NetworkToken;
use crate::{
    error::{Delivery, Error, ErrorKind, Result},
    secret::CryptogramValue,
    value::open::open_enum,
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

/// The long form, as a type: see [`CryptogramType::Tavv`].
#[derive(Debug, Clone, Copy)]
pub enum Tavv {}

/// The short form, as a type: see [`CryptogramType::Dtvv`].
#[derive(Debug, Clone, Copy)]
pub enum Dtvv {}

/// The forms that a cryptogram can be requested in: [`Tavv`] and [`Dtvv`].
pub trait CryptogramForm: sealed::Form {}

impl CryptogramForm for Tavv {}
impl CryptogramForm for Dtvv {}

pub(super) mod sealed {
    use cmp_generated::types::KnownCryptogramType;

    pub trait Form: Send + Sync + 'static {
        const ON_THE_WIRE: KnownCryptogramType;
    }

    impl Form for super::Tavv {
        const ON_THE_WIRE: KnownCryptogramType = KnownCryptogramType::Tavv;
    }

    impl Form for super::Dtvv {
        const ON_THE_WIRE: KnownCryptogramType = KnownCryptogramType::Dtvv;
    }
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
///
/// It can't be copied, and [`into_parts`](Self::into_parts) consumes it, so that a second use doesn't compile.
#[derive(Debug)]
pub struct Cryptogram<F = Tavv> {
    token: NetworkToken,
    value: CryptogramValue,
    kind: CryptogramType,
    eci: Option<Eci>,
    trace_id: Option<String>,
    form: PhantomData<F>,
}

/// What a payment takes from a [`Cryptogram`], which is used up by it.
#[derive(Debug)]
#[non_exhaustive]
pub struct CryptogramParts {
    /// The network token that it was made for.
    pub token: NetworkToken,
    /// The value, which goes out once.
    pub value: CryptogramValue,
    /// The Electronic Commerce Indicator to send with it.
    pub eci: Option<Eci>,
}

impl<F> Cryptogram<F> {
    /// The network token that it was made for.
    #[must_use]
    pub fn token(&self) -> &NetworkToken {
        &self.token
    }

    /// The value, which doesn't show: [`into_parts`](Self::into_parts) hands it out.
    #[must_use]
    pub fn value(&self) -> &CryptogramValue {
        &self.value
    }

    /// Its form, as the service named it.
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

    /// Uses the cryptogram: gives away what the payment needs.
    #[must_use]
    pub fn into_parts(self) -> CryptogramParts {
        CryptogramParts { token: self.token, value: self.value, eci: self.eci }
    }
}

impl<F: CryptogramForm> Cryptogram<F> {
    pub(super) fn trace_of(answer: &types::NetworkTokenAndCryptogramResource) -> Option<&str> {
        answer.metadata.as_ref()?.observability.as_ref()?.trace_id.as_deref()
    }

    pub(super) fn from_wire(
        answer: types::NetworkTokenAndCryptogramResource,
        asked_at: DateTime<Utc>,
    ) -> Result<Self> {
        let trace_id = Self::trace_of(&answer).map(str::to_owned);
        let incomplete = || Error::new(ErrorKind::Decode, Delivery::Answered, "the answer has no cryptogram");
        let data = answer.data.ok_or_else(incomplete)?;
        let mut from = data.attributes.ok_or_else(incomplete)?;
        let cryptogram = from.cryptogram.take().ok_or_else(incomplete)?;
        let value = cryptogram.value.ok_or_else(incomplete)?;
        let value = CryptogramValue::from_trusted(value.expose());
        let kind =
            cryptogram.type_.map_or_else(|| CryptogramType::Other(String::new()), CryptogramType::from_wire);
        Self::check_form(&kind)?;
        let token = types::NetworkTokenResource {
            id: data.id.unwrap_or_default(),
            type_: data.type_,
            attributes: Some(token_attributes(from)),
            meta: None,
            relationships: None,
            links: None,
        };
        let (token, eci) = (NetworkToken::from_wire(token, asked_at), cryptogram.eci.map(Eci));
        Ok(Self { token, value, kind, eci, trace_id, form: PhantomData })
    }

    /// A form that is known and another one would end in the wrong field of a payment.
    fn check_form(kind: &CryptogramType) -> Result<()> {
        let asked = CryptogramType::from_known(F::ON_THE_WIRE);
        if *kind == asked || matches!(kind, CryptogramType::Other(_)) {
            return Ok(());
        }
        let message = format!("the service made a {kind} where a {asked} was asked for");
        Err(Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message))
    }
}

fn token_attributes(from: types::CryptogramResourceAttributes) -> types::NetworkTokenAttributes {
    types::NetworkTokenAttributes {
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
    }
}
