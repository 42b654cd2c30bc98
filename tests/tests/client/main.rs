//! The facade through real sockets.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

mod answers;
mod auth;
mod broken;
mod drift;
mod lookups;
mod outcomes;
mod payments;
mod reading;
mod reads;
mod retry;
mod script;
mod settings;
mod spans;
mod support;
mod v1;
mod v1_wait;
mod values;
mod writes;
