//! Finds the differences that no rule covers, member by member and through references.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::{
    diff::equal::{Graph, Id, canonical},
    spec::json::below,
};

/// A place where two contracts differ and no rule covers the difference.
#[derive(Debug, Clone)]
pub(super) struct Left {
    pub(super) at: String,
    pub(super) text: String,
    /// Whether nothing on the wire depends on the difference.
    pub(super) is_words: bool,
}

/// Returns the places below `old` and `new` that differ. Both are lists, because several schemas may describe one
/// value.
pub(super) fn left(graph: &Graph<'_>, old: &[Id], new: &[Id]) -> Vec<Left> {
    let mut walk = Walk { graph, seen: HashSet::new(), open: Vec::new(), found: Vec::new() };
    walk.match_up(old, new, false);
    while let Some(pair) = walk.open.pop() {
        match pair {
            (Some(old), Some(new)) => walk.pair(old, new),
            (Some(old), None) => walk.put(graph.at(old), format!("{} is gone", walk.shown(old)), &[old]),
            (None, Some(new)) => walk.put(graph.at(new), format!("{} is new", walk.shown(new)), &[new]),
            (None, None) => {}
        }
    }
    if let (true, Some(id)) = (walk.found.is_empty(), new.first().or(old.first())) {
        walk.put(graph.at(*id), "written in another way".to_owned(), &[]);
    }
    walk.found.reverse();
    walk.found
}

struct Walk<'g, 'd> {
    graph: &'g Graph<'d>,
    seen: HashSet<(Id, Id)>,
    open: Vec<(Option<Id>, Option<Id>)>,
    found: Vec<Left>,
}

impl Walk<'_, '_> {
    fn put(&mut self, at: &str, text: String, nodes: &[Id]) {
        let is_words = !nodes.is_empty() && nodes.iter().all(|id| self.graph.kind(*id).is_words());
        self.found.push(Left { at: at.to_owned(), text, is_words });
    }

    fn shown(&self, id: Id) -> String {
        short(self.graph.value(id))
    }

    /// Leaves out the nodes that both lists contain, and pairs the rest in order. With `repetitions_count`, each node
    /// needs an equal node of its own.
    fn match_up(&mut self, old: &[Id], new: &[Id], repetitions_count: bool) {
        let [mut gone, mut come] = [(old, new), (new, old)].map(|(these, others)| {
            let mut counts: HashMap<u32, usize> = HashMap::new();
            for id in others {
                *counts.entry(self.graph.class(*id)).or_default() += 1;
            }
            let mut rest = Vec::new();
            for id in these {
                match counts.get_mut(&self.graph.class(*id)) {
                    Some(count) if *count > 0 => *count -= usize::from(repetitions_count),
                    _ => rest.push(*id),
                }
            }
            rest
        });
        let pairs = gone.len().max(come.len());
        gone.reverse();
        come.reverse();
        let pairs: Vec<_> = (0..pairs).map(|_| (gone.pop(), come.pop())).collect();
        self.open.extend(pairs.into_iter().rev());
    }

    fn pair(&mut self, old: Id, new: Id) {
        let graph = self.graph;
        if graph.same(old, new) || !self.seen.insert((old, new)) {
            return;
        }
        if graph.text(old).is_some() || graph.text(new).is_some() {
            let (before, after) = (graph.value(old), graph.value(new));
            let mut places = Vec::new();
            differences(before, after, graph.at(new), &mut places);
            for (at, text) in places {
                self.put(&at, text, &[old, new]);
            }
            return;
        }
        let by_key = |id: Id| {
            let mut map: BTreeMap<String, Vec<Id>> = BTreeMap::new();
            for (key, id) in graph.members(id) {
                map.entry(key.to_owned()).or_default().push(id);
            }
            map
        };
        let (before, mut after) = (by_key(old), by_key(new));
        for (key, ids) in &before {
            self.match_up(ids, &after.remove(key).unwrap_or_default(), false);
        }
        for ids in after.values() {
            self.match_up(&[], ids, false);
        }
        let (before, after) = (graph.elements(old), graph.elements(new));
        match graph.has_order(old) && graph.has_order(new) {
            true => {
                let places = before.len().max(after.len());
                let pairs = (0..places).map(|index| (before.get(index).copied(), after.get(index).copied()));
                self.open.extend(pairs);
            }
            false => self.match_up(before, after, true),
        }
    }
}

/// Collects the places at which two JSON values differ.
fn differences(old: &Value, new: &Value, at: &str, out: &mut Vec<(String, String)>) {
    match (old, new) {
        _ if canonical(old) == canonical(new) => {}
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let at = below(at, key);
                match (before.get(key), after.get(key)) {
                    (Some(old), Some(new)) => differences(old, new, &at, out),
                    (Some(old), None) => out.push((at, format!("{} is gone", short(old)))),
                    (_, new) => out.push((at, format!("{} is new", short(new.unwrap_or(&Value::Null))))),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                differences(old, new, &below(at, &index.to_string()), out);
            }
        }
        _ => out.push((at.to_owned(), format!("{} → {}", short(old), short(new)))),
    }
}

/// Returns a value as text, cut after 60 characters.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
