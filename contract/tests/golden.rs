//! Runs `cargo xtask spec diff` on a small contract and a small facade. Each case file has one change, the expected
//! verdict, and the reason for it.
//!
//! Both contracts of a case start as `base/openapi/cmp.json` with the patch `both`. Then the old one gets the patch
//! `before`, and the new one gets the patch `patch`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use json_patch::Patch;
use serde::Deserialize;
use serde_json::Value;

/// The contract, the facade and the cases, in the workspace whose tests run.
fn golden() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("tests/golden")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[serde(default)]
    both: Patch,
    #[serde(default)]
    before: Patch,
    patch: Patch,
    expect: Vec<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    id: String,
    level: String,
    r#for: String,
    at: String,
    items: Vec<String>,
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn cases() -> Vec<(String, Case)> {
    let entries = fs::read_dir(golden().join("cases")).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let case = serde_json::from_value(read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    paths.into_iter().map(named).collect()
}

/// Returns the sorted verdicts of `spec diff` for the case, and its exit status.
fn verdicts(case: &Case, folder: &Path) -> (Vec<Verdict>, Option<i32>) {
    let base = golden().join("base");
    let contract = read(&base.join("openapi/cmp.json"));
    let [old, new] = [("old.json", &case.before), ("new.json", &case.patch)].map(|(name, patch)| {
        let mut document = contract.clone();
        json_patch::patch(&mut document, &case.both).expect("the patch for both applies to the base");
        json_patch::patch(&mut document, patch).expect("the patch applies to the base");
        let path = folder.join(name);
        fs::write(&path, document.to_string()).expect("written");
        path
    });
    let output = Command::new(env!("CARGO_BIN_EXE_cmp-contract"))
        .args(["spec", "diff", "--format", "json", "--fail-on", "any", "--root"])
        .args([&base, &old, &new])
        .output()
        .expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let texts = |value: &Value| value.as_array().expect("a list").iter().map(text).collect::<Vec<_>>();
    let changes = report["changes"].as_array().expect("changes").iter().map(|change| Verdict {
        id: text(&change["id"]),
        level: text(&change["level"]),
        r#for: text(&change["for"]),
        at: text(&change["at"]),
        items: [texts(&change["items"]["generated"]), texts(&change["items"]["facade"])].concat(),
    });
    let mut changes: Vec<Verdict> = changes.collect();
    changes.sort();
    (changes, output.status.code())
}

fn exit_status(expected: &[Verdict]) -> i32 {
    let has = |level: &str| expected.iter().any(|verdict| verdict.level == level);
    let levels = [("breaking", 30), ("unclassified", 25), ("additive", 20), ("documentation", 10)];
    levels.iter().find(|(level, _)| has(level)).map_or(0, |(_, status)| *status)
}

#[test]
fn every_change_gets_its_verdict() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let cases = cases();
    let mut wrong = Vec::new();
    for (name, case) in &cases {
        let (found, status) = verdicts(case, folder.path());
        let mut expected = case.expect.clone();
        expected.sort();
        if found != expected || status != Some(exit_status(&expected)) {
            wrong.push(format!("{name} ({}): {status:?}, {found:#?}\ninstead of {expected:#?}", case.why));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Checks that every case has a reason, and that the cases cover the kinds of change.
#[test]
fn the_cases_cover_the_kinds_of_change() {
    let cases = cases();
    assert!(cases.iter().all(|(_, case)| case.why.ends_with('.')));
    let kinds: std::collections::BTreeSet<&str> =
        cases.iter().flat_map(|(_, case)| case.expect.iter().map(|verdict| verdict.id.as_str())).collect();
    assert!(kinds.len() >= 40, "{} kinds of change", kinds.len());
    for kind in [
        "endpoint-",
        "request-parameter-",
        "request-property-",
        "response-property-",
        "became-required",
        "-type-",
        "enum-value-",
        "-max-length-",
        "media-type-",
        "-status-",
        "security-",
        "description-",
        "webhook-",
    ] {
        assert!(kinds.iter().any(|id| id.contains(kind)), "no case of {kind}");
    }
}
