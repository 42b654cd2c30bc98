//! Faults as data: what goes wrong, on which operation, how often.

mod action;
mod book;
mod chaos;
mod fault;
mod rate;

pub use action::{Action, Answer, AnswerBody, Close, DebugData, RetryAfter};
pub(crate) use book::FaultBook;
pub use book::FaultId;
pub use chaos::Chaos;
pub use fault::Fault;
