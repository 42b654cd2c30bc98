//! Cards to store, and changes to stored cards.

use std::fmt;

use cmp_generated::{
    scalar::{FreeForm, Secret},
    types,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::cardholder::{Cardholder, is_blank};
use crate::{
    error::InvalidInput,
    scrub::scrub,
    secret::{Cvc, Pan},
    value::{
        Expiry, Text,
        open::open_enum,
        read::read_as_text,
        read::{self, Part},
    },
};

/// Room for an alias, such as `tok_sandbox_…`, in the place of a PAN.
const LONGEST_SECRET: usize = 64;

open_enum! {
    /// The kind of number that a card was stored with (schema `TokenType`).
    TokenType from types::KnownTokenType {
        /// A device PAN, of a wallet.
        Dpan = "dpan",
        /// A merchant PAN, of a wallet.
        Mpan = "mpan",
        /// The card's own number.
        Pan = "pan",
    }
}

impl TokenType {
    /// Reads a documented value.
    pub(super) fn known(text: &str) -> Option<Self> {
        let Ok(kind) = text.parse();
        (!matches!(kind, Self::Other(_))).then_some(kind)
    }
}

open_enum! {
    /// The digital wallet that a card comes from (schema `WalletType`).
    WalletType from types::KnownWalletType {
        /// Apple Pay.
        ApplePay = "apple_pay",
        /// Google Pay.
        GooglePay = "google_pay",
    }
}

/// A card to store: `CardAttributes` and metadata of the contract.
///
/// A [`Dpan`](TokenType::Dpan) or [`Mpan`](TokenType::Mpan) needs a [`wallet_type`](Self::wallet_type). Without one, the
/// request is refused before it is sent.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct NewCard {
    pan: Pan,
    expiry: Expiry,
    cvc: Option<Cvc>,
    cvc_status: Option<Text>,
    cardholder: Option<Cardholder>,
    token_type: Option<TokenType>,
    wallet_type: Option<WalletType>,
    meta: Metadata,
}

impl NewCard {
    /// Starts with the parts that every card needs.
    pub fn new(pan: Pan, expiry: Expiry) -> Self {
        Self {
            pan,
            expiry,
            cvc: None,
            cvc_status: None,
            cardholder: None,
            token_type: None,
            wallet_type: None,
            meta: Metadata::default(),
        }
    }

    /// The card verification code.
    pub fn cvc(mut self, cvc: Cvc) -> Self {
        self.cvc = Some(cvc);
        self
    }

    /// An indicator that a CVC was present, 3 to 10 characters (source: schema `CardAttributes`).
    pub fn cvc_status(mut self, status: impl Into<String>) -> Self {
        self.cvc_status = Some(Text::from(status.into()));
        self
    }

    /// The cardholder.
    pub fn cardholder(mut self, cardholder: Cardholder) -> Self {
        self.cardholder = Some(cardholder);
        self
    }

    /// The kind of number that the PAN is. The service takes a number without a kind for a PAN.
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = Some(token_type);
        self
    }

    /// The wallet that the card comes from.
    pub fn wallet_type(mut self, wallet_type: WalletType) -> Self {
        self.wallet_type = Some(wallet_type);
        self
    }

    /// Adds metadata, a text or any other JSON value. It can't be changed once the card is stored. See [`Metadata`] for how
    /// much of it is read.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }
}

/// Reads an object with `pan` and `expiry` (`MM/YY` or `MM/YYYY`). `cvc`, `cvc_status`, `cardholder`, `token_type`,
/// `wallet_type` and `meta` are optional. An error does not repeat what was read.
///
/// ```
/// let json = r#"{"pan": "5100260000019206", "expiry": "12/30"}"#;
/// let card: cmp::NewCard = serde_json::from_str(json)?;
/// # assert!(!format!("{card:?}").contains("5100"));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for NewCard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            pan: Pan,
            expiry: Expiry,
            cvc: Option<Cvc>,
            cvc_status: Option<Part>,
            cardholder: Option<Cardholder>,
            token_type: Option<TokenType>,
            wallet_type: Option<WalletType>,
            meta: Option<Metadata>,
        }

        let parts: Parts = read::members(deserializer, "card")?;
        Ok(Self {
            pan: parts.pan,
            expiry: parts.expiry,
            cvc: parts.cvc,
            cvc_status: parts.cvc_status.map(|Part(status)| status.into()),
            cardholder: parts.cardholder,
            token_type: parts.token_type,
            wallet_type: parts.wallet_type,
            meta: parts.meta.unwrap_or_default(),
        })
    }
}

read_as_text!(TokenType, "token type", |text: &str| {
    text.parse().map(TokenType::from_known).map_err(|_| TOKEN_TYPE)
});
read_as_text!(WalletType, "wallet type", |text: &str| {
    text.parse().map(WalletType::from_known).map_err(|_| WALLET_TYPE)
});

const TOKEN_TYPE: InvalidInput = InvalidInput::new("token type", "must be one that the contract has");
const WALLET_TYPE: InvalidInput = InvalidInput::new("wallet type", "must be one that the contract has");

impl NewCard {
    pub(super) fn into_wire(self) -> Result<types::CardResourceRequest, InvalidInput> {
        let token_type =
            self.token_type.map(|kind| kind.as_str().parse().map_err(|_| TOKEN_TYPE)).transpose()?;
        let wallet_type =
            self.wallet_type.as_ref().map(|kind| kind.as_str().parse().map_err(|_| WALLET_TYPE));
        let is_of_a_wallet =
            matches!(token_type, Some(types::KnownTokenType::Dpan | types::KnownTokenType::Mpan));
        if is_of_a_wallet && self.wallet_type.is_none() {
            return Err(InvalidInput::new(
                "wallet type",
                "must be given for a card with the token type `dpan` or `mpan`",
            ));
        }
        let (exp_month, exp_year) = self.expiry.into_wire()?;
        let attributes = types::CardAttributes {
            pan: secret("pan", self.pan.expose())?,
            exp_month,
            exp_year,
            cvc: self.cvc.map(|cvc| secret("cvc", cvc.expose())).transpose()?,
            cvc_status: self.cvc_status.map(cvc_status).transpose()?,
            cardholder: self.cardholder.map(Cardholder::into_wire).transpose()?,
            token_type,
            wallet_type: wallet_type.transpose()?,
        };
        let meta = (!self.meta.is_empty()).then(|| FreeForm::new(self.meta.into_map()));
        Ok(types::CardResourceRequest { data: types::CardResourceRequestData { attributes, meta } })
    }
}

fn cvc_status(status: Text) -> Result<types::CardAttributesCvcStatus, InvalidInput> {
    String::from(status).try_into().map_err(|_| InvalidInput::new("cvc status", "must be 3 to 10 characters"))
}

/// Changes to a stored card: its CVC, its expiry, or both (schema `CardUpdateAttributes`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct CardChanges {
    cvc: Option<Cvc>,
    expiry: Option<Expiry>,
}

impl CardChanges {
    /// Starts without any change.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new CVC.
    pub fn cvc(mut self, cvc: Cvc) -> Self {
        self.cvc = Some(cvc);
        self
    }

    /// A new expiry.
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }
}

/// Reads an object with `cvc`, `expiry` or both. An error does not repeat what was read.
impl<'de> Deserialize<'de> for CardChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            cvc: Option<Cvc>,
            expiry: Option<Expiry>,
        }

        let Parts { cvc, expiry } = read::members(deserializer, "card changes")?;
        Ok(Self { cvc, expiry })
    }
}

impl CardChanges {
    pub(super) fn into_wire(self) -> Result<types::CardUpdateResourceRequest, InvalidInput> {
        if self.cvc.is_none() && self.expiry.is_none() {
            return Err(InvalidInput::new("card changes", "must change something"));
        }
        let (exp_month, exp_year) = self.expiry.map(Expiry::into_wire).transpose()?.unzip();
        let attributes = types::CardUpdateAttributes {
            cvc: self.cvc.map(|cvc| secret("cvc", cvc.expose())).transpose()?,
            exp_month,
            exp_year,
        };
        Ok(types::CardUpdateResourceRequest { data: types::CardUpdateResourceRequestData { attributes } })
    }
}

/// A card's user-defined metadata: string keys with values of any kind. It is written once, when the card is stored,
/// and can't be changed later (source: VGS's documentation of user-defined metadata).
///
/// The documents have no limit. Texts of any length are read, as long as the whole answer is not too large. A member is left
/// out if it is nested more than a hundred levels deep, or if it comes after the first ten thousand values.
///
/// `Debug` shows only the keys, scrubbed, since a service may keep anything here.
#[derive(Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The value under `key`, if it is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// All keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns `true` if there is no metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, key: String, value: Value) {
        self.0.insert(key, value);
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

/// From an object. A refusal does not repeat what was read.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::members(deserializer, "metadata").map(Self)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST_SHOWN: usize = 50;
        f.write_str("Metadata with ")?;
        f.debug_list().entries(self.0.keys().take(MOST_SHOWN).map(|key| scrub(key))).finish()
    }
}

/// A PAN or CVC, or behind an inbound proxy the alias that stands for it.
fn secret(field: &'static str, value: &str) -> Result<Secret, InvalidInput> {
    if !(1..=LONGEST_SECRET).contains(&value.chars().count()) || value.chars().any(is_blank) {
        return Err(InvalidInput::new(
            field,
            "must be 1 to 64 characters without spaces and control characters",
        ));
    }
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_word() {
        for good in ["4111111111111111", "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC", "123"] {
            assert!(secret("pan", good).is_ok(), "{good}");
        }
        for bad in ["", "not a pan", "4111\n", "4111\0", "\u{a0}", &"1".repeat(65)] {
            let error = secret("pan", bad).unwrap_err();
            assert_eq!(error.field(), "pan", "{bad:?}");
        }
    }
}
