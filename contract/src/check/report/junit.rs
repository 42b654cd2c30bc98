use std::time::Duration;

use anyhow::Result;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::lines;
use crate::check::outcome::{Finished, Outcome, Report};

/// One suite a group of checks.
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
        // Neither fails a build, so that neither is a failure here.
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
