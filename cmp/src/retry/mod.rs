//! When a failed request is sent again, and when it must not be.
//!
//! [`RetryPolicy`] is a value that turns facts into a verdict and does nothing else; the loop that acts on it is in
//! `call`. [`RetryBudget`] keeps a failing service from being flooded by retries.

mod after;
mod budget;
mod policy;
mod throttle;

pub(crate) use after::retry_after;
pub use budget::RetryBudget;
pub use policy::RetryPolicy;
pub(crate) use policy::{Facts, Verdict, doubled};
pub(crate) use throttle::Throttle;
