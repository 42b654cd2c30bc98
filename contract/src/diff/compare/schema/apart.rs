//! Finds out whether a value can fit two schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diff::equal::{Graph, Id};

/// The number of schemas inside of one another that are read.
pub(super) const DEPTH: usize = 4;

/// The classes of two branches.
pub(super) type Overlaps = BTreeSet<[u32; 2]>;

/// Returns the branches that exclude each other although a value may fit both. Only `oneOf` has such branches.
///
/// With `kinds`, schemas that speak of members are kinds of objects, and two of them count as apart.
pub(super) fn overlaps(graph: &Graph<'_>, key: &str, choice: Id, kinds: bool) -> Overlaps {
    let branches = if key == "oneOf" { graph.elements(choice) } else { &[] };
    let reader = Reader { graph, kinds };
    let mut found = Overlaps::new();
    for (index, one) in branches.iter().enumerate() {
        for other in &branches[index + 1..] {
            if graph.same(*one, *other) || !reader.are_apart(*one, *other, DEPTH) {
                let mut pair = [one, other].map(|id| graph.class(*id));
                pair.sort_unstable();
                found.insert(pair);
            }
        }
    }
    found
}

struct Reader<'g, 'd> {
    graph: &'g Graph<'d>,
    kinds: bool,
}

impl Reader<'_, '_> {
    /// Whether no value fits both schemas: by its type, as one of the listed values, or by a member that both require.
    fn are_apart(&self, one: Id, other: Id, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let graph = self.graph;
        let types = [one, other].map(|id| self.types(id, depth));
        let is_object =
            |types: &Option<BTreeSet<&str>>| types.as_ref().is_some_and(|all| all.iter().eq(&["object"]));
        if self.kinds && types.iter().all(is_object) {
            return true;
        }
        if let [Some(these), Some(others)] = &types {
            let meets = |name: &&str| {
                others.contains(name)
                    || *name == "integer" && others.contains("number")
                    || *name == "number" && others.contains("integer")
            };
            if !these.iter().any(meets) {
                return true;
            }
        }
        let all = |id: Id, key: &str| -> Vec<Id> {
            graph.members(id).filter(|(name, _)| *name == key).map(|(_, id)| id).collect()
        };
        let pairs = |key: &str, test: &dyn Fn(Id, Id) -> bool| {
            let others = all(other, key);
            all(one, key).into_iter().any(|one| others.iter().any(|other| test(one, *other)))
        };
        let are_other_values = |one: Id, other: Id| {
            graph.class_set(graph.elements(one)).is_disjoint(&graph.class_set(graph.elements(other)))
        };
        // Only an object has members.
        let are_objects = types.iter().all(is_object);
        let names = graph.members(one).filter_map(|(key, _)| key.strip_prefix("required/"));
        let required = |name: &&str| are_objects && graph.get(other, &format!("required/{name}")).is_some();
        pairs("enum", &are_other_values)
            || names.filter(required).any(|name| {
                pairs(&format!("properties/{name}"), &|one, other| self.are_apart(one, other, depth))
            })
    }

    /// Returns the types that a schema allows. `None` means any type.
    fn types(&self, id: Id, depth: usize) -> Option<BTreeSet<&str>> {
        let graph = self.graph;
        let depth = depth.checked_sub(1)?;
        if let Some(list) = graph.get(id, "type").filter(|list| graph.text(*list).is_none()) {
            let names = graph.elements(list).iter().filter_map(|id| graph.text(*id));
            return Some(names.map(|name| name.trim_matches('"')).collect());
        }
        if let Some(choice) = graph.get(id, "anyOf").or_else(|| graph.get(id, "oneOf")) {
            let mut all = BTreeSet::new();
            for branch in graph.elements(choice) {
                all.extend(self.types(*branch, depth)?);
            }
            return Some(all);
        }
        if let Some(list) = graph.get(id, "enum") {
            let name = |id: &Id| match graph.value(*id) {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            return Some(graph.elements(list).iter().map(name).collect());
        }
        let is_of_members = |key: &str| {
            ["properties/", "required/", "additionalProperties"].iter().any(|name| key.starts_with(name))
        };
        (self.kinds && graph.members(id).any(|(key, _)| is_of_members(key)))
            .then(|| BTreeSet::from(["object"]))
    }
}
