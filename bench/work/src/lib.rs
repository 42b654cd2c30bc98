//! The work that each client does for the comparison, and what it costs. Each program in `../clients` has one client, as a user's
//! program has.

pub mod documents;
mod measure;

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use documents::{
    CardAttributes, CryptogramRequest, IncludedAttributes, NewCard, PAN, Request, card_id, read,
};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, Mac};
use http::{HeaderName, Method};
pub use measure::{Cost, Options, run};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The access token of all clients.
pub const TOKEN: &str = "bench";
pub const JSON_API: &str = "application/vnd.api+json";
pub const USER_AGENT: &str = concat!("bench/", env!("CARGO_PKG_VERSION"));
pub const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// The header with a webhook's signature.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("vgs-signature");

/// Signs [`documents::EVENT`] now, for all receivers: a wrong signature fails with one of them.
///
/// # Errors
/// If the clock is before 1970.
pub fn signature() -> Result<String> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(documents::WEBHOOK_SECRET.as_bytes())?;
    mac.update(format!("{time}.{}", documents::EVENT).as_bytes());
    Ok(format!("t={time},v0={}", data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())))
}

/// How many calls of a bulk run are in flight; cmp's default.
pub const BULK_CONCURRENCY: usize = 16;

/// A call and its canned response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Gets a card with so many included network tokens.
    Get(usize),
    /// Stores a card.
    Create,
    /// Requests a cryptogram.
    Cryptogram,
    /// Subscribes a card to updates.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
    /// Asks for a card's latest update.
    Check,
}

impl Scenario {
    pub fn path(self) -> String {
        match self {
            Self::Get(included) => format!("/cards/{}", card_id(included)),
            Self::Create => "/cards".to_owned(),
            Self::Cryptogram => format!("/cards/{}/cryptogram", card_id(1)),
            Self::Subscribe | Self::Unsubscribe => format!("/cards/{}/card-update-subscriptions", card_id(1)),
            Self::Check => format!("/cards/{}/check", card_id(1)),
        }
    }

    pub fn method(self) -> Method {
        match self {
            Self::Get(_) => Method::GET,
            Self::Unsubscribe => Method::DELETE,
            _ => Method::POST,
        }
    }

    /// The request's body by hand, if it has one.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn body(self) -> Result<Option<Vec<u8>>> {
        Ok(match self {
            Self::Get(_) | Self::Subscribe | Self::Unsubscribe | Self::Check => None,
            Self::Create => {
                let card = NewCard { pan: PAN, exp_month: 12, exp_year: 39 };
                Some(serde_json::to_vec(&Request::new(card))?)
            }
            Self::Cryptogram => Some(serde_json::to_vec(&Request::new(CryptogramRequest {
                amount: 19.99,
                currency_code: "USD",
                transaction_type: "ECOM",
                cryptogram_type: "TAVV",
            }))?),
        })
    }

    /// Reads the response by hand.
    ///
    /// # Errors
    /// If it is another response.
    pub fn read(self, body: &[u8]) -> Result<()> {
        match self {
            Self::Get(included) => read::<CardAttributes>(body, included).map(drop),
            Self::Create => read::<CardAttributes>(body, 1).map(drop),
            Self::Cryptogram | Self::Subscribe | Self::Check => read::<IncludedAttributes>(body, 0).map(drop),
            Self::Unsubscribe => Ok(()),
        }
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Gets a card; the size is the number of its included network tokens.
    Get,
    /// Stores a card.
    Create,
    /// Requests a cryptogram.
    Cryptogram,
    /// Subscribes a card to updates.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
    /// Asks for a card's latest update.
    Check,
    /// Verifies and reads a webhook.
    Webhook,
    /// Reads the response of a get; the size is the number of included network tokens.
    Decode,
    /// Takes the access token from the cache; the size is the number of tasks that do so.
    Token,
    /// Gets many cards; the size is their number.
    Bulk,
    /// Makes a client.
    Construct,
}

impl Work {
    /// Who can do it. The client's own reading is private, so [`Decode`](Self::Decode) is the generated client's.
    pub fn sides(self) -> &'static [Side] {
        match self {
            Self::Webhook | Self::Bulk => &[Side::Reqwest, Side::Cmp],
            Self::Decode => &[Side::Reqwest, Side::Generated],
            Self::Token => &[Side::Cmp],
            _ => &Side::ALL,
        }
    }
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// reqwest and serde by hand: what the others are compared with.
    Reqwest,
    /// hyper-util's pooled client and serde by hand.
    Hyper,
    /// The generated client alone.
    Generated,
    /// This library, with everything on.
    Cmp,
}

impl Side {
    pub const ALL: [Self; 4] = [Self::Reqwest, Self::Hyper, Self::Generated, Self::Cmp];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reqwest => "reqwest",
            Self::Hyper => "hyper",
            Self::Generated => "generated",
            Self::Cmp => "cmp",
        }
    }
}

/// A client that is ready to call. Most do not do all of the work.
pub trait Client: Clone + Send + Sync + 'static {
    /// Makes a client that trusts the platform's root certificates and `certificate`.
    ///
    /// # Errors
    /// If the client can't be made.
    fn new(url: &str, certificate: Option<&str>) -> Result<Self>;

    /// Makes a call and reads its response.
    fn call(&self, scenario: Scenario) -> impl Future<Output = Result<()>> + Send;

    /// Gets a card so many times, [`BULK_CONCURRENCY`] at a time.
    fn bulk(&self, count: usize) -> impl Future<Output = Result<()>> {
        async move {
            let calls = stream::iter((0..count).map(|_| self.call(Scenario::Get(1))));
            let mut run = calls.buffer_unordered(BULK_CONCURRENCY);
            while let Some(outcome) = run.next().await {
                outcome?;
            }
            Ok(())
        }
    }

    /// Reads the response of a get.
    ///
    /// # Errors
    /// If it is another response.
    fn decode(_body: &[u8], _included: usize) -> Result<()> {
        bail!("this client does not decode alone")
    }

    /// Returns a function that verifies and reads [`documents::EVENT`].
    ///
    /// # Errors
    /// If it can't be made.
    fn receiver() -> Result<Box<dyn Fn() -> Result<()>>> {
        bail!("this client receives no webhooks")
    }

    /// Takes the access token from the client's cache.
    fn take_token(&self) -> impl Future<Output = Result<()>> + Send {
        async { bail!("this client has no cache of tokens") }
    }
}
