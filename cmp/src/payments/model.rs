//! What each payment needs, as values to send on.

use std::{fmt, str::FromStr};

use crate::{
    cards::{Card, StoredNumber},
    error::{Delivery, Error, ErrorKind, InvalidInput, NoNetworkToken, Result},
    network_tokens::{Cryptogram, Dtvv, Eci, NetworkToken},
    secret::{CryptogramValue, Cvc, NetworkTokenNumber, Pan},
    value::{Expiry, read::stored_as_text},
};

/// A customer-initiated payment with a PSP that takes network tokens.
#[derive(Debug)]
#[non_exhaustive]
pub struct CustomerInitiated {
    /// The network token, in the place of the PAN.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The long cryptogram, good for this one payment.
    pub cryptogram: CryptogramValue,
    /// The Electronic Commerce Indicator, to be sent on unchanged.
    pub eci: Option<Eci>,
}

/// A customer-initiated payment through a card form, or an API that knows no cryptograms.
#[derive(Debug)]
#[non_exhaustive]
pub struct CardForm {
    /// The network token, for the field of the card number.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The short cryptogram, for the field of the CVC; good for this one payment.
    pub cvc: CryptogramValue,
}

/// A merchant-initiated payment with a PSP. It has no cryptogram.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MerchantInitiated {
    /// The network token, in the place of the PAN.
    pub number: NetworkTokenNumber,
    /// The network token's expiry, which is not the card's.
    pub expiry: Expiry,
    /// The customer-initiated payment that this one goes back to.
    pub network_transaction_id: NetworkTransactionId,
}

/// The credential of a payment whose request ends in `or_pan`: the network token, or the PAN.
///
/// The PAN needs the scope [`cards:read-pci`](crate::operation::Scope::CardsReadPci). Without it, `or_pan` fails with
/// [`ErrorKind::NoPan`](crate::ErrorKind::NoPan). [`Error::missing_scope`](crate::Error::missing_scope) then names the scope,
/// and [`Error::no_network_token`](crate::Error::no_network_token) says why there is no network token.
///
/// An alias of 12 to 19 digits can look like a PAN (see [`StoredNumber`](crate::cards::StoredNumber)), and would then go to
/// the PSP as one. Don't use `or_pan` if the account makes such aliases and the scope may be missing.
///
/// There will be no third variant, so a `match` needs no other arm.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential<T, P = PanPayment> {
    /// The network token, with what the case needs beside it.
    NetworkToken(T),
    /// The PAN, since there is no network token to pay with.
    Pan(P),
}

/// A payment with the PAN that the customer starts.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PanPayment {
    /// The PAN.
    pub pan: Pan,
    /// The card's expiry.
    pub expiry: Expiry,
    /// The CVC, if one is stored.
    pub cvc: Option<Cvc>,
    /// Why there is no network token to pay with, unless one has appeared meanwhile.
    pub because: Option<NoNetworkToken>,
}

/// A payment with the PAN that the merchant starts: it has no CVC.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PanOnFile {
    /// The PAN.
    pub pan: Pan,
    /// The card's expiry.
    pub expiry: Expiry,
    /// The customer-initiated payment that this one goes back to.
    pub network_transaction_id: NetworkTransactionId,
    /// Why there is no network token to pay with.
    pub because: Option<NoNetworkToken>,
}

impl CustomerInitiated {
    pub(super) fn with(cryptogram: Cryptogram) -> Result<Self> {
        let (number, expiry) = number_and_expiry(&cryptogram.network_token)?;
        Ok(Self { number, expiry, cryptogram: cryptogram.value, eci: cryptogram.eci })
    }
}

impl CardForm {
    pub(super) fn with(cryptogram: Cryptogram<Dtvv>) -> Result<Self> {
        let (number, expiry) = number_and_expiry(&cryptogram.network_token)?;
        Ok(Self { number, expiry, cvc: cryptogram.value })
    }
}

impl MerchantInitiated {
    pub(super) fn with(token: &NetworkToken, first_payment: NetworkTransactionId) -> Result<Self> {
        let (number, expiry) = number_and_expiry(token)?;
        Ok(Self { number, expiry, network_transaction_id: first_payment })
    }
}

impl PanPayment {
    pub(super) fn of(card: &Card) -> Result<Self> {
        let because = card.network_token().err();
        let Some(StoredNumber::Pan(pan)) = card.number() else { return Err(no_pan(because)) };
        let expiry = card.expiry.ok_or_else(|| incomplete("the card came without its expiry"))?;
        // Blanks around the digits would go into the payment.
        let cvc = card.cvc.as_ref().and_then(|cvc| Cvc::new(cvc.expose().trim()).ok());
        Ok(Self { pan, expiry, cvc, because })
    }
}

fn no_pan(because: Option<NoNetworkToken>) -> Error {
    let message = "the card's PAN did not come back, so there is no fallback to it";
    let error = Error::new(ErrorKind::NoPan, Delivery::Answered, message);
    match because {
        Some(reason) => error.with_no_network_token(reason),
        None => error,
    }
}

fn number_and_expiry(token: &NetworkToken) -> Result<(NetworkTokenNumber, Expiry)> {
    let Some(number) = &token.number else {
        return Err(NoNetworkToken::WithoutNumber(token.state.clone()).into());
    };
    let expiry = token.expiry.ok_or_else(|| incomplete("the network token came without its expiry"))?;
    Ok((number.clone(), expiry))
}

fn incomplete(what: &'static str) -> Error {
    Error::new(ErrorKind::Decode, Delivery::Answered, what)
}

const LONGEST: usize = 64;

/// A network transaction id. The PSP returns it for an authorised customer-initiated payment, and each merchant-initiated
/// payment after that refers to it. Store it beside the card.
///
/// Its form differs by network (15 digits, or a reference and a date), so the client does not check it. It is no secret, but can
/// look like a PAN, so `Debug` does not show it.
///
/// ```
/// use cmp::payments::NetworkTransactionId;
///
/// let id = NetworkTransactionId::new("MCC012345 1122")?;
/// assert_eq!(id.as_str(), "MCC012345 1122");
/// assert!(NetworkTransactionId::new("").is_err());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkTransactionId(String);

impl NetworkTransactionId {
    /// Takes 1 to 64 printable ASCII characters, without a space at either end.
    ///
    /// # Errors
    /// [`InvalidInput`] for anything else.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidInput> {
        let id = id.into();
        let fits = (1..=LONGEST).contains(&id.len())
            && id.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            && id.trim() == id;
        if !fits {
            return Err(InvalidInput::new(
                "network transaction id",
                "must be 1 to 64 printable ASCII characters",
            ));
        }
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NetworkTransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkTransactionId(..)")
    }
}

impl fmt::Display for NetworkTransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkTransactionId {
    type Err = InvalidInput;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

stored_as_text!(NetworkTransactionId, "network transaction id", as_str);
