//! What the network does to a call: HTTP/2, TLS, proxies and dead connections, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test's own set-up")]

mod client_certificates;
mod connections;
mod not_processed;
mod proxies;
mod support;
mod texts;
mod time;
mod tls;
