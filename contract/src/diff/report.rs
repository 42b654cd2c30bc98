//! Renders a comparison for the terminal, for a pull request, and for programs.

use std::fmt::Write as _;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use super::{
    change::{Change, Level},
    comparison::Comparison,
};
use crate::spec::write::{cell, plain};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    /// For the description of a pull request.
    Markdown,
}

const LEVELS: [Level; 4] = [Level::Breaking, Level::Unclassified, Level::Additive, Level::Documentation];

pub(crate) fn render(comparison: &Comparison, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => text(comparison),
        Format::Json => serde_json::to_string_pretty(comparison)? + "\n",
        Format::Markdown => markdown(comparison),
    })
}

fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    let mut line = |text: &str| put(&mut out, &plain(text));
    for change in in_order(&comparison.changes) {
        let who = word(&change.side);
        line(&format!("{:<13} {} (for {who})", word(&change.level), change.id));
        line(&format!("              {}{}", operations(change, ", "), change.text));
        line(&format!("              at {}", change.at));
        for item in items(change) {
            line(&format!("              Rust: {item}"));
        }
    }
    for problem in &comparison.problems {
        line(&format!("note          {problem}"));
    }
    line(&summary(comparison));
    out
}

fn markdown(comparison: &Comparison) -> String {
    let mut out = String::new();
    put(&mut out, &format!("### Contract: {}", summary(comparison)));
    for level in LEVELS {
        let changes: Vec<&Change> = comparison.changes.iter().filter(|c| c.level == level).collect();
        if changes.is_empty() {
            continue;
        }
        put(&mut out, &format!("\n#### {}\n", capitalised(&word(&level))));
        put(&mut out, "| change | for | where | Rust items |\n|---|---|---|---|");
        for change in changes {
            let rust: Vec<String> = items(change).map(|item| format!("`{item}`")).collect();
            let place = cell(&format!("{}{}", operations(change, "<br>"), change.text));
            put(
                &mut out,
                &format!("| `{}` | {} | {place} | {} |", change.id, word(&change.side), rust.join("<br>")),
            );
        }
    }
    if !comparison.problems.is_empty() {
        put(&mut out, "\n#### To settle\n");
        comparison.problems.iter().for_each(|problem| put(&mut out, &format!("* {}", plain(problem))));
    }
    out
}

pub(crate) fn summary(comparison: &Comparison) -> String {
    if comparison.changes.is_empty() {
        return "no change".to_owned();
    }
    let count = |level| comparison.changes.iter().filter(|change| change.level == level).count();
    let parts = LEVELS.iter().map(|level| (count(*level), word(level))).filter(|(count, _)| *count > 0);
    parts.map(|(count, level)| format!("{count} {level}")).collect::<Vec<_>>().join(", ")
}

/// Returns the changes, the heaviest first.
pub(crate) fn in_order(changes: &[Change]) -> Vec<&Change> {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| std::cmp::Reverse(change.level));
    sorted
}

pub(crate) fn items(change: &Change) -> impl Iterator<Item = &String> {
    change.items.generated.iter().chain(&change.items.facade)
}

fn operations(change: &Change, separator: &str) -> String {
    // If the operation itself changes, the text of the change already names the operation.
    match &change.operations[..] {
        [one] if change.text.starts_with(one.as_str()) => String::new(),
        [] => String::new(),
        many => format!("{}: ", many.join(separator)),
    }
}

/// Returns the name of a value in the JSON form.
pub(crate) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn capitalised(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

fn put(out: &mut String, line: &str) {
    // Writing to a string never fails.
    let _ = writeln!(out, "{line}");
}
