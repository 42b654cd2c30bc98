//! What a change of the contract means: for callers, for readers, and for the Rust items of this workspace.
//!
//! The walker is our own: `drift` 0.2 yields "Unhandled" for every new member, enum value, limit and requiredness of the
//! lowered documents (tried on them), and the lowered documents no longer have media types, statuses or security.
//! Change ids are oasdiff's where it has one; it says nothing of descriptions, servers and the like, which are named in
//! the same manner. A webhook is judged as an answer is: the service sends it, users read it.
//!
//! `equal` says when two contracts say the same. `compare` has the rules, and reports what they leave over as changed,
//! not classified. So "no change" is never the answer to two contracts that are not equal.

pub(crate) mod change;
pub(crate) mod compare;
mod equal;
pub(crate) mod items;
pub(crate) mod prepare;
pub(crate) mod report;
mod source;

use std::collections::HashMap;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::spec::files::Layout;
use crate::spec::write;
use change::{Change, Items, Level, Side, add_new};
use compare::{Finding, Target};
use items::{Facade, Naming};
use prepare::Prepared;
use report::Format;

/// What `cargo xtask spec diff` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "The exit status says what the heaviest change is: 0 none, or lighter than --fail-on; \
                        10 documentation; 20 additive; 25 changed, not classified: no rule knows what it means; \
                        30 breaking. 1 and 2 are errors."
)]
pub struct Arguments {
    /// What was: an OpenAPI file, a folder of fragments or pages, a page, or a git revision (`rev:NAME` to be sure).
    old: String,
    /// What is, given in the same ways. A page is laid over the fragments of this workspace.
    new: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The lightest change that gives an exit status other than 0.
    #[arg(long, value_enum, default_value = "additive")]
    fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Breaking changes, and those that no rule classifies: they may be.
    Breaking,
    Additive,
    /// Changes of the documentation too.
    Any,
}

/// Two contracts, compared.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) changes: Vec<Change>,
    /// What `spec merge` would refuse in the new contract.
    pub(crate) problems: Vec<String>,
}

impl Comparison {
    pub(crate) fn of(old: &Prepared, new: &Prepared, facade: &Facade) -> Result<Self> {
        let naming = Naming::new(old.lowered.as_ref(), new.lowered.as_ref(), facade);
        let findings = compare::compare(&old.contract, &new.contract)?;
        Ok(Self { changes: grouped(&findings, &naming), problems: new.problems.clone() })
    }

    pub(crate) fn level(&self) -> Option<Level> {
        self.changes.iter().map(|change| change.level).max()
    }
}

/// Compares, prints, and ends the process with the status that the arguments ask for.
pub(crate) fn run(arguments: &Arguments, layout: &Layout) -> Result<()> {
    let (old, new) = (source::load(layout, &arguments.old)?, source::load(layout, &arguments.new)?);
    let comparison = Comparison::of(&old, &new, &Facade::read(&layout.root)?)?;
    write::to_stdout(&report::render(&comparison, arguments.format)?)?;
    match status(comparison.level(), arguments.fail_on) {
        0 => Ok(()),
        status => std::process::exit(status),
    }
}

fn status(level: Option<Level>, fail_on: FailOn) -> i32 {
    let least = match fail_on {
        FailOn::Breaking => Level::Unclassified,
        FailOn::Additive => Level::Additive,
        FailOn::Any => Level::Documentation,
    };
    match level {
        Some(level) if level >= least => match level {
            Level::Documentation => 10,
            Level::Additive => 20,
            Level::Unclassified => 25,
            Level::Breaking => 30,
        },
        _ => 0,
    }
}

/// One change for findings that are the same at the same place, reached by several operations.
fn grouped(findings: &[Finding], naming: &Naming<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut known: HashMap<(&str, &str, Side, Level), usize> = HashMap::new();
    for finding in findings {
        let (operations, member) = match &finding.target {
            Target::Contract => (Vec::new(), String::new()),
            Target::Operation(operation) => (vec![operation.label()], String::new()),
            Target::Member(place) | Target::Values(place, _) => {
                (vec![place.operation.label()], place.member())
            }
        };
        let items = naming.items(&finding.target);
        let key = (finding.id.as_str(), finding.at.as_str(), finding.side, finding.level);
        match known.get(&key).map(|index| &mut changes[*index]) {
            Some(change) => {
                add_new(&mut change.operations, operations);
                change.items.extend(items);
            }
            None => {
                known.insert(key, changes.len());
                changes.push(new_change(finding, operations, member, items));
            }
        }
    }
    changes
}

fn new_change(finding: &Finding, operations: Vec<String>, member: String, items: Items) -> Change {
    Change {
        id: finding.id.clone(),
        level: finding.level,
        side: finding.side,
        operations,
        member,
        at: finding.at.clone(),
        text: finding.text.clone(),
        items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_that_of_the_heaviest_change_unless_it_is_too_light() {
        assert_eq!(status(None, FailOn::Any), 0);
        assert_eq!(status(Some(Level::Documentation), FailOn::Any), 10);
        assert_eq!(status(Some(Level::Documentation), FailOn::Additive), 0);
        assert_eq!(status(Some(Level::Additive), FailOn::Additive), 20);
        assert_eq!(status(Some(Level::Additive), FailOn::Breaking), 0);
        assert_eq!(status(Some(Level::Unclassified), FailOn::Additive), 25);
        assert_eq!(status(Some(Level::Unclassified), FailOn::Breaking), 25);
        assert_eq!(status(Some(Level::Breaking), FailOn::Breaking), 30);
    }
}
