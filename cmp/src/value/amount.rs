use std::{fmt, str::FromStr};

use cmp_generated::{
    scalar::{self, AmountError},
    types,
};
use rust_decimal::Decimal;

use serde::{Deserialize, Deserializer, de};

use super::{
    InvalidInput,
    read::{self, TextOrMembers},
    read::{read_as_text, stored_as_text},
};
use crate::scrub::{looks_like_a_pan, scrub};

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The US dollar, the service's default.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// The euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// The pound sterling.
    pub const GBP: Self = Self(iso_currency::Currency::GBP);

    /// Takes an ISO 4217 alphabetic code in upper case.
    ///
    /// # Errors
    /// [`InvalidInput`] if there is no such currency.
    pub fn new(code: &str) -> Result<Self, InvalidInput> {
        iso_currency::Currency::from_code(code)
            .map(Self)
            .ok_or_else(|| InvalidInput::new("currency", "must be an ISO 4217 code such as `USD`"))
    }

    pub(crate) fn into_wire(self) -> Result<types::CryptoFetchAttributesCurrencyCode, InvalidInput> {
        let refused = |_| InvalidInput::new("currency", "is not a code that the contract allows");
        self.code().parse().map_err(refused)
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount in this currency has; `None` where the standard gives none (gold, test codes).
    #[must_use]
    pub fn minor_units(self) -> Option<u32> {
        self.0.exponent().map(u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = InvalidInput;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::new(code)
    }
}

stored_as_text!(Currency, "currency", code);

/// An amount of money in major units (dollars, not cents) with its currency.
///
/// The documents allow at most two decimals; a currency with fewer minor units allows fewer. The largest amount is just
/// under ten trillion (10¹³), up to where a JSON number holds every cent. A currency without minor units in the standard,
/// such as gold or the test code `XTS`, has no amounts.
///
/// ```
/// use cmp::{Amount, Currency, rust_decimal::Decimal};
///
/// let amount = Amount::new(Decimal::new(19_99, 2), Currency::USD)?;
/// assert_eq!(amount, Amount::usd("19.99")?);
/// assert_eq!(amount, Amount::from_minor_units(1999, Currency::USD)?);
/// assert_eq!(amount.to_string(), "19.99 USD");
/// assert!(Amount::parse("19.99", Currency::new("JPY")?).is_err());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    value: scalar::Amount,
    currency: Currency,
}

/// Masks a value that could be a card number in the wrong field.
impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value().to_string();
        let shown = if looks_like_a_pan(&value) { scrub(&value) } else { value };
        f.debug_struct("Amount").field("value", &shown).field("currency", &self.currency).finish()
    }
}

impl Amount {
    /// Takes a value of zero or more, with no more decimals than the currency and the service have.
    ///
    /// # Errors
    /// [`InvalidInput`] outside of these; nothing is rounded.
    pub fn new(value: Decimal, currency: Currency) -> Result<Self, InvalidInput> {
        let value = scalar::Amount::new(value).map_err(refused)?;
        if value.get().scale() > minor_units(currency)? {
            return Err(InvalidInput::new("amount", "has more decimals than its currency"));
        }
        Ok(Self { value, currency })
    }

    /// Reads an amount: digits, and decimals after a point if there are any, such as `19.99`.
    ///
    /// # Errors
    /// [`InvalidInput`] for any other form (signs, exponents, separators, spaces), or as [`new`](Self::new) says.
    pub fn parse(value: &str, currency: Currency) -> Result<Self, InvalidInput> {
        if !is_plain_decimal(value) {
            return Err(InvalidInput::new("amount", "must be digits, with decimals after a point if any"));
        }
        let value = Decimal::from_str_exact(value)
            .map_err(|_| InvalidInput::new("amount", "has more digits than an amount can have"))?;
        Self::new(value, currency)
    }

    /// Reads an amount in US dollars, such as `19.99`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn usd(value: &str) -> Result<Self, InvalidInput> {
        Self::parse(value, Currency::USD)
    }

    /// Takes an amount in the currency's minor units (ISO 4217): cents of a dollar, whole yen.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_minor_units(units: u64, currency: Currency) -> Result<Self, InvalidInput> {
        Self::new(Decimal::from_i128_with_scale(units.into(), minor_units(currency)?), currency)
    }

    /// The value in major units.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.value.get()
    }

    pub(crate) fn into_wire(self) -> scalar::Amount {
        self.value
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value(), self.currency)
    }
}

impl FromStr for Amount {
    type Err = InvalidInput;

    /// Reads what `Display` writes: `19.99 USD`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidInput::new("amount", "must be an amount and its currency, such as `19.99 USD`");
        let (value, currency) = text.split_once(' ').ok_or_else(wrong)?;
        Self::parse(value, Currency::new(currency)?)
    }
}

/// As a string, such as `19.99 USD`.
impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a string, such as `19.99 USD`, or an object with `value` and `currency`, both of them strings: a number may have
/// lost digits.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            value: Value,
            currency: Currency,
        }

        match read::text_or_members::<Parts, _>(deserializer, "amount")? {
            TextOrMembers::Text(text) => text.parse(),
            TextOrMembers::Members(Parts { value: Value(value), currency }) => Self::parse(&value, currency),
        }
        .map_err(de::Error::custom)
    }
}

struct Value(String);

impl Value {
    fn new(text: &str) -> Result<Self, InvalidInput> {
        Ok(Self(text.to_owned()))
    }
}

read_as_text!(Value, "amount", Value::new);

fn minor_units(currency: Currency) -> Result<u32, InvalidInput> {
    currency.minor_units().ok_or_else(|| InvalidInput::new("currency", "has no minor units, so no amounts"))
}

fn is_plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(text),
    }
}

fn refused(error: AmountError) -> InvalidInput {
    let rule = match error {
        AmountError::Negative => "must not be negative",
        AmountError::TooPrecise => "has more than the two decimals allowed",
        AmountError::TooLarge => "must be less than ten trillion",
        _ => "is not an amount that the service takes",
    };
    InvalidInput::new("amount", rule)
}
