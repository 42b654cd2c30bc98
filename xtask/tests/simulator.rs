//! `cargo xtask simulator` says what it can't start with as the program `cmp-simulator` does: one line, in the same words.

use std::net::TcpListener;
use std::process::Command;

/// What it says when it can't start.
fn refusal(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = command.arg("simulator").args(arguments).output().expect("runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn the_simulator_says_what_it_can_not_start_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    std::fs::write(&settings, "[]").expect("written");
    let path = settings.to_str().expect("UTF-8");
    assert_eq!(refusal(&["--settings", path]), format!("Error: {path}: expected a JSON object\n"));
    assert_eq!(
        refusal(&["--certificate", path]),
        "Error: --certificate: there is no certificate without TLS, see --protocol\n"
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let error = refusal(&["--port", &address.port().to_string()]);
    assert!(error.starts_with(&format!("Error: {address}: ")) && error.lines().count() == 1, "{error}");
}
