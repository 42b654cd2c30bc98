//! The tool that keeps the contract of the VGS Card Management Platform.
//!
//! - `spec` builds the contract from the published documents: import, merge, correct, lower.
//! - `diff` reports what a change of the contract means for callers and for the client's Rust items.
//! - `update` tries new documents in a copy of the workspace, and takes them over if the client still builds.
//! - `derived` has every file that follows from the contract.
//! - `check` checks whether a service keeps the contract.
//!
//! The program `cmp-contract` and `cargo xtask` are the two ways to run it.

#![cfg_attr(test, allow(clippy::needless_pass_by_value, reason = "tests pass json!(…) as it stands"))]

mod check;
mod command;
pub mod decoders;
mod derived;
mod diff;
mod spec;
mod update;

pub use check::{Options as CheckOptions, run as check};
pub use command::{Spec, diff, settle, spec};
pub use diff::Arguments as DiffArguments;
pub use spec::files::{NO_WORKSPACE, root_of_run};
pub use update::Arguments as UpdateArguments;
