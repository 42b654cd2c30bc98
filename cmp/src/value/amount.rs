use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::error::InvalidInput;

/// What the documents allow for a cryptogram's `amount`.
const MOST_DECIMALS: u32 = 2;

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

/// An amount of money in major units (dollars, not cents) with its currency.
///
/// The documents allow at most two decimals; a currency with fewer minor units allows fewer.
///
/// ```
/// use cmp::{Amount, Currency};
/// use rust_decimal::Decimal;
///
/// let amount = Amount::new(Decimal::new(19_99, 2), Currency::USD)?;
/// assert_eq!(amount, Amount::usd("19.99")?);
/// assert_eq!(amount.to_string(), "19.99 USD");
/// assert!(Amount::new(Decimal::new(19_99, 2), Currency::new("JPY")?).is_err());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    value: Decimal,
    currency: Currency,
}

impl Amount {
    /// Takes a value of zero or more, with no more decimals than the currency and the service have.
    ///
    /// # Errors
    /// [`InvalidInput`] outside of these; nothing is rounded.
    pub fn new(value: Decimal, currency: Currency) -> Result<Self, InvalidInput> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(InvalidInput::new("amount", "must not be negative"));
        }
        let value = value.normalize();
        let decimals = currency.minor_units().unwrap_or(MOST_DECIMALS).min(MOST_DECIMALS);
        if value.scale() > decimals {
            return Err(InvalidInput::new(
                "amount",
                "has more decimals than its currency, or than the two allowed",
            ));
        }
        Ok(Self { value, currency })
    }

    /// Reads an amount in US dollars, such as `19.99`.
    ///
    /// # Errors
    /// [`InvalidInput`] if it isn't a decimal number, or as [`new`](Self::new) says.
    pub fn usd(value: &str) -> Result<Self, InvalidInput> {
        let value = value.parse().map_err(|_| InvalidInput::new("amount", "must be a decimal number"))?;
        Self::new(value, Currency::USD)
    }

    /// The value in major units.
    #[must_use]
    pub fn value(self) -> Decimal {
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
        write!(f, "{} {}", self.value, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_currency_and_the_documents() {
        let amount = |text: &str, code: &str| {
            Amount::new(text.parse().expect("a decimal"), Currency::new(code).expect("a currency"))
        };
        assert!(amount("10.00", "JPY").is_ok());
        assert!(amount("10.5", "JPY").is_err());
        assert!(amount("10.55", "USD").is_ok());
        assert!(amount("10.555", "USD").is_err());
        assert!(amount("10.555", "KWD").is_err(), "the documents allow two decimals, whatever the currency");
        assert!(amount("-0.01", "USD").is_err());
        assert!(amount("0", "USD").is_ok());
    }

    #[test]
    fn a_currency_must_exist() {
        for bad in ["", "usd", "US", "USDX", "ZZZ"] {
            assert!(Currency::new(bad).is_err(), "{bad:?}");
        }
    }
}
