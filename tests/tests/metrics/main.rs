//! What is measured, through OpenTelemetry's SDK and real sockets.

mod calls;
mod collected;
mod docs;
mod runs;
mod webhooks;
