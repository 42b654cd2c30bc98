//! Webhooks: signatures, events, deduplication, views, and the whole way from the simulator through a socket.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

mod conformance;
mod contract;
mod deduplicator;
mod delivery;
mod events;
mod reading;
mod robustness;
mod samples;
mod signatures;
mod spellings;
mod view;
