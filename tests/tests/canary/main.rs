//! Canaries: marked secrets go through every operation, status and fault, and must not come out anywhere.
//!
//! [`hostile`] is a server that repeats whatever it gets in every place that a response has. [`log`] keeps all that is
//! logged. [`calls`] calls everything, and keeps all that a program could print of the outcomes. [`collected`] has what is
//! measured. [`types`] prints every public type. [`contract`] reads the reports of the contract check. [`planted`] leaks
//! on purpose, to see that each search finds it.

mod answers;
mod calls;
#[allow(dead_code, reason = "the tests of the metrics use the rest")]
#[path = "../metrics/collected.rs"]
mod collected;
mod contract;
mod faults;
mod hostile;
mod log;
mod planted;
mod simulator;
mod types;
