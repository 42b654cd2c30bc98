use std::{fmt, str::FromStr};

use cmp_generated::scalar::{ExpMonth, ExpYear};

use super::{InvalidInput, read::stored_as_text};

/// The month and year in which a card or network token expires.
///
/// The service writes the year with two digits; this type is made from either form by name, so that the two can't be
/// mixed up, and always means the years 2000 to 2099. An expiry in the past is allowed: some sandbox cards need one.
///
/// ```
/// use cmp::Expiry;
///
/// let expiry = Expiry::new(5, 2028)?;
/// assert_eq!(expiry, Expiry::with_two_digit_year(5, 28)?);
/// assert_eq!(expiry, "05/28".parse()?);
/// assert_eq!(expiry.to_string(), "05/2028");
/// assert!(Expiry::new(5, 28).is_err());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Expiry {
    // The order of the fields makes the derived order the order of time.
    year: u16,
    month: u8,
}

impl Expiry {
    /// Month 1 to 12 and a year with four digits, 2000 to 2099.
    ///
    /// # Errors
    /// [`InvalidInput`] outside of these.
    pub fn new(month: u8, year: u16) -> Result<Self, InvalidInput> {
        if !(1..=12).contains(&month) {
            return Err(InvalidInput::new("expiry month", "must be 1 to 12"));
        }
        if !(2000..=2099).contains(&year) {
            return Err(InvalidInput::new(
                "expiry year",
                "must be 2000 to 2099; for two digits use `with_two_digit_year`",
            ));
        }
        Ok(Self { year, month })
    }

    /// Month 1 to 12 and the last two digits of the year: 28 means 2028.
    ///
    /// # Errors
    /// [`InvalidInput`] outside of these.
    pub fn with_two_digit_year(month: u8, year: u8) -> Result<Self, InvalidInput> {
        if year > 99 {
            return Err(InvalidInput::new("expiry year", "must be 0 to 99"));
        }
        Self::new(month, 2000 + u16::from(year))
    }

    /// Reads both parts of an answer. A year may come with two digits or four; one outside of 2000 to 2099 is no expiry.
    pub(crate) fn from_wire(month: Option<ExpMonth>, year: Option<ExpYear>) -> Option<Self> {
        let (month, year) = (month?.get(), year?.get());
        match u8::try_from(year) {
            Ok(two_digits @ 0..=99) => Self::with_two_digit_year(month, two_digits).ok(),
            _ => Self::new(month, year).ok(),
        }
    }

    /// Reads a month of one digit or two, and a year of two digits or four.
    pub(crate) fn from_texts(month: &str, year: &str) -> Result<Self, InvalidInput> {
        let wrong = || InvalidInput::new("expiry", "must be `MM/YY` or `MM/YYYY`");
        if ![month, year].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(wrong());
        }
        let month_number = month.parse().map_err(|_| wrong())?;
        match (month.len(), year.len()) {
            (1 | 2, 2) => Self::with_two_digit_year(month_number, year.parse().map_err(|_| wrong())?),
            (1 | 2, 4) => Self::new(month_number, year.parse().map_err(|_| wrong())?),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn into_wire(self) -> Result<(ExpMonth, ExpYear), InvalidInput> {
        let parts = ExpMonth::new(self.month).zip(ExpYear::new(self.two_digit_year().into()));
        parts.ok_or_else(|| InvalidInput::new("expiry", "is outside of the contract"))
    }

    /// 1 is January.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The year with four digits.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The year as the service writes it, 0 to 99.
    #[must_use]
    pub fn two_digit_year(self) -> u8 {
        // A year of 2000 to 2099 leaves at most 99.
        u8::try_from(self.year % 100).unwrap_or_default()
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:04}", self.month, self.year)
    }
}

impl FromStr for Expiry {
    type Err = InvalidInput;

    /// Reads `MM/YY` or `MM/YYYY`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (month, year) = text.trim().split_once('/').unwrap_or_default();
        Self::from_texts(month, year)
    }
}

stored_as_text!(Expiry, "expiry", to_string);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_another_century_is_not_moved_into_this_one() {
        let read = |year| Expiry::from_wire(ExpMonth::new(12), ExpYear::new(year));
        for (year, expected) in [(0, 2000), (30, 2030), (99, 2099), (2000, 2000), (2030, 2030), (2099, 2099)]
        {
            assert_eq!(read(year), Expiry::new(12, expected).ok(), "{year}");
        }
        for year in [100, 130, 255, 256, 1930, 1999, 2100, 2130, 9999] {
            assert_eq!(read(year), None, "{year}");
        }
    }
}
