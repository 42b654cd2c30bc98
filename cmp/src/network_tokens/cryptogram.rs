use std::{fmt, marker::PhantomData};

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Secret, Text},
    types,
};

use super::model::NetworkToken;
use crate::{
    call::Body as _,
    error::{Delivery, Error, ErrorKind, Result},
    secret::CryptogramValue,
    value::{TraceId, open::open_enum},
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

/// An Electronic Commerce Indicator (ECI): how the cardholder was authenticated. Send its two digits on unchanged.
///
/// A single digit, as text or as a number, gets its leading zero back. Any other text is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Eci(String);

impl Eci {
    fn read(text: &Text) -> Option<Self> {
        let text = text.as_str().trim();
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(format!("{text:0>2}")))
    }

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

/// A cryptogram with the network token that it is for. It is good for one authorisation, and must not be stored.
///
/// It can't be copied, and [`CryptogramValue::expose`] consumes the value, so that a second use doesn't compile.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cryptogram<F = Tavv> {
    /// The network token that the cryptogram was made for.
    pub network_token: NetworkToken,
    /// The value, which can be exposed once.
    pub value: CryptogramValue,
    /// The form, as the service named it.
    pub kind: CryptogramType,
    /// The Electronic Commerce Indicator to send with the cryptogram.
    pub eci: Option<Eci>,
    /// The id that VGS support asks for.
    pub trace_id: Option<TraceId>,
    form: PhantomData<F>,
}

impl<F: CryptogramForm> Cryptogram<F> {
    pub(super) fn from_wire(
        answer: types::NetworkTokenAndCryptogramResource,
        asked_at: DateTime<Utc>,
    ) -> Result<Self> {
        let trace_id = TraceId::of(answer.trace_id());
        let incomplete = || Error::unreadable_at("data.attributes.cryptogram.value");
        let data = answer.data.ok_or_else(incomplete)?;
        let mut from = data.attributes.ok_or_else(incomplete)?;
        let cryptogram = from.cryptogram.take().ok_or_else(incomplete)?;
        let kind =
            cryptogram.type_.map_or_else(|| CryptogramType::Other(String::new()), CryptogramType::from_wire);
        Self::check_form(&kind)?;
        let value = cryptogram
            .value
            .and_then(|value| value_of_form(&value, F::ON_THE_WIRE))
            .ok_or_else(incomplete)?;
        let token = types::NetworkTokenResource {
            id: data.id,
            type_: data.type_,
            attributes: Some(token_attributes(from)),
            ..types::NetworkTokenResource::default()
        };
        let network_token = NetworkToken::from_wire(token, asked_at);
        let eci = cryptogram.eci.as_ref().and_then(Eci::read);
        Ok(Self { network_token, value, kind, eci, trace_id, form: PhantomData })
    }

    /// Refuses the other form, which would go into the wrong field of a payment.
    fn check_form(kind: &CryptogramType) -> Result<()> {
        let asked = CryptogramType::from_known(F::ON_THE_WIRE);
        if *kind == asked || matches!(kind, CryptogramType::Other(_)) {
            return Ok(());
        }
        let message = format!("the service made a {kind} where a {asked} was asked for");
        Err(Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message))
    }
}

/// Reads a cryptogram's value. A short cryptogram has three digits. A number has lost its leading zeros, so they are
/// restored; a text with fewer digits is refused. A long cryptogram is never a number.
fn value_of_form(value: &Secret, form: types::KnownCryptogramType) -> Option<CryptogramValue> {
    const SHORT: usize = 3;
    let text = value.expose();
    match (form, value.was_a_number()) {
        (types::KnownCryptogramType::Dtvv, true) if text.len() <= SHORT => {
            Some(CryptogramValue::from_trusted(format!("{text:0>SHORT$}")))
        }
        (types::KnownCryptogramType::Dtvv, false) => {
            let fits = text.len() == SHORT && text.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| CryptogramValue::from_trusted(text))
        }
        (types::KnownCryptogramType::Tavv, false) if !text.trim().is_empty() => {
            Some(CryptogramValue::from_trusted(text))
        }
        _ => None,
    }
}

#[allow(clippy::needless_update, reason = "a member that is added to the answer breaks nothing here")]
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
        ..types::NetworkTokenAttributes::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<F: CryptogramForm>(kind: &str, value: &str, eci: &str) -> Result<(String, Option<String>)> {
        let answer = format!(
            r#"{{"data": {{"attributes": {{"cryptogram": {{"type": "{kind}", "value": {value}, "eci": {eci}}}}}}}}}"#
        );
        let read = Cryptogram::<F>::from_wire(serde_json::from_str(&answer).unwrap(), DateTime::UNIX_EPOCH)?;
        Ok((read.value.expose().to_string(), read.eci.map(|eci| eci.to_string())))
    }

    #[test]
    fn a_short_cryptogram_has_three_digits() {
        for (value, expected) in
            [("45", "045"), ("5", "005"), ("0", "000"), ("123", "123"), (r#""045""#, "045")]
        {
            assert_eq!(read::<Dtvv>("DTVV", value, "null").unwrap().0, expected, "{value}");
        }
        for value in ["1234", r#""45""#, r#""""#, r#""4567""#, r#""4 5""#, "null", "[]", "true", "-45", "4.5"]
        {
            let error = read::<Dtvv>("DTVV", value, "null").unwrap_err().to_string();
            assert!(error.contains("`data.attributes.cryptogram.value`"), "{value}: {error}");
        }
    }

    #[test]
    fn a_long_cryptogram_is_a_text() {
        let value = "JWrMYLqNQjmEHQDAZbSx+A==";
        assert_eq!(read::<Tavv>("TAVV", &format!("\"{value}\""), "null").unwrap().0, value);
        for value in ["4111111111111111", r#""""#, r#"" ""#, "null", "{}"] {
            assert!(read::<Tavv>("TAVV", value, "null").is_err(), "{value}");
        }
    }

    #[test]
    fn an_eci_has_two_digits() {
        for (eci, expected) in [
            ("7", Some("07")),
            (r#""7""#, Some("07")),
            (r#""07""#, Some("07")),
            ("0", Some("00")),
            ("10", Some("10")),
            (r#""""#, None),
            (r#""4111111111111111""#, None),
            ("4111111111111111", None),
            (r#""0a""#, None),
            ("[7]", None),
            ("null", None),
        ] {
            let read = read::<Tavv>("TAVV", r#""AgAAAAAAAIR8CQrXSohbQAAAAAA=""#, eci).unwrap();
            assert_eq!(read.1.as_deref(), expected, "{eci}");
        }
    }
}
