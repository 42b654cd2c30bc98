//! How a run went: on the terminal, and as files.

mod junit;
mod markdown;

use std::io::{self, Write};

use anyhow::Result;

pub(crate) use junit::junit;
pub(crate) use markdown::markdown;

use super::outcome::{Finished, Outcome, Report, Violation};

pub(crate) type Render = fn(&Report) -> Result<String>;

pub(crate) fn json(report: &Report) -> Result<String> {
    crate::spec::json::pretty(&serde_json::to_value(report)?)
}

pub(crate) fn progress(done: &Finished, number: usize, of: usize) {
    let Finished { check, outcome, milliseconds, .. } = done;
    say(&format!("[{number:3}/{of}] {:8} {check} ({milliseconds} ms)", outcome.label()));
    for line in lines(outcome) {
        say(&format!("          {line}"));
    }
}

/// What there is to say of an outcome, one line each.
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

/// The number of checks of each outcome, in the order of their weight.
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
}

fn say(line: &str) {
    // Nobody is left to tell if standard output is closed.
    let _ = writeln!(io::stdout(), "{line}");
}

pub(crate) fn to_stderr(line: &str) {
    // The same holds for standard error.
    let _ = writeln!(io::stderr(), "{line}");
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
        Report { target: "a target".into(), document: "a document".into(), checks: checks.collect() }
    }

    #[test]
    fn every_outcome_is_in_every_report() {
        let report = report();
        let junit = junit(&report).unwrap();
        for part in ["/data/&lt;x&gt;", "<error", "<skipped", "correction_no_longer_needed", "failures=\"2\""]
        {
            assert!(junit.contains(part), "{part}: {junit}");
        }
        let markdown = markdown(&report).unwrap();
        for part in ["`/data/<x>\\|y`", "mended", "refused", "needs more", "| passed | 1 |"] {
            assert!(markdown.contains(part), "{part}: {markdown}");
        }
        let json = json(&report).unwrap();
        for part in ["broken", "correction_unneeded", "network_failed", "skipped", "passed"] {
            assert!(json.contains(&format!("\"outcome\": \"{part}\"")), "{part}: {json}");
        }
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
    }
}
