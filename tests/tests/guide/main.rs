//! The steps of the guide against the simulator: scopes, waiting, cryptograms, payments, account updates, many cards, crashes.

mod account_updater;
mod bulk;
mod checkpoints;
mod cryptograms;
mod payments;
mod scopes;
mod support;
mod waiting;
