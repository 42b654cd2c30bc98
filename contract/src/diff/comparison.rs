//! Compares two contracts, and names the Rust items behind each change.

use std::collections::HashMap;

use anyhow::Result;
use serde::Serialize;

use super::{
    change::{Change, Items, Level, Side, add_new},
    compare::{self, Finding, Target},
    items::{Facade, Naming},
    prepare::Prepared,
};

/// The result of a comparison of two contracts.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) changes: Vec<Change>,
    /// The problems for which `spec merge` would refuse the new contract.
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

/// Merges equal findings at one place into one change. Several operations may reach the same place.
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
