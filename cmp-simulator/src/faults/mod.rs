//! Faults as data: what goes wrong, on which operation, how often.
//!
//! ```
//! # use std::time::Duration;
//! use cmp_simulator::{Fault, Operation};
//!
//! let busy = Fault::status(503).retry_after(2).on(Operation::CreateCard).times(1);
//! let lost = Fault::lost_answer().on(Operation::CreateCard);
//! let slow = Fault::delayed(Duration::from_millis(200)).rate(0.1);
//!
//! let json = serde_json::to_value(&busy)?;
//! assert_eq!(
//!     json,
//!     serde_json::json!({
//!         "do": { "answer": { "status": 503, "retry_after": 2 } },
//!         "on": ["create_card"],
//!         "times": 1,
//!     })
//! );
//! assert_eq!(serde_json::from_value::<Fault>(json)?, busy);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod action;
mod book;
mod chaos;
mod fault;

pub use action::{Action, Answer, AnswerBody, Close, RetryAfter};
pub(crate) use book::FaultBook;
pub use book::FaultId;
pub use chaos::Chaos;
pub use fault::Fault;
