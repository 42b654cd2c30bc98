//! Tests of the simulator through real sockets. `support::Client` checks every response against the
//! contract.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

mod access;
mod cards;
mod control;
mod cryptograms;
mod examples;
mod faults;
mod faults_http2;
mod hostile;
mod load;
mod network_tokens;
mod property;
mod protocols;
mod provoke;
mod readings;
mod refusals;
mod requests;
mod secrets;
mod state;
mod support;
mod v1;
mod webhooks;
mod webhooks_to_refuse;
mod webhooks_v1;
