//! A stateful simulator of the VGS Card Management Platform (CMP), for tests.
//!
//! It keeps the API's state in memory and serves it on a real socket of 127.0.0.1. It stores cards,
//! makes network tokens and issues cryptograms for one use. On demand, it fails in every way that a
//! network can. It is written from the API's documents and knows nothing of the client in front of it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cmp_simulator::{Fault, Operation, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! let busy = Fault::status(503).retry_after(2).on(Operation::CreateCard);
//! simulator.faults().add(busy.times(1));
//!
//! let http = reqwest::Client::builder().no_proxy().build()?;
//! let url = format!("{}/cards", simulator.url());
//! let response = http.post(url).send().await?;
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["retry-after"], "2");
//! assert_eq!(simulator.count(Operation::CreateCard), 1);
//! assert!(simulator.cards().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Testing a service against a flaky CMP
//!
//! The examples below test a service that uses the client `cmp`. All of them make their client and
//! card like this:
//!
//! ```
//! # use cmp_simulator::Simulator;
//! fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//!     let account = cmp::ServiceAccount::new(
//!         simulator.client_id(),
//!         simulator.client_secret(),
//!     );
//!     let environment =
//!         cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//!     cmp::Client::builder(environment).service_account(account).build()
//! }
//!
//! fn card() -> cmp::NewCard {
//!     let pan = cmp::Pan::new("4111111111111111").unwrap();
//!     cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030).unwrap())
//! }
//! ```
//!
//! The client asks a busy service again:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # fn card() -> cmp::NewCard {
//! #     let pan = cmp::Pan::new("4111111111111111").unwrap();
//! #     cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030).unwrap())
//! # }
//! use cmp_simulator::{Fault, Operation, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! let busy = Fault::status(503).retry_after(0).on(Operation::CreateCard);
//! simulator.faults().add(busy.times(2));
//!
//! client(&simulator)?.cards().create(card()).await?;
//! assert_eq!(simulator.count(Operation::CreateCard), 3);
//! # Ok(())
//! # }
//! ```
//!
//! A card is stored although its response is lost. A new account does not detect duplicates, so
//! storing the card again makes a second one:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # fn card() -> cmp::NewCard {
//! #     let pan = cmp::Pan::new("4111111111111111").unwrap();
//! #     cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030).unwrap())
//! # }
//! use cmp_simulator::{Fault, Operation, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! let lost = Fault::lost_answer().on(Operation::CreateCard).times(1);
//! simulator.faults().add(lost);
//!
//! let cmp = client(&simulator)?;
//! let error = cmp.cards().create(card()).await.unwrap_err();
//! assert_eq!(error.delivery(), cmp::Delivery::OutcomeUnknown);
//! assert!(cmp.cards().create(card()).await?.is_created());
//! assert_eq!(simulator.cards().len(), 2);
//!
//! // With duplicate detection, which VGS turns on for an account, the
//! // next request finds the stored card.
//! simulator.configure(|settings| settings.duplicate_detection = true);
//! assert!(!cmp.cards().create(card()).await?.is_created());
//! assert_eq!(simulator.cards().len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! A network suspends a token before the service pays with it:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # fn card() -> cmp::NewCard {
//! #     let pan = cmp::Pan::new("4111111111111111").unwrap();
//! #     cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030).unwrap())
//! # }
//! use cmp_simulator::Simulator;
//!
//! let simulator = Simulator::start().await?;
//! let cmp = client(&simulator)?;
//! let stored = cmp.cards().create(card()).await?;
//! simulator.world().suspend_token(stored.id().as_str())?;
//!
//! let refused = cmp.network_tokens().cryptogram(stored.id()).await;
//! assert!(refused.unwrap_err().is_without_active_token());
//! # Ok(())
//! # }
//! ```
//!
//! # Modules and types
//!
//! - [`Simulator`] starts a simulator, and shows what it received and holds.
//! - [`Settings`] and [`Builder`] set the protocol, the enrollment of network tokens, duplicate
//!   detection, the accounts and the seed. The defaults are those of a new account.
//! - [`RateLimit`] limits the account's requests, and [`Simulator::save`] writes the account to a file.
//! - [`Readings`] chooses how the responses read the documents where these are ambiguous.
//! - [`Operation::v1`] and [`World::v1_outcome`] are for the V1 network token API on the same socket.
//! - [`Fault`] and [`Chaos`] say what goes wrong, as data.
//! - [`World`] changes cards and tokens without a request, and advances the clock.
//! - [`webhooks`] sends signed notifications about these changes.
//! - [`test_cards`] has the documented test cards, and [`provoke`] every status and how to get it.
//! - [`control`] offers all of this over HTTP, and [`program`] (a cargo feature) as a program.
#![cfg_attr(feature = "program", doc = "\n[`program`]: program")]
#![cfg_attr(not(feature = "program"), doc = "\n[`program`]: #modules-and-types")]

mod api;
mod card_data;
pub mod control;
mod faults;
mod how;
mod http;
mod instance;
mod masked;
mod openapi;
mod operation;
#[cfg(feature = "program")]
pub mod program;
pub mod provoke;
mod received;
mod server;
mod settings;
mod simulator;
mod state;
pub mod test_cards;
pub mod webhooks;
mod world;

pub use card_data::Brand;
pub use faults::{Action, Answer, AnswerBody, Chaos, Close, DebugData, Fault, FaultId, RetryAfter};
pub use operation::{Operation, TOKEN_PATH};
pub use received::ReceivedRequest;
pub use settings::{
    CheckAnswer, DuplicateAnswer, EmptyIncluded, Enrollment, FailedToken, First8, ForbiddenBody, GatewayBody,
    Http2, IncludeWhen, IncludedPlace, JsonApiVersion, NoActiveToken, Numbers, PanWithoutScope, Protocol,
    RateLimit, Readings, Scope, ServiceAccount, Settings, StateCase, Times, TokenArrival, UnknownInclude,
    V1Enrolled,
};
pub use simulator::{Builder, Faults, Simulator};
pub use state::{
    CardUpdateEvent, CardView, CryptogramRefused, CryptogramType, NetworkTokenState, Redemption, TokenView,
    TransactionType, V1Outcome, V1TokenView,
};
pub use webhooks::Webhooks;
pub use world::{NothingThere, World, WorldEvent};
