//! Cryptograms, each for one use.

use std::error::Error;
use std::fmt;

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
    /// The cryptogram was never issued.
    Unknown,
    /// The cryptogram has been used.
    AlreadyUsed,
    /// The network token has since been suspended or deleted.
    TokenNotUsable,
}

impl fmt::Display for CryptogramRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the cryptogram was never issued",
            Self::AlreadyUsed => "the cryptogram has been used",
            Self::TokenNotUsable => "the cryptogram's network token is no longer usable",
        })
    }
}

impl Error for CryptogramRefused {}

struct Issued {
    value: String,
    used: bool,
    made_for: Redemption,
}

/// Every cryptogram that was issued.
#[derive(Default)]
pub(crate) struct Cryptograms {
    issued: Vec<Issued>,
}

impl Cryptograms {
    pub(crate) fn issue(&mut self, value: String, made_for: Redemption) {
        self.issued.push(Issued { value, used: false, made_for });
    }

    /// Marks a cryptogram as used. Three digits repeat, so an unused cryptogram comes before a used
    /// one with the same value.
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
