//! A stateful simulator of the VGS Card Management Platform (CMP), for tests.
//!
//! The API in memory, behind a real socket on 127.0.0.1: it stores cards, makes network tokens, gives out
//! cryptograms that work once, and fails in every way that a network can, on demand. It is written from the
//! API's documents and knows nothing of the client it is used with.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cmp_simulator::{Fault, Operation, Simulator};
//!
//! let simulator = Simulator::start().await?;
//! simulator.faults().add(Fault::status(503).retry_after(2).on(Operation::CreateCard).times(1));
//!
//! # let http = reqwest::Client::builder().no_proxy().build()?;
//! let answer = http.post(format!("{}/cards", simulator.url())).send().await?;
//! assert_eq!(answer.status(), 503);
//! assert_eq!(answer.headers()["retry-after"], "2");
//! assert_eq!(simulator.count(Operation::CreateCard), 1);
//! assert!(simulator.cards().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Testing a service against a flaky CMP
//!
//! Each of these is a whole test of what a service does with the client `cmp`. Where the client is made:
//!
//! ```
//! # use cmp_simulator::Simulator;
//! fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//!     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//!     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//!     cmp::Client::builder(environment).service_account(account).build()
//! }
//! ```
//!
//! A busy service is asked again:
//!
//! ```
//! # use cmp_simulator::{Fault, Operation, Simulator};
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let card = cmp::NewCard::new(cmp::Pan::new("4111111111111111")?, cmp::Expiry::new(12, 2030)?);
//! let simulator = Simulator::start().await?;
//! simulator.faults().add(Fault::status(503).retry_after(0).on(Operation::CreateCard).times(2));
//! client(&simulator)?.cards().create(card).await?;
//! assert_eq!(simulator.count(Operation::CreateCard), 3);
//! # Ok(())
//! # }
//! ```
//!
//! A card whose answer was lost is stored. A new account doesn't detect duplicates, so that storing the card again
//! makes a second one:
//!
//! ```
//! # use cmp_simulator::{Fault, Operation, Simulator};
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let card = cmp::NewCard::new(cmp::Pan::new("4111111111111111")?, cmp::Expiry::new(12, 2030)?);
//! let simulator = Simulator::start().await?;
//! simulator.faults().add(Fault::lost_answer().on(Operation::CreateCard).times(1));
//! let cmp = client(&simulator)?;
//! let lost = cmp.cards().create(card.clone()).await.unwrap_err();
//! assert_eq!(lost.delivery(), cmp::Delivery::OutcomeUnknown);
//! assert!(cmp.cards().create(card.clone()).await?.is_created());
//! assert_eq!(simulator.cards().len(), 2);
//!
//! // VGS turns duplicate detection on for an account: the second try finds the stored card.
//! simulator.configure(|settings| settings.duplicate_detection = true);
//! assert!(!cmp.cards().create(card).await?.is_created());
//! assert_eq!(simulator.cards().len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! A network suspends a token between storing the card and paying with it:
//!
//! ```
//! # use cmp_simulator::{Fault, Operation, Simulator};
//! # fn client(simulator: &Simulator) -> cmp::Result<cmp::Client> {
//! #     let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! #     let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! #     cmp::Client::builder(environment).service_account(account).build()
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let card = cmp::NewCard::new(cmp::Pan::new("4111111111111111")?, cmp::Expiry::new(12, 2030)?);
//! let simulator = Simulator::start().await?;
//! let cmp = client(&simulator)?;
//! let stored = cmp.cards().create(card).await?;
//! simulator.world().suspend_token(stored.id().as_str())?;
//! let refused = cmp.network_tokens().cryptogram(stored.id()).await.unwrap_err();
//! assert!(refused.is_without_active_token());
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! - [`Simulator`]: start one, and see what it received and holds.
//! - [`Settings`] and [`Builder`]: protocol, enrollment, duplicate detection, accounts, seed; the defaults are
//!   those of a new account. [`Readings`]: which reading of the documents the answers follow.
//! - The V1 network token API on the same socket: [`Operation::V1`], [`World::v1_outcome`].
//! - [`Fault`] and [`Chaos`]: what goes wrong, as data.
//! - [`World`]: what happens to cards and tokens without a request, and time.
//! - [`Webhooks`]: what it tells others of that, signed.
//! - [`test_cards`]: the documented test cards; [`provoke`]: every status, and how to get it.
//! - [`control`]: all of it over HTTP; `program` (with the feature of that name): as a program.

mod api;
mod card_data;
pub mod control;
mod faults;
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
    DuplicateAnswer, EmptyIncluded, Enrollment, FailedToken, First8, ForbiddenBody, GatewayBody, Http2,
    IncludeWhen, IncludedPlace, JsonApiVersion, NoActiveToken, Numbers, PanWithoutScope, Protocol, Readings,
    Scope, ServiceAccount, Settings, StateCase, Times, TokenArrival, UnknownInclude, V1Enrolled,
};
pub use simulator::{Builder, Faults, Simulator};
pub use state::{
    CardUpdateEvent, CardView, CryptogramRefused, CryptogramType, NetworkTokenState, Redemption, TokenView,
    TransactionType, V1Outcome, V1TokenView,
};
pub use webhooks::Webhooks;
pub use world::{NothingThere, World, WorldEvent};
