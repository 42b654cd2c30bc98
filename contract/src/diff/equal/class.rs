//! Gives equal nodes equal numbers.
//!
//! If all parts of a node have numbers, they determine the node's own number. The remaining nodes lead into a cycle.
//! These nodes start with equal numbers. They are separated as long as the parts of two of them differ (partition
//! refinement).

use std::collections::HashMap;

use super::graph::{Graph, Id, Shape};

/// The shape of a node, and what it contains: its text, or its keys and the numbers of its parts.
type Signature = (u8, Vec<u32>);

pub(super) fn classes(graph: &Graph<'_>) -> Vec<u32> {
    let count = graph.nodes.len();
    let mut users: Vec<Vec<Id>> = vec![Vec::new(); count];
    let mut missing = vec![0_usize; count];
    for (id, missing) in missing.iter_mut().enumerate() {
        for part in parts(graph, id) {
            users[part].push(id);
            *missing += 1;
        }
    }
    let mut classes = vec![0_u32; count];
    let mut known: HashMap<Signature, u32> = HashMap::new();
    let mut ready: Vec<Id> = (0..count).filter(|id| missing[*id] == 0).collect();
    while let Some(id) = ready.pop() {
        let next = number(known.len() + 1);
        classes[id] = *known.entry(signature(graph, &classes, id)).or_insert(next);
        for user in &users[id] {
            missing[*user] -= 1;
            if missing[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    let cyclic: Vec<Id> = (0..count).filter(|id| missing[*id] > 0).collect();
    part(graph, &mut classes, number(known.len() + 1), cyclic, &users, &missing);
    classes
}

fn part(
    graph: &Graph<'_>,
    classes: &mut [u32],
    first: u32,
    cyclic: Vec<Id>,
    users: &[Vec<Id>],
    missing: &[usize],
) {
    let mut members: HashMap<u32, usize> = HashMap::from([(first, cyclic.len())]);
    let mut next = first + 1;
    for id in &cyclic {
        classes[*id] = first;
    }
    let mut doubtful = cyclic;
    while !doubtful.is_empty() {
        // All signatures use the classes from before this round.
        let mut groups: HashMap<u32, HashMap<Signature, Vec<Id>>> = HashMap::new();
        for id in doubtful.drain(..) {
            let signature = signature(graph, classes, id);
            groups.entry(classes[id]).or_default().entry(signature).or_default().push(id);
        }
        for (class, groups) in groups {
            let mut groups: Vec<Vec<Id>> = groups.into_values().collect();
            groups.sort_unstable_by_key(Vec::len);
            let touched: usize = groups.iter().map(Vec::len).sum();
            if touched == members[&class] {
                // The largest group keeps its class.
                groups.pop();
            }
            for group in groups {
                if let Some(size) = members.get_mut(&class) {
                    *size -= group.len();
                }
                members.insert(next, group.len());
                for id in group {
                    classes[id] = next;
                    doubtful.extend(users[id].iter().filter(|user| missing[**user] > 0));
                }
                next += 1;
            }
        }
        doubtful.sort_unstable();
        doubtful.dedup();
    }
}

fn parts(graph: &Graph<'_>, id: Id) -> Vec<Id> {
    match &graph.nodes[id].shape {
        Shape::Leaf(_) => Vec::new(),
        Shape::Map(members) => members.iter().map(|(_, id)| *id).collect(),
        Shape::List(ids) | Shape::Bag(ids) | Shape::Set(ids) => ids.clone(),
        Shape::Schema(schema) => schema.all.iter().map(|(_, id)| *id).collect(),
    }
}

fn signature(graph: &Graph<'_>, classes: &[u32], id: Id) -> Signature {
    let numbers = |ids: &[Id]| ids.iter().map(|id| classes[*id]).collect::<Vec<u32>>();
    match &graph.nodes[id].shape {
        Shape::Leaf(text) => (0, vec![*text]),
        Shape::List(ids) => (1, numbers(ids)),
        Shape::Bag(ids) => {
            let mut numbers = numbers(ids);
            numbers.sort_unstable();
            (2, numbers)
        }
        Shape::Set(ids) => {
            let mut numbers = numbers(ids);
            numbers.sort_unstable();
            numbers.dedup();
            (3, numbers)
        }
        Shape::Map(members) => (4, keyed(members.iter(), classes)),
        Shape::Schema(schema) => (5, keyed(schema.all.iter(), classes)),
    }
}

fn keyed<'a>(members: impl Iterator<Item = &'a (u32, Id)>, classes: &[u32]) -> Vec<u32> {
    let mut pairs: Vec<(u32, u32)> = members.map(|(key, id)| (*key, classes[*id])).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into_iter().flat_map(|(key, class)| [key, class]).collect()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
