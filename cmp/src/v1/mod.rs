#![doc = include_str!("migration.md")]

mod alias;
mod client;
mod environment;
mod final_state;
mod holder;
mod network_token;

pub use alias::PanAlias;
pub use client::{Client, ClientBuilder};
pub use environment::Environment;
pub use final_state::FinalState;
pub use holder::{BillingAddress, Holder};
pub use network_token::{Card, NetworkToken, NewEnrollment};
