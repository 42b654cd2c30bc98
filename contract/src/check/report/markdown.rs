use std::fmt::Write as _;

use anyhow::Result;

use super::{counts, lines};
use crate::check::outcome::{Finding, Report};

/// So many places of a finding are named; the table of all checks has the rest.
const PLACES: usize = 5;

/// Counts, findings, and all checks: fit for a pull request.
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

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
