//! Compares two contracts and returns findings.
//!
//! `document` compares what applies to the whole contract. `operations` compares each operation, and `schema`
//! compares the values that are sent and received. `place` describes the position of a walk. A rule can't hide a
//! difference: each rule receives the members that differ, and `left` reports them if the rule makes no finding.
//! `left` also reports the differences that no rule covers.

mod content;
mod document;
mod finding;
mod left;
mod operations;
mod parameters;
mod place;
mod schema;
mod security;

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use finding::Compare;
pub(crate) use finding::{Finding, Target};
pub(crate) use operations::template;
pub(crate) use place::{Operation, Part, Place, Step};
use serde_json::Value;

use super::equal::graph;

/// Returns the differences between two corrected contracts, in the order of the new one. The list is empty exactly if
/// both contracts mean the same.
pub(crate) fn compare(old: &Value, new: &Value) -> Result<Vec<Finding>> {
    Ok(compared(old, new)?.findings)
}

fn compared<'d>(old: &'d Value, new: &'d Value) -> Result<Compare<'d>> {
    let (graph, old, new) = graph(old, new)?;
    let mut compare = Compare {
        graph,
        old,
        new,
        findings: Vec::new(),
        said: 0,
        judged: HashMap::new(),
        walked: HashSet::new(),
    };
    if !compare.graph.same(compare.old.node, compare.new.node) {
        compare.document();
        if compare.findings.is_empty() {
            let (old, new) = (compare.old.node, compare.new.node);
            compare.leave(&Target::Contract, &[old], &[new]);
        }
    }
    Ok(compare)
}

#[cfg(test)]
mod tests;
