use cmp_generated::{scalar::FreeForm, types};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Cardholder, Metadata, checks};
use crate::{
    error::InvalidInput,
    secret::{Cvc, Pan},
    value::{
        Expiry,
        open::open_enum,
        read::{self, Part},
        stored::read_as_text,
        wire,
    },
};

open_enum! {
    /// What kind of number a card was stored with (schema `TokenType`).
    TokenType from types::KnownTokenType {
        /// A device PAN, of a wallet.
        Dpan = "dpan",
        /// A merchant PAN, of a wallet.
        Mpan = "mpan",
        /// The card's own number.
        Pan = "pan",
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

/// A card to be stored: `CardAttributes` and metadata of the contract.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct NewCard {
    pan: Pan,
    expiry: Expiry,
    cvc: Option<Cvc>,
    cvc_status: Option<String>,
    cardholder: Option<Cardholder>,
    token_type: Option<TokenType>,
    wallet_type: Option<WalletType>,
    meta: Metadata,
}

impl NewCard {
    /// A card with what every card needs.
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
        self.cvc_status = Some(status.into());
        self
    }

    /// Who holds the card.
    pub fn cardholder(mut self, cardholder: Cardholder) -> Self {
        self.cardholder = Some(cardholder);
        self
    }

    /// What kind of number the PAN is.
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = Some(token_type);
        self
    }

    /// The wallet that the card comes from.
    pub fn wallet_type(mut self, wallet_type: WalletType) -> Self {
        self.wallet_type = Some(wallet_type);
        self
    }

    /// Adds metadata, a text or any other JSON value. It can't be changed once the card is stored.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }
}

/// From an object with `pan` and `expiry` (`MM/YY` or `MM/YYYY`), and of the other parts those that are there: `cvc`,
/// `cvc_status`, `cardholder`, `token_type`, `wallet_type` and `meta`. A refusal does not repeat what was read.
///
/// ```
/// let card: cmp::NewCard = serde_json::from_str(
///     r#"{"pan": "5100260000019206", "expiry": "12/30", "cvc": "123", "cardholder": {"name": "Jane Doe"}}"#,
/// )?;
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
            cvc_status: parts.cvc_status.map(|Part(status)| status),
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
        let (exp_month, exp_year) = wire::expiry_parts(self.expiry)?;
        let attributes = types::CardAttributes {
            pan: checks::secret("pan", self.pan.expose())?,
            exp_month,
            exp_year,
            cvc: self.cvc.map(|cvc| checks::secret("cvc", cvc.expose())).transpose()?,
            cvc_status: self.cvc_status.map(cvc_status).transpose()?,
            cardholder: self.cardholder.map(Cardholder::into_wire).transpose()?,
            token_type: self.token_type.as_ref().map(known_token_type).transpose()?,
            wallet_type: self.wallet_type.as_ref().map(known_wallet_type).transpose()?,
        };
        let meta = (!self.meta.is_empty()).then(|| FreeForm::new(self.meta.into_map()));
        Ok(types::CardResourceRequest { data: types::CardResourceRequestData { attributes, meta } })
    }
}

fn cvc_status(status: String) -> Result<types::CardAttributesCvcStatus, InvalidInput> {
    status.try_into().map_err(|_| InvalidInput::new("cvc status", "must be 3 to 10 characters"))
}

fn known_token_type(kind: &TokenType) -> Result<types::KnownTokenType, InvalidInput> {
    match kind {
        TokenType::Dpan => Ok(types::KnownTokenType::Dpan),
        TokenType::Mpan => Ok(types::KnownTokenType::Mpan),
        TokenType::Pan => Ok(types::KnownTokenType::Pan),
        TokenType::Other(_) => Err(TOKEN_TYPE),
    }
}

fn known_wallet_type(kind: &WalletType) -> Result<types::KnownWalletType, InvalidInput> {
    match kind {
        WalletType::ApplePay => Ok(types::KnownWalletType::ApplePay),
        WalletType::GooglePay => Ok(types::KnownWalletType::GooglePay),
        WalletType::Other(_) => Err(WALLET_TYPE),
    }
}
