//! Collects the keywords of a schema, of its references, and of the branches of its `allOf`.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::{
    graph::{Graph, Id, Schema, Shape, Symbol},
    kind::Kind,
    reader::NOTHING,
    schema::{LISTED, OPEN, SEPARATOR},
};

/// The maximum number of schemas that one schema may combine.
const MOST_PARTS: usize = 8000;

pub(super) fn close(graph: &mut Graph<'_>) -> Result<()> {
    // For each schema, the schema for which it was last gathered.
    let mut seen = vec![None; graph.nodes.len()];
    for id in 0..graph.nodes.len() {
        let Shape::Schema(schema) = &graph.nodes[id].shape else { continue };
        let mut all = match schema.parts.is_empty() {
            true => schema.own.clone(),
            false => gathered(graph, id, &mut seen)?,
        };
        additional(graph, &mut all);
        whole_bounds(graph, &mut all);
        if let Shape::Schema(schema) = &mut graph.nodes[id].shape {
            schema.all = all;
        }
    }
    without_open(graph);
    Ok(())
}

/// Drops keywords whose schema allows everything. This repeats, because a schema may allow everything only after its
/// own keywords are dropped.
fn without_open(graph: &mut Graph<'_>) {
    let keys = OPEN.map(|key| graph.symbol(key));
    loop {
        let says_nothing =
            |id: Id| matches!(&graph.nodes[id].shape, Shape::Schema(schema) if schema.all.is_empty());
        let empty: Vec<bool> = (0..graph.nodes.len()).map(says_nothing).collect();
        let mut dropped = false;
        for node in &mut graph.nodes {
            if let Shape::Schema(schema) = &mut node.shape {
                let before = schema.all.len();
                schema.all.retain(|(key, id)| !(keys.contains(key) && empty[*id]));
                dropped |= schema.all.len() < before && schema.all.is_empty();
            }
        }
        if !dropped {
            break;
        }
    }
}

fn gathered(graph: &mut Graph<'_>, id: Id, seen: &mut [Option<Id>]) -> Result<Vec<(Symbol, Id)>> {
    let all_of = graph.symbol("allOf");
    let (mut all, mut count, mut open) = (Vec::new(), 0, vec![(id, true)]);
    while let Some((part, alone)) = open.pop() {
        let Shape::Schema(Schema { own, parts, is_closed, .. }) = &graph.nodes[part].shape else { continue };
        if *is_closed && !alone {
            all.push((all_of, part));
            continue;
        }
        if seen[part].replace(id) == Some(id) {
            continue;
        }
        count += 1;
        ensure!(
            count <= MOST_PARTS,
            "{}: a schema of more than {MOST_PARTS} schemas, by references and allOf, can't be compared",
            graph.nodes[id].at
        );
        all.extend(own);
        let is_only = alone && own.is_empty() && parts.len() == 1;
        open.extend(parts.iter().rev().map(|part| (*part, is_only)));
    }
    Ok(all)
}

/// Records the members that only other schemas list. An `additionalProperties` also applies to them, because it
/// applies to every member that its own schema doesn't list.
fn additional(graph: &mut Graph<'_>, all: &mut Vec<(Symbol, Id)>) {
    let listed = graph.symbol(LISTED);
    if !all.iter().any(|(key, _)| *key == listed) {
        return;
    }
    let beside = graph.symbol("additionalProperties/beside");
    let name = |key: Symbol| {
        let key = graph.texts[key as usize].as_str();
        let name = key.strip_prefix("properties/").or_else(|| key.strip_prefix("patternProperties/"))?;
        Some(name.to_owned())
    };
    let names: BTreeSet<String> = all.iter().filter_map(|(key, _)| name(*key)).collect();
    let mut out = Vec::new();
    for (key, id) in std::mem::take(all) {
        if key != listed {
            out.push((key, id));
            continue;
        }
        let covered: BTreeSet<&str> = graph.text(id).unwrap_or_default().split(SEPARATOR).collect();
        let rest: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !covered.contains(name)).collect();
        if !rest.is_empty() {
            let (at, text) = (graph.nodes[id].at.clone(), rest.join(SEPARATOR));
            out.push((beside, graph.leaf(at, Kind::Json, &NOTHING, &text)));
        }
    }
    *all = out;
}

/// Converts the bounds of an integer to the least and the greatest integer allowed.
fn whole_bounds(graph: &mut Graph<'_>, all: &mut [(Symbol, Id)]) {
    let [types, bounds @ ..] =
        ["type", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"].map(|key| graph.symbol(key));
    if !all.iter().any(|(key, _)| bounds.contains(key)) {
        return;
    }
    let excludes_fractions = |id: Id| {
        let names: Vec<_> = graph.elements(id).iter().filter_map(|id| graph.text(*id)).collect();
        names.contains(&"\"integer\"")
    };
    if !all.iter().any(|(key, id)| *key == types && excludes_fractions(*id)) {
        return;
    }
    let [minimum, exclusive_minimum, maximum, _] = bounds;
    for (key, id) in all.iter_mut().filter(|(key, _)| bounds.contains(key)) {
        let Some(bound) = graph.value(*id).as_f64().filter(|bound| bound.abs() < 9e15) else { continue };
        let is_lower = *key == minimum || *key == exclusive_minimum;
        let least = match *key {
            key if key == minimum => bound.ceil(),
            key if key == maximum => bound.floor(),
            key if key == exclusive_minimum => bound.floor() + 1.0,
            _ => bound.ceil() - 1.0,
        };
        *key = if is_lower { minimum } else { maximum };
        let node = &graph.nodes[*id];
        let (at, kind, value) = (node.at.clone(), node.kind, node.value);
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let text = (least as i64).to_string();
        *id = graph.leaf(at, kind, value, &text);
    }
}
