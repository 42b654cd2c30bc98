//! From the wire's scalars to this crate's values.

use chrono::{DateTime, Utc};
use cmp_generated::{scalar, types};

use super::{Amount, Expiry, InvalidInput};

/// An expiry needs both its parts. A year may come with two digits or four; one outside of 2000 to 2099 is no expiry.
pub(crate) fn expiry(month: Option<scalar::ExpMonth>, year: Option<scalar::ExpYear>) -> Option<Expiry> {
    let (month, year) = (month?.get(), year?.get());
    match u8::try_from(year) {
        Ok(two_digits @ 0..=99) => Expiry::with_two_digit_year(month, two_digits).ok(),
        _ => Expiry::new(month, year).ok(),
    }
}

pub(crate) fn time(timestamp: scalar::Timestamp) -> DateTime<Utc> {
    timestamp.get()
}

pub(crate) fn expiry_parts(expiry: Expiry) -> Result<(scalar::ExpMonth, scalar::ExpYear), InvalidInput> {
    let month = scalar::ExpMonth::new(expiry.month());
    let year = scalar::ExpYear::new(expiry.two_digit_year().into());
    month.zip(year).ok_or_else(|| InvalidInput::new("expiry", "is outside of the contract"))
}

pub(crate) fn amount(amount: Amount) -> scalar::Amount {
    amount.on_the_wire()
}

pub(crate) fn currency_code(
    amount: Amount,
) -> Result<types::CryptoFetchAttributesCurrencyCode, InvalidInput> {
    let code = amount.currency().code().parse();
    code.map_err(|_| InvalidInput::new("currency", "is not a code that the contract allows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_another_century_is_not_moved_into_this_one() {
        let read = |year| expiry(scalar::ExpMonth::new(12), scalar::ExpYear::new(year));
        for (year, expected) in [(0, 2000), (30, 2030), (99, 2099), (2000, 2000), (2030, 2030), (2099, 2099)]
        {
            assert_eq!(read(year), Expiry::new(12, expected).ok(), "{year}");
        }
        for year in [100, 130, 255, 256, 1930, 1999, 2100, 2130, 9999] {
            assert_eq!(read(year), None, "{year}");
        }
    }
}
