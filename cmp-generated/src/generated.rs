//! The code that `build.rs` generates.

#![allow(
    missing_docs,
    missing_debug_implementations,
    nonstandard_style,
    unreachable_pub,
    unused_qualifications,
    unused_imports,
    unused_mut,
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    clippy::all,
    clippy::doc_markdown,
    clippy::map_unwrap_or,
    clippy::needless_pass_by_value,
    clippy::redundant_closure_for_method_calls,
    clippy::semicolon_if_nothing_returned,
    clippy::uninlined_format_args,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/client.rs"));
