//! From the wire's scalars to this crate's values.

use chrono::{DateTime, Utc};
use cmp_generated::{scalar, types};

use super::{Amount, Expiry};
use crate::error::InvalidInput;

/// An expiry needs both its parts. A year may come with two digits or four.
pub(crate) fn expiry(month: Option<scalar::ExpMonth>, year: Option<scalar::ExpYear>) -> Option<Expiry> {
    let (month, year) = (month?.get(), year?.get());
    Expiry::with_two_digit_year(month, u8::try_from(year % 100).ok()?).ok()
}

pub(crate) fn time(timestamp: scalar::Timestamp) -> DateTime<Utc> {
    timestamp.get()
}

pub(crate) fn expiry_parts(expiry: Expiry) -> Result<(scalar::ExpMonth, scalar::ExpYear), InvalidInput> {
    let month = scalar::ExpMonth::new(expiry.month());
    let year = scalar::ExpYear::new(expiry.two_digit_year().into());
    month.zip(year).ok_or_else(|| InvalidInput::new("expiry", "is outside of the contract"))
}

pub(crate) fn amount(amount: Amount) -> Result<scalar::Amount, InvalidInput> {
    scalar::Amount::new(amount.value()).map_err(|_| InvalidInput::new("amount", "is too large"))
}

pub(crate) fn currency_code(
    amount: Amount,
) -> Result<types::CryptoFetchAttributesCurrencyCode, InvalidInput> {
    let code = amount.currency().code().parse();
    code.map_err(|_| InvalidInput::new("currency", "is not a code that the contract allows"))
}
