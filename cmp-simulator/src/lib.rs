//! A stateful simulator of the VGS Card Management Platform (CMP), for tests.

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
pub use world::{NothingThere, World, WorldEvent};
