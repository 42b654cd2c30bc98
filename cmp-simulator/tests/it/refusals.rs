//! What the simulator says when it does not start: the same as a program of its own and as
//! `cargo xtask simulator`, whose tests include this file.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts the program in this empty directory in every way that it refuses.
pub(crate) fn check(directory: &Path, program: impl Fn() -> Command) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let in_use = TcpListener::bind(address).unwrap_err();
    let not_found = not_found();
    for (settings, expected) in [
        (
            r#"{ "enrollment": "sometimes" }"#,
            "unknown variant `sometimes`, expected one of `on-create`, `on_create`, `manual` at line 1 column 27\n",
        ),
        (r#"{ "speed": 9 }"#, "unknown field `speed`, expected one of "),
        ("[]", "expected a JSON object\n"),
        ("", "expected a JSON object\n"),
        ("\u{feff}{ \"seed\": -1 }", "invalid value: integer `-1`, expected u64 at line 1 column 12\n"),
        ("{", "EOF while parsing an object at line 1 column 1\n"),
    ] {
        fs::write(directory.join("settings.json"), settings).unwrap();
        let error = error_of(program().current_dir(directory).args(["--settings", "settings.json"]));
        assert!(error.starts_with(&format!("Error: settings.json: {expected}")), "{error}");
    }
    for (arguments, expected) in [
        ("--settings nowhere.json".to_owned(), format!("nowhere.json: {not_found}")),
        ("--certificate root.pem".to_owned(), "--certificate needs TLS: set --protocol".to_owned()),
        (
            "--protocol tls --certificate nowhere/root.pem".to_owned(),
            format!("nowhere/root.pem: {not_found}"),
        ),
        (format!("--port {}", address.port()), format!("{address}: {in_use}")),
    ] {
        let error = error_of(program().current_dir(directory).args(arguments.split(' ')));
        assert_eq!(error, format!("Error: {expected}\n"));
    }
}

pub(crate) fn not_found() -> io::Error {
    fs::read("nowhere.json").unwrap_err()
}

/// Returns what the program says on stderr, in one line, before it ends with the status 1.
pub(crate) fn error_of(program: &mut Command) -> String {
    program.env_remove("RUST_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    if !ready.is_empty() {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the program starts: {ready}");
    }
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}
