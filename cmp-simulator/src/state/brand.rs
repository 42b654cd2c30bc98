use serde::{Deserialize, Serialize};

/// The card networks for which network tokens exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Brand {
    /// Visa
    Visa,
    /// Mastercard
    Mastercard,
    /// American Express
    Amex,
    /// Discover
    Discover,
}

impl Brand {
    /// The brand that a card number belongs to; `None` for others and for aliases.
    pub fn of(pan: &str) -> Option<Self> {
        if pan.len() < 14 || !pan.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = |digits: usize| pan[..digits].parse::<u32>().unwrap_or_default();
        match (leading(1), leading(2), leading(4)) {
            (4, ..) => Some(Self::Visa),
            (_, 51..=55, _) | (_, _, 2221..=2720) => Some(Self::Mastercard),
            (_, 34 | 37, _) => Some(Self::Amex),
            (_, 65, _) | (_, _, 6011 | 6440..=6499) => Some(Self::Discover),
            _ => None,
        }
    }

    /// The name in `card_brand`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visa => "Visa",
            Self::Mastercard => "Mastercard",
            Self::Amex => "Amex",
            Self::Discover => "Discover",
        }
    }

    /// The first six digits of the brand's network tokens: those of the documents' samples, and of the
    /// networks' published test cards where the documents show none.
    pub(crate) const fn token_bin(self) -> &'static str {
        match self {
            Self::Visa => "411321",
            Self::Mastercard => "558004",
            Self::Amex => "371449",
            Self::Discover => "601111",
        }
    }

    pub(crate) const fn token_length(self) -> usize {
        match self {
            Self::Amex => 15,
            Self::Visa | Self::Mastercard | Self::Discover => 16,
        }
    }

    /// The electronic commerce indicator beside a cryptogram: `07` for Visa is the documents' sample, `05` for
    /// the others is inferred from the networks' rules.
    pub(crate) const fn eci(self) -> &'static str {
        match self {
            Self::Visa => "07",
            Self::Mastercard | Self::Amex | Self::Discover => "05",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_by_leading_digits() {
        let cases = [
            ("4111111111111111", Some(Brand::Visa)),
            ("5555555555554444", Some(Brand::Mastercard)),
            ("2223003122003222", Some(Brand::Mastercard)),
            ("378282246310005", Some(Brand::Amex)),
            ("6011111111111117", Some(Brand::Discover)),
            ("3530111333300000", None),
            ("tok_sandbox_abcdef", None),
            ("4111", None),
        ];
        for (pan, brand) in cases {
            assert_eq!(Brand::of(pan), brand, "{pan}");
        }
    }
}
