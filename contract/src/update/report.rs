//! The report of an update: what a person has to review, and which steps remain.

use std::collections::BTreeMap;

use anyhow::Result;

use super::build::Build;
use crate::{
    diff::{
        change::Level,
        comparison::Comparison,
        prepare::Prepared,
        report::{self, Format},
    },
    spec::write::plain,
};

/// The result of an update.
pub(super) struct Outcome {
    /// Pages that could not be fetched, each with the reason.
    pub(super) unreached: Vec<String>,
    pub(super) comparison: Comparison,
    /// The reasons why the workspace can't take the new documents.
    pub(super) obstacles: Vec<String>,
    /// `None` if nothing was built.
    pub(super) build: Option<Build>,
    pub(super) version: String,
    /// The remaining steps for new operations, each with its file.
    pub(super) left: Vec<String>,
    pub(super) ending: Ending,
}

/// How an update ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The pages have not changed.
    NothingNew,
    Updated,
    /// The update would succeed.
    DryRun,
    Untouched,
}

pub(super) fn render(outcome: &Outcome) -> Result<String> {
    let mut out = report::render(&outcome.comparison, Format::Text)?;
    section(&mut out, "Pages that could not be fetched", &outcome.unreached);
    section(&mut out, "Changed operations", &operations(outcome));
    section(&mut out, "New enum values", &new_values(outcome));
    let (corrections, rest): (Vec<_>, Vec<_>) =
        outcome.obstacles.iter().cloned().partition(|obstacle| obstacle.contains("openapi/corrections/"));
    section(&mut out, "Corrections that no longer apply", &corrections);
    section(&mut out, "To settle in openapi", &rest);
    if let Some(build) = &outcome.build {
        section(&mut out, "Facade code that no longer compiles", &build.errors);
        section(&mut out, "The build failed", &build.failure);
        section(&mut out, "Contract tests that pass", &build.passed);
        let shown = |failed: &[(String, Vec<String>)]| -> Vec<String> {
            failed.iter().map(|(name, lines)| format!("{name}\n    {}", lines.join("\n    "))).collect()
        };
        section(&mut out, "Contract tests that fail", &shown(&build.failed));
        section(&mut out, "Tests that fail until the new operations are everywhere", &shown(&build.open));
    }
    out += &format!("\nProposed version: {}\n{}\n", outcome.version, ending(outcome.ending));
    section(&mut out, "Left to do for new operations", &outcome.left);
    Ok(out)
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        *out += &format!("\n{title}:\n  {}\n", lines.join("\n  "));
    }
}

/// Returns each operation with the level of its most severe change.
fn operations(outcome: &Outcome) -> Vec<String> {
    let mut heaviest: BTreeMap<&String, Level> = BTreeMap::new();
    for change in &outcome.comparison.changes {
        for operation in &change.operations {
            let level = heaviest.entry(operation).or_insert(change.level);
            *level = change.level.max(*level);
        }
    }
    heaviest
        .iter()
        .map(|(operation, level)| plain(&format!("{operation} ({})", report::word(level))))
        .collect()
}

fn new_values(outcome: &Outcome) -> Vec<String> {
    let added = outcome.comparison.changes.iter().filter(|change| change.id.ends_with("enum-value-added"));
    added
        .map(|change| {
            let items: Vec<&str> = report::items(change).map(String::as_str).collect();
            plain(&format!("{} ({})", change.text, items.join(", ")))
        })
        .collect()
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::NothingNew => "Nothing to do: the pages say what they said before.",
        Ending::Updated => "The workspace is updated.",
        Ending::DryRun => "The workspace could be updated (dry run: it is untouched).",
        Ending::Untouched => "The workspace can't be updated yet.",
    }
}

/// The steps that no test requires, by file. The facts come first, because tests depend on them.
const STEPS: [(&str, &str); 3] = [
    ("openapi/operations.toml", "its facts: retry class, scope, advice"),
    ("tests/src/lib.rs", "one call of it"),
    ("CHANGELOG.md", "a line for users"),
];
const THE_REST: &str = "  and its method in cmp/src, its endpoint in cmp-simulator/src/api, `cargo xtask spec merge`, and `cargo xtask api`; \
                        `cargo xtask ci` names what is missing";

/// Returns the steps for each new operation. Until they are done, `cmp.raw()` can call the operation with
/// `Operation::Unlisted`.
pub(super) fn left_to_do(comparison: &Comparison, after: &Prepared) -> Vec<String> {
    let new = comparison.changes.iter().filter(|change| change.id == "endpoint-added");
    let operations = new.flat_map(|change| &change.operations);
    operations.flat_map(|operation| steps(operation, &name(operation, after))).collect()
}

fn steps(operation: &str, name: &str) -> Vec<String> {
    let steps = STEPS.iter().map(|(file, what)| format!("  {file}: {what}"));
    let head = plain(operation) + &format!(" ({name}; until then by `cmp.raw()` with `Operation::Unlisted`)");
    std::iter::once(head).chain(steps).chain([THE_REST.to_owned()]).collect()
}

/// Returns the generated client's name for `METHOD /path`.
fn name(operation: &str, after: &Prepared) -> String {
    let (method, path) = operation.split_once(' ').unwrap_or_default();
    let lowered =
        after.lowered.as_ref().map(|lowered| &lowered["paths"][path][method.to_lowercase()]["operationId"]);
    lowered.and_then(|name| name.as_str()).unwrap_or("without a name yet").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_steps_are_there() {
        let root = crate::spec::files::Layout::of_tests().root;
        for (file, what) in STEPS {
            assert!(root.join(file).is_file(), "{file}: {what}");
        }
    }
}
