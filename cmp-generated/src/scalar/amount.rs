use std::error::Error;
use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient::{self, Lenient};

/// The maximum number of decimals that the documents allow.
const SCALE: u32 = 2;
/// Ten trillion (10¹³). Below it, each amount with two decimals has its own `f64`, and the shortest form of that `f64`
/// is the amount. The reason is that an `f64` keeps any 15 significant digits.
const LIMIT: Decimal = Decimal::from_parts(1_316_134_912, 2328, 0, false, 0);

/// An amount of money in major units, with at most two decimals. It is sent as a JSON number with exactly these digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

/// Why a decimal can't be an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmountError {
    /// The value is less than zero.
    Negative,
    /// The value has more than two decimals, not counting trailing zeros.
    TooPrecise,
    /// The value is ten trillion (10¹³) or more, where a JSON number would no longer be exact.
    TooLarge,
}

impl Amount {
    /// Wraps `value`.
    ///
    /// # Errors
    /// Fails if the value is negative, has more than two decimals, or is ten trillion or more.
    pub fn new(value: Decimal) -> Result<Self, AmountError> {
        let value = value.normalize();
        if value < Decimal::ZERO {
            Err(AmountError::Negative)
        } else if value.scale() > SCALE {
            Err(AmountError::TooPrecise)
        } else if value >= LIMIT {
            Err(AmountError::TooLarge)
        } else {
            Ok(Self(value))
        }
    }

    /// Returns the amount.
    pub const fn get(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Negative => "an amount can't be negative",
            Self::TooPrecise => "an amount has at most two decimals",
            Self::TooLarge => "an amount is less than ten trillion",
        })
    }
}

impl Error for AmountError {}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(whole) = self.0.is_integer().then(|| self.0.to_u64()).flatten() {
            return serializer.serialize_u64(whole);
        }
        let number = self.0.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::required(deserializer, "an amount with at most two decimals")
    }
}

impl Lenient for Amount {
    fn text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(|value| Self::new(value).ok())
    }

    fn integer(number: u64) -> Option<Self> {
        Self::new(number.into()).ok()
    }

    fn float(number: f64) -> Option<Self> {
        Self::text(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(value: Decimal) -> String {
        serde_json::to_string(&Amount::new(value).expect("an amount")).expect("encodes")
    }

    #[test]
    fn amounts_are_written_exactly() {
        for (cents, expected) in [(1999, "19.99"), (1000, "10"), (1050, "10.5"), (1, "0.01"), (0, "0")] {
            assert_eq!(json(Decimal::new(cents, 2)), expected);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert_eq!(Amount::new(Decimal::new(-1, 2)), Err(AmountError::Negative));
        assert_eq!(Amount::new(Decimal::new(1, 3)), Err(AmountError::TooPrecise));
        assert_eq!(Amount::new(Decimal::new(10_000_000_000_000, 0)), Err(AmountError::TooLarge));
        assert_eq!(Amount::new(Decimal::new(1_000, 3)).map(Amount::get), Ok(Decimal::ONE));
    }

    proptest! {
        #[test]
        fn every_amount_of_cents_is_its_own_decimal_text(cents in 0i64..1_000_000_000_000_000) {
            let value = Decimal::new(cents, 2);
            let text = json(value);
            prop_assert_eq!(&text, &value.normalize().to_string());
            let read: Amount = serde_json::from_str(&text).expect("decodes");
            prop_assert_eq!(read.get(), value);
        }
    }
}
