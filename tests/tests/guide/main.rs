//! The steps of the guide against the simulator: scopes, waiting, cryptograms, payments, many cards.

mod bulk;
mod cryptograms;
mod payments;
mod scopes;
mod support;
mod waiting;
