//! Compiles the facade and runs the contract's tests in the copy.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    thread,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::stage::Stage;
use crate::spec::write;

/// The tests that compare the contract with the documents and the generated types, by package, folder and name.
const TESTS: [(&str, &str, &str); 3] = [
    ("cmp-contract", "contract", "contract"),
    ("cmp-generated", "cmp-generated", "decoding"),
    ("cmp-generated", "cmp-generated", "redaction"),
];
/// The tests that fail until a new operation has been added everywhere, by package, file and name.
const UNTIL_IT_IS_IN: [(&str, &str, &str); 2] = [
    ("workspace-tests", "tests/tests/contract.rs", "contract"),
    ("cmp-simulator", "cmp-simulator/tests/it/main.rs", "it"),
];
/// The maximum number of output lines that the report shows for a failure without a compiler message.
const LINES: usize = 12;

/// The result of building the copy.
#[derive(Debug, Default)]
pub(super) struct Build {
    /// `file:line: message` of each error.
    pub(super) errors: Vec<String>,
    /// Why the build failed without a compiler message, for example because the generator failed.
    pub(super) failure: Vec<String>,
    pub(super) passed: Vec<String>,
    /// Tests that failed, each with the end of its output.
    pub(super) failed: Vec<(String, Vec<String>)>,
    /// Tests that fail until a new operation has been added everywhere, each with the end of its output. They don't
    /// stop the update.
    pub(super) open: Vec<(String, Vec<String>)>,
}

impl Build {
    pub(super) fn is_good(&self) -> bool {
        self.errors.is_empty() && self.failure.is_empty() && self.failed.is_empty()
    }
}

pub(super) fn run(stage: &Stage, with_tests: bool, has_new_operations: bool) -> Result<Build> {
    let mut build = Build::default();
    let check = cargo(stage, &["check", "-p", "cmp", "--message-format=json"])?;
    if !check.status.success() {
        build.errors = errors(&String::from_utf8_lossy(&check.stdout));
        if build.errors.is_empty() {
            build.failure = lines_of(&check.stderr);
        }
        return Ok(build);
    }
    for (package, folder, test) in TESTS.iter().filter(|_| with_tests) {
        if !stage.layout().root.join(format!("{folder}/tests/{test}.rs")).exists() {
            continue;
        }
        match test_run(stage, package, test)? {
            None => build.passed.push(format!("{package}, {test}")),
            Some(failed) => build.failed.push(failed),
        }
    }
    for (package, file, test) in UNTIL_IT_IS_IN.iter().filter(|_| with_tests && has_new_operations) {
        if stage.layout().root.join(file).exists() {
            build.open.extend(test_run(stage, package, test)?);
        }
    }
    Ok(build)
}

/// Runs a test. Returns its name and the end of its output if it fails.
fn test_run(stage: &Stage, package: &str, test: &str) -> Result<Option<(String, Vec<String>)>> {
    let output = cargo(stage, &["test", "-p", package, "--test", test])?;
    if output.status.success() {
        return Ok(None);
    }
    let text = [output.stdout, output.stderr].concat();
    Ok(Some((format!("{package}, {test}"), lines_of(&text))))
}

/// Runs cargo in the copy and shows its progress, since a first build takes minutes.
fn cargo(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    write::say(&format!("$ cargo {} (in a copy of the workspace)", arguments.join(" ")));
    let mut child = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--color", "never"])
        .current_dir(&stage.layout().root)
        .env("CARGO_TARGET_DIR", stage.target())
        // A backtrace would fill the report.
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo can't be started")?;
    let shown = child.stderr.take();
    let stderr = thread::spawn(move || {
        let mut text = Vec::new();
        for line in
            shown.into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')).map_while(Result::ok)
        {
            write::say(&String::from_utf8_lossy(&line));
            text.extend(line);
            text.push(b'\n');
        }
        text
    });
    let output = child.wait_with_output().context("cargo")?;
    Ok(Output { stderr: stderr.join().unwrap_or_default(), ..output })
}

/// Returns the errors among cargo's JSON messages, each once.
fn errors(messages: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in messages.lines() {
        let Ok(report) = serde_json::from_str::<Value>(line) else { continue };
        let message = &report["message"];
        if report["reason"] != "compiler-message" || message["level"] != "error" {
            continue;
        }
        let spans = message["spans"].as_array().into_iter().flatten();
        // The last message only counts the other errors, and has no place in the source.
        let Some(span) = spans.filter(|span| span["is_primary"] == true).map(call_site).next() else {
            continue;
        };
        let text = message["message"].as_str().unwrap_or_default();
        let place = span["file_name"].as_str().unwrap_or_default();
        let entry = format!("{place}:{}: {text}", span["line_start"]);
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

/// Returns the place where a macro is called, if the error is inside the macro.
fn call_site(mut span: &Value) -> &Value {
    while let Some(outer) = span.pointer("/expansion/span").filter(|outer| outer.is_object()) {
        span = outer;
    }
    span
}

/// Returns a failure's output from the first line with an error.
fn lines_of(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_cause = |line: &&str| line.contains("error") || line.contains("panicked");
    let start = lines.iter().position(is_cause).unwrap_or_default();
    lines[start..].iter().take(LINES).map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tests_that_an_update_runs_are_there() {
        let root = crate::spec::files::Layout::of_tests().root;
        for (_, folder, test) in TESTS {
            assert!(root.join(format!("{folder}/tests/{test}.rs")).is_file(), "{folder}, {test}");
        }
        for (package, file, _) in UNTIL_IT_IS_IN {
            assert!(root.join(file).is_file(), "{package}, {file}");
        }
    }

    #[test]
    fn an_error_is_named_by_its_place_in_the_source() {
        let inner = json!({"file_name": "cmp/src/value/open.rs", "line_start": 40, "is_primary": true,
            "expansion": {"span": {"file_name": "cmp/src/cards/model.rs", "line_start": 19}}});
        let message = |spans: Value| {
            json!({"reason": "compiler-message",
            "message": {"level": "error", "message": "no variant `Gone`", "spans": spans}})
        };
        let messages = [message(json!([inner])), message(json!([])), json!({"reason": "build-finished"})];
        let lines: Vec<String> = messages.iter().map(ToString::to_string).collect();
        assert_eq!(errors(&lines.join("\n")), ["cmp/src/cards/model.rs:19: no variant `Gone`"]);
    }
}
