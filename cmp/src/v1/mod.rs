#![doc = include_str!("migration.md")]

mod alias;
mod client;
mod environment;
mod holder;
mod network_token;
mod wait;

pub use alias::PanAlias;
pub use client::{Client, ClientBuilder};
pub use environment::Environment;
pub use holder::{BillingAddress, Holder};
pub use network_token::{Card, NetworkToken, NewEnrolment};
pub use wait::FinalState;
