//! The raw client for the VGS Card Management Platform (CMP), generated from the documents of its API.
//!
//! **Programs should use the crate `cmp` instead.** It adds authentication, retries, deadlines, validated identifiers
//! and errors that never print a card number. Use this crate, through `cmp::Client::raw`, for features that the facade
//! does not have.
//!
//! The crate contains:
//! - [`Client`] with one method per operation, and [`types`] with one type per schema. `build.rs` generates both from
//!   `openapi.json`. Requests are as strict as the documents. Answers are read leniently, because the service deviates
//!   from the documents.
//! - [`with_operations`]: the facts about each operation, from `openapi/operations.toml`.
//! - [`with_responses`]: the types of responses.
//! - [`scalar`]: the types of single values in requests and answers. Sensitive types never print their values.
//! - [`lenient`]: reads answers member by member.
//! - [`included`]: the resources beside a card, distinguished by their `type`.
//! - [`mock`], with the feature `httpmock`: typed mocks of the operations for tests.
//! - [`hooks`]: the headers and the transport of each attempt to send a request, in a [`Context`].
//!
//! This crate has two hazards, which the facade avoids. `Display` and `Debug` of [`Error`] print whole bodies.
//! Generated constructors that create their own HTTP client follow redirects.
//!
#![cfg_attr(feature = "httpmock", doc = "[`mock`]: mock")]
#![cfg_attr(not(feature = "httpmock"), doc = "[`mock`]: #modules")]

mod generated;
pub mod hooks;
pub mod included;
pub mod lenient;
#[cfg(feature = "httpmock")]
pub mod mock;
pub mod scalar;

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

pub use generated::{Client, types};
pub use hooks::Context;
pub use progenitor_client::{ByteStream, Error, ResponseValue};
