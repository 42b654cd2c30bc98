//! The reports of a run: on the terminal, and as JUnit, JSON and Markdown.

use std::{
    collections::HashSet,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use anyhow::Result;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::{
    outcome::{Finding, Finished, Outcome, Report, Violation},
    runner::Watch,
};
use crate::spec::{json::pretty, write::cell};

pub(crate) type Render = fn(&Report) -> Result<String>;

pub(crate) fn json(report: &Report) -> Result<String> {
    let mut document = serde_json::to_value(report)?;
    document["findings"] = serde_json::to_value(report.findings())?;
    pretty(&document)
}

/// Prints a line for each finished check, and on a terminal one for the running check.
pub(crate) struct Progress {
    is_terminal: bool,
    said: HashSet<String>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), said: HashSet::new() }
    }

    fn show(&self, text: &str) {
        if self.is_terminal {
            // Moves to the start of the line and clears it.
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
            let _ = io::stderr().flush();
        }
    }
}

impl Watch for Progress {
    fn begins(&mut self, check: &str, number: usize, of: usize) {
        self.show(&format!("[{number:3}/{of}] {check} … {} left", of - number));
    }

    fn ended(&mut self, done: &Finished, number: usize, of: usize) {
        let Finished { check, outcome, milliseconds, .. } = done;
        self.show("");
        say(&format!("[{number:3}/{of}] {:8} {check} ({milliseconds} ms)", outcome.label()));
        for line in lines(outcome) {
            // The summary counts repeated lines.
            if self.said.insert(line.clone()) {
                say(&format!("          {line}"));
            }
        }
    }
}

/// Returns the lines that explain an outcome.
fn lines(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Passed => Vec::new(),
        Outcome::Broken { violations } => violations.iter().map(line).collect(),
        Outcome::CorrectionUnneeded { reason }
        | Outcome::NetworkFailed { reason }
        | Outcome::Skipped { reason } => vec![reason.clone()],
    }
}

fn line(violation: &Violation) -> String {
    let Violation { operation, path, expected, came } = violation;
    format!("{operation} {path}: expected {expected}; came {came}")
}

/// Returns the number of checks with each outcome.
fn counts(report: &Report) -> [(&'static str, usize); 5] {
    [
        ("passed", report.count(|outcome| *outcome == Outcome::Passed)),
        ("broke the contract", report.count(|outcome| matches!(outcome, Outcome::Broken { .. }))),
        ("network failed", report.count(|outcome| matches!(outcome, Outcome::NetworkFailed { .. }))),
        (
            "correction no longer needed",
            report.count(|outcome| matches!(outcome, Outcome::CorrectionUnneeded { .. })),
        ),
        ("skipped", report.count(|outcome| matches!(outcome, Outcome::Skipped { .. }))),
    ]
}

pub(crate) fn summary(report: &Report) {
    say(&format!("\n{} against {}", report.target, report.document));
    for (what, count) in counts(report) {
        say(&format!("{count:5} {what}"));
    }
    for Finding { what, places } in report.findings() {
        let more = if places.len() > 1 { format!(" and {} more", places.len() - 1) } else { String::new() };
        say(&format!("found: {what}\n       in {}{more}", places[0]));
    }
    for left in &report.left {
        say(&format!("test card left behind: {left}"));
    }
    if report.interrupted {
        let stored =
            if report.left.is_empty() { "the stored test cards are deleted" } else { "test cards are left" };
        say(&format!("interrupted; {stored}"));
    }
}

fn say(line: &str) {
    // A closed standard output has no reader.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Renders JUnit XML, with one suite for each group of checks.
pub(crate) fn junit(report: &Report) -> Result<String> {
    let mut document = Document::new(format!("contract of {}", report.target));
    let mut groups: Vec<_> = report.checks.iter().map(|check| check.group).collect();
    groups.dedup();
    for group in groups {
        let mut suite = TestSuite::new(group);
        suite.add_test_cases(report.checks.iter().filter(|check| check.group == group).map(case));
        document.add_test_suite(suite);
    }
    Ok(document.to_string()?)
}

fn case(check: &Finished) -> TestCase {
    let text = lines(&check.outcome).join("\n");
    let failed = |kind, type_: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(type_).set_message(text.clone()).set_description(text.clone());
        status
    };
    let status = match &check.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Broken { .. } => failed(NonSuccessKind::Failure, "contract_broken"),
        Outcome::NetworkFailed { .. } => failed(NonSuccessKind::Error, "network_failed"),
        // Neither fails a build, so neither is a failure in JUnit.
        Outcome::CorrectionUnneeded { .. } => skipped(format!("correction no longer needed: {text}")),
        Outcome::Skipped { .. } => skipped(text),
    };
    let mut case = TestCase::new(check.check.clone(), status);
    case.set_classname(check.group).set_time(Duration::from_millis(check.milliseconds));
    case
}

fn skipped(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

/// The number of places that a finding names. The table of all checks has the others.
const PLACES: usize = 5;

/// Renders counts, findings and all checks as Markdown, for a pull request.
pub(crate) fn markdown(report: &Report) -> Result<String> {
    let mut text = format!(
        "# Contract of {}\n\n{}\n\n| outcome | checks |\n|---|---|\n",
        report.target, report.document
    );
    for (what, count) in counts(report) {
        writeln!(text, "| {what} | {count} |")?;
    }
    for left in &report.left {
        writeln!(text, "\nLeft behind: {}", cell(left))?;
    }
    let mut rows = String::new();
    for Finding { what, places } in report.findings() {
        let shown: Vec<_> = places.iter().take(PLACES).map(|place| format!("`{place}`")).collect();
        writeln!(rows, "| {} | {} | {} |", cell(&what), places.len(), cell(&shown.join(", ")))?;
    }
    if !rows.is_empty() {
        text += "\n## Findings\n\n| what | checks | the first of them |\n|---|---|---|\n";
        text += &rows;
    }
    text += "\n## All checks\n\n| check | outcome | |\n|---|---|---|\n";
    for check in &report.checks {
        let said = cell(&lines(&check.outcome).join("; "));
        writeln!(text, "| `{}` | {} | {said} |", check.check, check.outcome.label())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let violation = Violation {
            operation: "get_card".into(),
            path: "/data/<x>|y".into(),
            expected: "required".into(),
            came: "absent".into(),
        };
        let outcomes = [
            Outcome::Passed,
            Outcome::Broken { violations: vec![violation] },
            Outcome::CorrectionUnneeded { reason: "mended".into() },
            Outcome::NetworkFailed { reason: "refused".into() },
            Outcome::Skipped { reason: "needs more".into() },
        ];
        let checks = outcomes.into_iter().enumerate().map(|(number, outcome)| Finished {
            check: format!("check{number}"),
            group: "behaviour",
            outcome,
            milliseconds: 1,
        });
        Report {
            target: "a target".into(),
            document: "a document".into(),
            checks: checks.collect(),
            left: Vec::new(),
            interrupted: false,
        }
    }

    #[test]
    fn every_outcome_is_in_every_report() {
        let report = report();
        let junit = junit(&report).unwrap();
        // One failure for one broken check. An outcome that the exit status allows is not a failure.
        for part in ["/data/&lt;x&gt;", "<error", "<skipped", "correction no longer needed", "failures=\"1\""]
        {
            assert!(junit.contains(part), "{part}: {junit}");
        }
        let markdown = markdown(&report).unwrap();
        for part in ["/data/<x>\\|y", "mended", "refused", "needs more", "| passed | 1 |"] {
            assert!(markdown.contains(part), "{part}: {markdown}");
        }
        let json = json(&report).unwrap();
        for part in ["broken", "correction_unneeded", "network_failed", "skipped", "passed"] {
            assert!(json.contains(&format!("\"outcome\": \"{part}\"")), "{part}: {json}");
        }
    }

    #[test]
    fn one_cause_is_one_finding_with_all_its_places() {
        let mut report = report();
        report.checks.clear();
        for number in 0..50 {
            let refused = |expected: &str| Violation {
                operation: "get_card".into(),
                path: "status".into(),
                expected: expected.into(),
                came: "401".into(),
            };
            let outcomes = [
                Outcome::Broken { violations: vec![refused(if number % 2 == 0 { "200" } else { "404" })] },
                Outcome::NetworkFailed {
                    reason: format!("{}: refused", ["get_card", "create_card"][number % 2]),
                },
            ];
            report.checks.extend(outcomes.map(|outcome| Finished {
                check: format!("check{number}"),
                group: "behaviour",
                outcome,
                milliseconds: 1,
            }));
        }
        let findings = report.findings();
        let counts: Vec<_> = findings.iter().map(|found| (found.what.as_str(), found.places.len())).collect();
        assert_eq!(counts, [("status: came 401", 50), ("refused", 50)]);
    }

    #[test]
    fn the_gravest_outcome_is_the_exit_status() {
        let mut report = report();
        let mut statuses = vec![report.exit_status()];
        for gravest in [1, 2, 1] {
            report.checks.remove(gravest);
            statuses.push(report.exit_status());
        }
        assert_eq!(statuses, [1, 4, 3, 0]);
        report.left.push("CRD1".into());
        assert_eq!(report.exit_status(), 4);
        report.interrupted = true;
        assert_eq!(report.exit_status(), 130);
    }
}
