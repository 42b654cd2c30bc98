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
//! - [`Simulator`]: start one, and see what it received and holds.
//! - [`Settings`] and [`Builder`]: enrolment, duplicate detection, accounts, seed; [`Readings`]: which reading
//!   of the documents the answers follow.
//! - [`Fault`] and [`Chaos`]: what goes wrong, as data.
//! - [`World`]: what happens to cards and tokens without a request, and time.
//! - [`Webhooks`]: what it tells others of that, signed.
//! - [`test_cards`]: the documented test cards; [`provoke`]: every status, and how to get it.
//! - [`control`]: all of it over HTTP; `program` (with the feature of that name): as a program.

mod api;
pub mod control;
mod faults;
mod http;
mod masked;
mod operation;
#[cfg(feature = "program")]
pub mod program;
pub mod provoke;
mod readings;
mod received;
mod scripted;
mod server;
mod settings;
mod shared;
mod simulator;
mod state;
pub mod test_cards;
pub mod webhooks;
mod world;

pub use faults::{Action, Answer, AnswerBody, Chaos, Close, Fault, FaultId, RetryAfter};
pub use operation::{Operation, TOKEN_PATH};
pub use readings::{
    DuplicateAnswer, EmptyIncluded, FailedToken, First8, ForbiddenBody, GatewayBody, IncludedPlace,
    JsonApiVersion, NoActiveToken, Numbers, PanWithoutScope, Readings, StateCase, Times, UnknownInclude,
};
pub use received::ReceivedRequest;
pub use settings::{Enrolment, Settings, TokenArrival};
pub use simulator::{Builder, Faults, Simulator};
pub use state::{
    Brand, CardUpdateEvent, CardView, CryptogramRefused, CryptogramType, Redemption, Scope, ServiceAccount,
    TokenState, TokenView, TransactionType,
};
pub use webhooks::Webhooks;
pub use world::{NothingThere, World, WorldEvent};
