//! `cargo xtask simulator` reports errors like the program `cmp-simulator`.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute and misses their helpers")]

#[path = "../../cmp-simulator/tests/it/refusals.rs"]
mod refusals;

use std::process::Command;

#[test]
fn the_simulator_says_why_it_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    refusals::check(directory.path(), || {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.arg("simulator");
        xtask
    });
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["--root", ".", "simulator"]).current_dir(&directory);
    let error = refusals::error_of(&mut xtask);
    assert!(
        error.starts_with("Error: ") && error.ends_with(&format!(": {}\n", refusals::not_found())),
        "{error}"
    );
}
