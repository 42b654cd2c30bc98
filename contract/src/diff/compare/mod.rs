//! Two contracts in, findings out.
//!
//! `document` compares what holds for the whole contract, `operations` each operation, `schema` what is sent and
//! received. `place` says where a walk stands. No rule can keep quiet about a difference: each is handed the members
//! that differ, and what it takes without a finding is reported by `left`, like what no rule takes.

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

/// The differences between two corrected contracts, in the order of the new one. None exactly if both say the same.
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
