//! `cmp-store` on SQLite, and on Postgres where `CMP_STORE_POSTGRES` has the URL of a server. `cargo xtask ci` starts one.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

mod databases;
mod documented;
mod errors;
mod events;
mod receivers;
mod runs;
mod views;
