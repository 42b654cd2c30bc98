//! Cryptograms and the one use that each of them has.

use serde::{Deserialize, Serialize};

/// The kind of a cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum CryptogramType {
    /// The long form, up to 32 characters
    Tavv,
    /// The short form, three digits, Visa only
    Dtvv,
}

impl CryptogramType {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tavv => "TAVV",
            Self::Dtvv => "DTVV",
        }
    }
}

/// The transaction that a cryptogram was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TransactionType {
    /// A purchase online
    Ecom,
    /// Account funding, Visa only
    Aft,
}

/// What a cryptogram was made for, as a payment service learns it on the cryptogram's first use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Redemption {
    /// The card
    pub card_id: String,
    /// The network token
    pub network_token_id: String,
    /// In major units, as requested; `None` where the request had no amount
    pub amount: Option<serde_json::Number>,
    /// ISO 4217
    pub currency_code: String,
    /// ECOM or AFT
    pub transaction_type: TransactionType,
    /// TAVV or DTVV
    pub cryptogram_type: CryptogramType,
    /// The electronic commerce indicator that was given out with it
    pub eci: String,
}

/// Why a cryptogram is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CryptogramRefused {
    /// No such cryptogram was given out.
    Unknown,
    /// It has been used.
    AlreadyUsed,
    /// Its network token has since been suspended or deleted.
    TokenNotUsable,
}

impl std::fmt::Display for CryptogramRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no such cryptogram was given out",
            Self::AlreadyUsed => "the cryptogram has been used",
            Self::TokenNotUsable => "the cryptogram's network token can no longer be used",
        })
    }
}

impl std::error::Error for CryptogramRefused {}

struct Issued {
    value: String,
    used: bool,
    made_for: Redemption,
}

/// Every cryptogram that was given out.
#[derive(Default)]
pub(crate) struct Cryptograms {
    issued: Vec<Issued>,
}

impl Cryptograms {
    pub(crate) fn issue(&mut self, value: String, made_for: Redemption) {
        self.issued.push(Issued { value, used: false, made_for });
    }

    /// Three digits repeat, so an unused cryptogram comes before a used one of the same value.
    pub(crate) fn redeem(
        &mut self,
        value: &str,
        is_usable: impl Fn(&Redemption) -> bool,
    ) -> Result<Redemption, CryptogramRefused> {
        let mut same = self.issued.iter_mut().filter(|issued| issued.value == value).peekable();
        if same.peek().is_none() {
            return Err(CryptogramRefused::Unknown);
        }
        let issued = same.find(|issued| !issued.used).ok_or(CryptogramRefused::AlreadyUsed)?;
        if !is_usable(&issued.made_for) {
            return Err(CryptogramRefused::TokenNotUsable);
        }
        issued.used = true;
        Ok(issued.made_for.clone())
    }
}
