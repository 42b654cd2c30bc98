use std::fmt::Write as _;

use anyhow::Result;

use super::{counts, lines};
use crate::contract::outcome::{Outcome, Report};

/// Counts, what was broken, and what else is not simply passed: fit for a pull request.
pub(crate) fn markdown(report: &Report) -> Result<String> {
    let mut text = format!(
        "# Contract of {}\n\n{}\n\n| outcome | checks |\n|---|---|\n",
        report.target, report.document
    );
    for (what, count) in counts(report) {
        writeln!(text, "| {what} | {count} |")?;
    }
    let broken = report.checks.iter().filter_map(|check| match &check.outcome {
        Outcome::Broken { violations } => Some((check, violations)),
        _ => None,
    });
    let mut rows = String::new();
    for (check, violations) in broken {
        for v in violations {
            let (path, expected, came) = (cell(&v.path), cell(&v.expected), cell(&v.came));
            writeln!(rows, "| `{}` | `{}` | `{path}` | {expected} | {came} |", check.check, v.operation)?;
        }
    }
    if !rows.is_empty() {
        text += "\n## Broken\n\n| check | operation | where | the contract says | what came |\n|---|---|---|---|---|\n";
        text += &rows;
    }
    text += "\n## All checks\n\n| check | outcome | |\n|---|---|---|\n";
    for check in &report.checks {
        let said = match &check.outcome {
            Outcome::Broken { violations } => format!("{} violations", violations.len()),
            outcome => cell(&lines(outcome).join("; ")),
        };
        writeln!(text, "| `{}` | {} | {said} |", check.check, check.outcome.label())?;
    }
    Ok(text)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
