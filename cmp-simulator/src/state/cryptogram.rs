//! Cryptograms, each for one use.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The type of a cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum CryptogramType {
    /// The long form, up to 32 characters
    Tavv,
    /// The short form: three digits, for Visa only
    Dtvv,
}

impl CryptogramType {
    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tavv => "TAVV",
            Self::Dtvv => "DTVV",
        }
    }
}

/// The type of the transaction that a cryptogram was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TransactionType {
    /// A purchase online
    Ecom,
    /// Account funding, for Visa only
    Aft,
}

/// What a cryptogram was made for. A payment service gets it from the first use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Redemption {
    /// The id of the card
    pub card_id: String,
    /// The id of the network token
    pub network_token_id: String,
    /// The amount in major units, with the digits of the request, such as `19.99`; `None` if the
    /// request had none. It is a text because a binary number would round it.
    pub amount: Option<String>,
    /// The currency, as an ISO 4217 code
    pub currency_code: String,
    /// The transaction type: ECOM or AFT
    pub transaction_type: TransactionType,
    /// The cryptogram type: TAVV or DTVV
    pub cryptogram_type: CryptogramType,
    /// The electronic commerce indicator that was issued with it
    pub eci: String,
}

/// An error that says why a cryptogram is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CryptogramRefused {
    /// The cryptogram was never issued, or is older than 48 hours.
    Unknown,
    /// The cryptogram has been used.
    AlreadyUsed,
    /// The cryptogram is older than 24 hours.
    Expired,
    /// The network token has since been suspended or deleted.
    TokenNotUsable,
}

impl fmt::Display for CryptogramRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the cryptogram was never issued, or is older than 48 hours",
            Self::AlreadyUsed => "the cryptogram has been used",
            Self::Expired => "the cryptogram is older than 24 hours",
            Self::TokenNotUsable => "the cryptogram's network token is no longer usable",
        })
    }
}

impl Error for CryptogramRefused {}

/// How long a cryptogram is valid, as VGS's code has it. It is kept twice as long, to be refused as expired.
const VALIDITY: TimeDelta = TimeDelta::hours(24);

struct Issued {
    at: DateTime<Utc>,
    used: bool,
    made_for: Redemption,
}

/// The cryptograms that were issued.
#[derive(Default)]
pub(crate) struct Cryptograms {
    /// The cryptograms with one value, the oldest first. Three digits repeat.
    issued: HashMap<String, VecDeque<Issued>>,
    /// The value of each, the oldest first
    values: VecDeque<(DateTime<Utc>, String)>,
}

impl Cryptograms {
    pub(crate) fn issue(&mut self, value: String, made_for: Redemption, now: DateTime<Utc>) {
        self.forget_old(now);
        self.values.push_back((now, value.clone()));
        self.issued.entry(value).or_default().push_back(Issued { at: now, used: false, made_for });
    }

    fn forget_old(&mut self, now: DateTime<Utc>) {
        while let Some((_, value)) = self.values.front().filter(|(at, _)| now - at > VALIDITY * 2) {
            if let Some(same) = self.issued.get_mut(value) {
                same.pop_front();
                if same.is_empty() {
                    self.issued.remove(value);
                }
            }
            self.values.pop_front();
        }
    }

    /// Marks a cryptogram as used. A valid cryptogram comes before a used or expired one with the same value.
    pub(crate) fn redeem(
        &mut self,
        value: &str,
        now: DateTime<Utc>,
        is_usable: impl Fn(&Redemption) -> bool,
    ) -> Result<Redemption, CryptogramRefused> {
        self.forget_old(now);
        let same = self.issued.get_mut(value).ok_or(CryptogramRefused::Unknown)?;
        let is_used = same.iter().all(|issued| issued.used);
        let refused = if is_used { CryptogramRefused::AlreadyUsed } else { CryptogramRefused::Expired };
        let is_valid = |issued: &&mut Issued| !issued.used && now - issued.at < VALIDITY;
        let issued = same.iter_mut().find(is_valid).ok_or(refused)?;
        if !is_usable(&issued.made_for) {
            return Err(CryptogramRefused::TokenNotUsable);
        }
        issued.used = true;
        Ok(issued.made_for.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_cryptograms_are_forgotten() {
        let made_for = Redemption {
            card_id: String::new(),
            network_token_id: String::new(),
            amount: None,
            currency_code: "USD".to_owned(),
            transaction_type: TransactionType::Ecom,
            cryptogram_type: CryptogramType::Dtvv,
            eci: String::new(),
        };
        let (mut cryptograms, start) = (Cryptograms::default(), Utc::now());
        for hour in 0..1000 {
            let now = start + TimeDelta::hours(hour);
            cryptograms.issue((hour % 7).to_string(), made_for.clone(), now);
        }
        let kept: usize = cryptograms.issued.values().map(VecDeque::len).sum();
        assert_eq!((kept, cryptograms.values.len()), (49, 49));
        cryptograms.issue("7".to_owned(), made_for, start + TimeDelta::hours(2000));
        assert_eq!((cryptograms.issued.len(), cryptograms.values.len()), (1, 1));
    }
}
