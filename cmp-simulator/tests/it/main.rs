//! Tests of the simulator through real sockets. Every answer that `support::Client` reads is checked against
//! the contract.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

mod access;
mod cards;
mod cryptograms;
mod faults;
mod network_tokens;
mod requests;
mod support;
