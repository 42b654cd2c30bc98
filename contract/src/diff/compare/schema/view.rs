//! A schema in the form that the rules read: null, listed values and properties are recognised.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::apart::{DEPTH, Overlaps, overlaps};
use crate::diff::equal::{Graph, Id, is_annotation};

/// The maximum number of schemas that are followed in a chain, if each one only leads to the next one.
const DETOURS: usize = 100;

/// A `oneOf` or `anyOf`: the keyword, its node, and its branches except null.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    pub(super) key: String,
    pub(super) node: Id,
    pub(super) branches: Vec<Id>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// The pointer to the keywords.
    pub(super) at: String,
    /// The component that a reference led to.
    pub(super) component: Option<String>,
    pub(super) nullable: bool,
    /// Whether a keyword refuses null, whatever the others allow.
    pub(super) refuses_null: bool,
    /// The types that a value may have, without null.
    pub(super) types: Option<BTreeSet<String>>,
    /// The listed values except null, and whether other values are allowed.
    pub(super) values: Option<(Vec<Id>, bool)>,
    pub(super) choices: Vec<Choices>,
    /// The branches that exclude each other, of each `oneOf` that is not in `choices`.
    pub(super) exclusive: Overlaps,
    pub(super) properties: BTreeMap<String, Vec<Id>>,
    pub(super) required: BTreeMap<String, Id>,
    /// All other keywords, and those from which `nullable`, `types` and `values` are read.
    pub(super) keywords: BTreeMap<String, Vec<Id>>,
}

impl View {
    pub(super) fn of(graph: &Graph<'_>, ids: &[Id]) -> Self {
        let mut view = Self::default();
        if let Some(first) = ids.first() {
            (view.at, view.component) = lead(graph, *first);
        }
        // Each schema, and whether it stands beside null in a choice.
        let mut open: Vec<(Id, bool)> = ids.iter().map(|id| (*id, false)).collect();
        let (mut seen, mut open_values) = (HashSet::new(), None);
        while let Some((id, beside_null)) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            for (key, child) in graph.members(id) {
                if let Some(name) = key.strip_prefix("properties/") {
                    view.properties.entry(name.to_owned()).or_default().push(child);
                } else if let Some(name) = key.strip_prefix("required/") {
                    view.required.insert(name.to_owned(), child);
                } else if matches!(key, "anyOf" | "oneOf") {
                    view.choice(graph, (key, child), &mut open, &mut open_values);
                    view.refuses_null |= !beside_null && !may_be_null(graph, child, DEPTH);
                } else {
                    view.refuses_null |= !beside_null && refuses_null(graph, key, child);
                    view.keyword(key, child);
                }
            }
        }
        view.values(graph, open_values);
        view.nullable = view.nullable && !view.refuses_null || view.has(graph, "nullable");
        view
    }

    fn keyword(&mut self, key: &str, id: Id) {
        let ids = self.keywords.entry(key.to_owned()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    fn choice(
        &mut self,
        graph: &Graph<'_>,
        (key, node): (&str, Id),
        open: &mut Vec<(Id, bool)>,
        open_values: &mut Option<Vec<Id>>,
    ) {
        let (nulls, rest): (Vec<Id>, Vec<Id>) =
            graph.elements(node).iter().partition(|id| is_null(graph, **id));
        let has_null = !nulls.is_empty();
        if graph.text(node).is_some() {
            return self.keyword(key, node);
        }
        if let Some(values) = open_list(graph, &rest) {
            self.exclusive.extend(overlaps(graph, key, node, false));
            self.nullable |= has_null;
            *open_values = Some(values);
            for (key, child) in
                rest.iter().flat_map(|id| graph.members(*id)).filter(|(key, _)| *key != "enum")
            {
                self.keyword(key, child);
            }
        } else if let (true, [only]) = (has_null, &rest[..]) {
            self.exclusive.extend(overlaps(graph, key, node, false));
            self.nullable = true;
            open.push((*only, true));
        } else {
            self.nullable |= has_null;
            self.choices.push(Choices { key: key.to_owned(), node, branches: rest });
        }
    }

    fn values(&mut self, graph: &Graph<'_>, open_values: Option<Vec<Id>>) {
        let ids = |key: &str| self.keywords.get(key).map(Vec::as_slice).unwrap_or_default();
        let is_null = |id: &Id| graph.text(*id) == Some("null");
        let mut lists = ids("enum").iter().map(|id| graph.elements(*id));
        let closed = lists.next().map(|first| {
            let others: Vec<BTreeSet<u32>> = lists.map(|list| graph.class_set(list)).collect();
            let in_all = |id: &&Id| others.iter().all(|other| other.contains(&graph.class(**id)));
            first.iter().filter(in_all).copied().collect::<Vec<Id>>()
        });
        let marked = || {
            let extensible = ids("x-extensible-enum").iter().flat_map(|id| graph.elements(*id));
            let known = ids("x-open-enum").iter().flat_map(|id| graph.members(*id));
            let known = known.filter(|(key, _)| *key == "enum").flat_map(|(_, id)| graph.elements(id));
            let all: Vec<Id> = extensible.chain(known).copied().collect();
            (!all.is_empty()).then_some(all)
        };
        let mut types: Option<BTreeSet<String>> = None;
        for list in ids("type").iter().filter(|id| graph.text(**id).is_none()) {
            let names = graph.elements(*list).iter().filter_map(|id| graph.text(*id));
            let names: BTreeSet<String> = names.map(|name| name.trim_matches('"').to_owned()).collect();
            types = Some(match types {
                None => names,
                Some(before) => both(&before, &names),
            });
        }
        let may_be_null = closed.as_ref().is_none_or(|values| values.iter().any(is_null));
        self.nullable |= match &types {
            Some(types) => types.contains("null") && may_be_null,
            None => closed.is_some() && may_be_null,
        };
        self.nullable |= ids("nullable").iter().any(|id| *graph.value(*id) == true);
        let found =
            closed.map(|values| (values, false)).or(open_values.or_else(marked).map(|values| (values, true)));
        self.values =
            found.map(|(values, is_open)| (values.into_iter().filter(|id| !is_null(id)).collect(), is_open));
        if let Some(types) = &mut types {
            types.remove("null");
        }
        self.types = types;
    }

    /// Whether a keyword is set to true.
    pub(super) fn has(&self, graph: &Graph<'_>, key: &str) -> bool {
        self.keywords.get(key).is_some_and(|ids| ids.iter().any(|id| *graph.value(*id) == true))
    }

    /// Returns the view without the choices of the keyword `key`.
    pub(super) fn without(&self, key: &str) -> Self {
        let choices = self.choices.iter().filter(|choices| choices.key != key).cloned().collect();
        Self { choices, ..self.clone() }
    }
}

/// Returns the types that both sets allow. `number` allows `integer`.
fn both(one: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<String> {
    let has = |types: &BTreeSet<String>, name: &String| {
        types.contains(name) || (name == "integer" && types.contains("number"))
    };
    one.iter()
        .filter(|name| has(other, name))
        .chain(other.iter().filter(|name| has(one, name)))
        .cloned()
        .collect()
}

/// Returns the target of a schema that is only a reference. Returns any other schema itself.
pub(super) fn behind(graph: &Graph<'_>, id: Id) -> Id {
    let mut id = id;
    for _ in 0..DETOURS {
        let (mut own, parts) = graph.own(id);
        match parts {
            [only] if own.next().is_none() => id = *only,
            _ => break,
        }
    }
    id
}

/// Returns the pointer to a schema's keywords, and the name of the component that the schema is.
fn lead(graph: &Graph<'_>, first: Id) -> (String, Option<String>) {
    let (mut id, mut component) = (first, None);
    for _ in 0..DETOURS {
        component = name(graph.at(id)).or(component);
        let (own, parts) = graph.own(id);
        let rest: Vec<(&str, Id)> = own.filter(|(key, _)| !is_annotation(key)).collect();
        id = match (&rest[..], parts) {
            ([], [only]) => *only,
            ([("anyOf" | "oneOf", choice)], []) => {
                let branches = graph.elements(*choice).iter().filter(|id| !is_null(graph, **id));
                match branches.collect::<Vec<_>>()[..] {
                    [only] => *only,
                    _ => break,
                }
            }
            (_, [only]) => {
                component = component.or_else(|| name(graph.at(behind(graph, *only))));
                break;
            }
            _ => break,
        };
    }
    (graph.at(id).to_owned(), component)
}

/// Returns the name of the component at a pointer.
fn name(at: &str) -> Option<String> {
    let name = at.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'))?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

pub(super) fn component(graph: &Graph<'_>, id: Id) -> Option<String> {
    lead(graph, id).1
}

fn is_null(graph: &Graph<'_>, id: Id) -> bool {
    let mut members = graph.members(id);
    let only = members.next().filter(|(key, _)| *key == "type");
    only.is_some_and(|(_, types)| is_type(graph, types, "\"null\"")) && members.next().is_none()
}

/// Whether a branch of a choice may be null. A branch without a type may be anything.
fn may_be_null(graph: &Graph<'_>, choice: Id, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    let branches = graph.elements(choice);
    let refuses = |branch: &Id| {
        graph.members(*branch).any(|(key, id)| match key {
            "anyOf" | "oneOf" => !may_be_null(graph, id, depth),
            _ => refuses_null(graph, key, id),
        })
    };
    branches.is_empty() || !branches.iter().all(refuses)
}

/// Whether a list of types or values lacks null.
fn refuses_null(graph: &Graph<'_>, key: &str, list: Id) -> bool {
    let null = match key {
        "type" => "\"null\"",
        "enum" => "null",
        _ => return false,
    };
    graph.text(list).is_none() && !graph.elements(list).iter().any(|id| graph.text(*id) == Some(null))
}

fn is_type(graph: &Graph<'_>, types: Id, name: &str) -> bool {
    matches!(graph.elements(types), [only] if graph.text(*only) == Some(name))
}

/// Returns the listed values, if the branches form an open list. The contract writes an open list as a choice between
/// lists of values and any string.
fn open_list(graph: &Graph<'_>, branches: &[Id]) -> Option<Vec<Id>> {
    let (mut values, mut is_open, mut has_list) = (Vec::new(), false, false);
    for branch in branches {
        let mut list = None;
        let mut is_string = false;
        for (key, child) in graph.members(*branch) {
            match key {
                "type" if is_type(graph, child, "\"string\"") => is_string = true,
                "enum" if list.is_none() => list = Some(graph.elements(child)),
                key if is_annotation(key) => {}
                _ => return None,
            }
        }
        match list {
            Some(list) => {
                // Only a string may be another one than those that are listed.
                let is_of_strings =
                    |id: &Id| graph.text(*id).is_some_and(|text| text.starts_with(['"', 'n']));
                if !list.iter().all(is_of_strings) {
                    return None;
                }
                has_list = true;
                values.extend(list);
            }
            None if is_string => is_open = true,
            None => return None,
        }
    }
    (is_open && has_list).then_some(values)
}
