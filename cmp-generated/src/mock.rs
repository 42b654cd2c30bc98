//! Typed mocks of every operation for tests with the crate `httpmock`: `server.create_card(|when, then| …)`.
//!
//! Mocks answer with `application/json`, and only in documented shapes. For anything else, `into_inner()` returns
//! httpmock's own builders.

#![allow(
    missing_docs,
    missing_debug_implementations,
    dead_code,
    unused_qualifications,
    unused_imports,
    clippy::all,
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    clippy::semicolon_if_nothing_returned,
    clippy::uninlined_format_args,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/mock.rs"));
