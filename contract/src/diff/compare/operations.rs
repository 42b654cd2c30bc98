//! Compares operations: which ones exist, and their requests and responses.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    finding::{Compare, Fields, Target},
    left::short,
    place::{Operation, Part, Place},
};
use crate::{
    diff::{
        change::{Level, Side},
        equal::Id,
    },
    spec::{
        json::below,
        split::{METHODS, SECTIONS, WEBHOOKS, filled, parameters_of},
    },
};

/// A path or webhook in one of the documents.
struct Path {
    is_webhook: bool,
    name: String,
    item: Id,
}

/// An operation in one of the documents.
struct Found {
    operation: Operation,
    at: String,
    node: Id,
}

impl Compare<'_> {
    pub(super) fn operations(&mut self, fields: &mut Fields) {
        let pairs = self.paths(fields);
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (old, new) in pairs {
            match (old, new) {
                (Some(old), Some(new)) => self.path(&old, &new, &mut gone, &mut come),
                (Some(old), None) => self.one_path(&old, &mut gone),
                (None, Some(new)) => self.one_path(&new, &mut come),
                (None, None) => {}
            }
        }
        for gone in &gone {
            self.removed(gone);
        }
        for found in &come {
            self.added(found);
        }
    }

    /// Returns the old and new paths of the sections that differ, in pairs. A path in only one contract has no
    /// partner.
    fn paths(&self, fields: &mut Fields) -> Vec<(Option<Path>, Option<Path>)> {
        let mut pairs = Vec::new();
        for section in SECTIONS {
            let is_map = |id: Option<Id>| id.is_none_or(|id| self.graph.text(id).is_none());
            if !fields.open.get(section).is_some_and(|(old, new)| is_map(*old) && is_map(*new)) {
                continue;
            }
            let Some((old, new)) = fields.open.remove(section) else { continue };
            let paths = |id: Option<Id>| {
                let members = id.into_iter().flat_map(|id| self.graph.members(id));
                let is_webhook = section == WEBHOOKS;
                members
                    .map(|(name, item)| Path { is_webhook, name: name.to_owned(), item })
                    .collect::<Vec<_>>()
            };
            // Pairs equal names first, then paths that differ only in the names of their parameters.
            let (mut old, mut new): (Vec<_>, Vec<_>) =
                (paths(old).into_iter().map(Some).collect(), paths(new).into_iter().map(Some).collect());
            for name_of in [str::to_owned, template as fn(&str) -> String] {
                let mut known: HashMap<String, usize> = HashMap::new();
                for (index, path) in old.iter().enumerate() {
                    if let Some(path) = path {
                        known.insert(name_of(&path.name), index);
                    }
                }
                for slot in &mut new {
                    let index = slot.as_ref().and_then(|path| known.remove(&name_of(&path.name)));
                    if let Some(index) = index {
                        pairs.push((old[index].take(), slot.take()));
                    }
                }
            }
            pairs.extend(old.into_iter().flatten().map(|path| (Some(path), None)));
            pairs.extend(new.into_iter().flatten().map(|path| (None, Some(path))));
        }
        pairs
    }

    fn found(&self, path: &Path, method: &str, node: Id) -> Found {
        let operation =
            Operation { is_webhook: path.is_webhook, method: method.to_owned(), path: path.name.clone() };
        let section = if path.is_webhook { WEBHOOKS } else { "paths" };
        let at = below(&below(&below("", section), &path.name), method);
        Found { operation, at, node }
    }

    fn one_path(&mut self, path: &Path, found: &mut Vec<Found>) {
        let members: Vec<(String, Id)> =
            self.graph.members(path.item).map(|(key, id)| (key.to_owned(), id)).collect();
        let before = found.len();
        for (key, id) in members.iter().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            found.push(self.found(path, key, *id));
        }
        if found.len() == before {
            let at = below(&below("", if path.is_webhook { WEBHOOKS } else { "paths" }), &path.name);
            let text = "the path has no operation".to_owned();
            self.say(&Target::Contract, "path-without-operation-changed", Level::Documentation, &at, text);
        }
    }

    fn path(&mut self, old: &Path, new: &Path, gone: &mut Vec<Found>, come: &mut Vec<Found>) {
        let mut fields = self.fields(old.item, new.item);
        let before = self.said;
        let has_moved = has_moved(&old.name, &new.name);
        for method in METHODS {
            // The path is part of each operation.
            let both = || {
                let [one, other] = [old.item, new.item].map(|item| self.graph.get(item, method));
                (has_moved && one.is_some()).then_some((one, other))
            };
            let Some((one, other)) = fields.open.remove(method).or_else(both) else { continue };
            match (one, other) {
                (Some(one), Some(other)) => {
                    let (one, other) = (self.found(old, method, one), self.found(new, method, other));
                    self.pair(&one, &other);
                }
                (Some(one), None) => gone.push(self.found(old, method, one)),
                (None, Some(other)) => come.push(self.found(new, method, other)),
                (None, None) => {}
            }
        }
        let is_said = self.said > before || !gone.is_empty() || !come.is_empty();
        self.rest(fields, &Target::Contract);
        if old.name != new.name && !is_said {
            let at = below(&below("", if new.is_webhook { WEBHOOKS } else { "paths" }), &new.name);
            let text = format!("the path {} is written {} now", old.name, new.name);
            self.say(&Target::Contract, "api-path-renamed", Level::Documentation, &at, text);
        }
    }

    fn added(&mut self, found: &Found) {
        let (id, side) = match found.operation.is_webhook {
            true => ("webhook-added", Side::Readers),
            false => ("endpoint-added", Side::Both),
        };
        let text = format!("{} is new", found.operation.label());
        let target = Target::Operation(found.operation.clone());
        self.say_to(&target, side, id, Level::Additive, &found.at, text);
    }

    fn removed(&mut self, gone: &Found) {
        let target = Target::Operation(gone.operation.clone());
        if gone.operation.is_webhook {
            let text = format!("{} is gone", gone.operation.label());
            let id = "webhook-removed";
            return self.say_to(&target, Side::Readers, id, Level::Breaking, &gone.at, text);
        }
        let all = self.all_of_new();
        let path_is_left =
            all.iter().any(|other| template(&other.operation.path) == template(&gone.operation.path));
        let id = match (path_is_left, self.is_deprecated(gone.node)) {
            (true, false) => "api-removed-without-deprecation",
            (true, true) => "api-removed-with-deprecation",
            (false, false) => "api-path-removed-without-deprecation",
            (false, true) => "api-path-removed-with-deprecation",
        };
        let mut text = format!("{} is gone", gone.operation.label());
        if let Some(same) = all.iter().find(|other| self.is_like(gone, other)) {
            text = format!("{text}; {} takes and answers the same", same.operation.label());
        }
        self.say(&target, id, Level::Breaking, &gone.at, text);
    }

    fn all_of_new(&self) -> Vec<Found> {
        let paths = self.graph.get(self.new.node, "paths");
        let mut all = Vec::new();
        for (name, item) in paths.into_iter().flat_map(|paths| self.graph.members(paths)) {
            let path = Path { is_webhook: false, name: name.to_owned(), item };
            let operations = self.graph.members(item).filter(|(key, _)| METHODS.contains(key));
            all.extend(operations.map(|(method, node)| self.found(&path, method, node)));
        }
        all
    }

    /// Whether two operations have the same method, request body and success responses.
    fn is_like(&self, one: &Found, other: &Found) -> bool {
        let class = |id: Option<Id>| id.map(|id| self.graph.class(id));
        let body = |found: &Found| class(self.graph.get(found.node, "requestBody"));
        let successes = |found: &Found| {
            let answers = self.graph.get(found.node, "responses");
            let answers = answers.into_iter().flat_map(|answers| self.graph.members(answers));
            let successes = answers.filter(|(status, _)| status.starts_with('2'));
            let mut all: Vec<_> =
                successes.map(|(status, id)| (status.to_owned(), self.graph.class(id))).collect();
            all.sort_unstable();
            all
        };
        one.operation.method == other.operation.method
            && body(one) == body(other)
            && successes(one) == successes(other)
    }

    fn is_deprecated(&self, operation: Id) -> bool {
        self.graph.get(operation, "deprecated").is_some_and(|id| *self.graph.value(id) == true)
    }

    fn pair(&mut self, old: &Found, new: &Found) {
        self.walked.clear();
        let operation = &new.operation;
        let target = Target::Operation(operation.clone());
        let at = new.at.as_str();
        let mut fields = self.fields(old.node, new.node);
        fields.at.clone_from(&new.at);
        self.rule(&mut fields, &target, "operationId", |this, old, new| {
            let [old, new] = [old, new].map(|id| id.map_or(&Value::Null, |id| this.graph.value(id)));
            let name = |value: &Value| match value {
                Value::Null => "none".to_owned(),
                value => value.as_str().map_or_else(|| short(value), str::to_owned),
            };
            let label = operation.label();
            let text = format!("{label} has another operationId: {} → {}", name(old), name(new));
            this.say(&target, "api-operation-id-changed", Level::Documentation, at, text);
        });
        self.rule(&mut fields, &target, "deprecated", |this, old, new| {
            let is_true = |id: Option<Id>| id.is_some_and(|id| *this.graph.value(id) == true);
            let (id, words) = match (is_true(old), is_true(new)) {
                (false, true) => ("endpoint-deprecated", "is deprecated"),
                (true, false) => ("endpoint-reactivated", "is no longer deprecated"),
                _ => return,
            };
            let text = format!("{} {words}", operation.label());
            this.say(&target, id, Level::Documentation, at, text);
        });
        self.rule(&mut fields, &target, "servers", |this, before, after| {
            if !this.is_global("servers", before, after) {
                this.servers(&target, &below(&new.at, "servers"), before, after);
            }
        });
        self.rule(&mut fields, &target, "security", |this, before, after| {
            this.security_of(operation, &new.at, before, after);
        });
        if has_moved(&old.operation.path, &operation.path) {
            let label = operation.label();
            let text = format!("{label} has its path parameters in another order: {}", old.operation.path);
            self.say(&target, "api-path-parameters-moved", Level::Breaking, at, text);
            let [before, after] = [old.node, new.node].map(|node| self.graph.get(node, "parameters"));
            fields.open.remove("parameters");
            self.parameters((&old.operation, before), (operation, after));
        }
        self.rule(&mut fields, &target, "parameters", |this, before, after| {
            this.parameters((&old.operation, before), (operation, after));
        });
        self.rule(&mut fields, &target, "requestBody", |this, before, after| {
            this.request(&Place::new(operation, Part::Request), before, after);
        });
        self.rule(&mut fields, &target, "responses", |this, before, after| {
            this.answers(operation, before, after);
        });
        self.rest(fields, &target);
    }

    fn request(&mut self, place: &Place, old: Option<Id>, new: Option<Id>) {
        match (old, new) {
            (None, Some(body)) => {
                let (suffix, level) = match self.is_required(body) {
                    true => ("added-required", place.verdict(true)),
                    false => ("added-optional", Level::Additive),
                };
                let at = self.graph.at(body).to_owned();
                self.member(place, suffix, level, &at, "is new");
            }
            (Some(body), None) => {
                let at = self.graph.at(body).to_owned();
                self.member(place, "removed", Level::Breaking, &at, "is gone");
            }
            (Some(before), Some(after)) => {
                let target = Target::Member(place.clone());
                let mut fields = self.fields(before, after);
                self.requiredness(place, &mut fields, before, after);
                self.content_rule(place, &mut fields, after);
                self.rest(fields, &target);
            }
            (None, None) => {}
        }
    }

    pub(super) fn is_required(&self, id: Id) -> bool {
        self.graph.get(id, "required").is_some_and(|id| *self.graph.value(id) == true)
    }

    /// Compares `required` of a body, parameter or header.
    pub(super) fn requiredness(&mut self, place: &Place, fields: &mut Fields, old: Id, new: Id) {
        let at = fields.at.clone();
        self.rule(fields, &Target::Member(place.clone()), "required", |this, _, _| {
            match (this.is_required(old), this.is_required(new)) {
                (false, true) => {
                    this.member(place, "became-required", place.verdict(true), &at, "is required now");
                }
                (true, false) => {
                    this.member(place, "became-optional", place.verdict(false), &at, "is optional now");
                }
                _ => {}
            }
        });
    }
}

/// Returns a path without the names of its parameters: `/cards/{id}` becomes `/cards/{}`.
pub(crate) fn template(path: &str) -> String {
    filled(path, "{}")
}

/// Whether a parameter stands at another place in the new path. A new name at the same place is no such move.
fn has_moved(old: &str, new: &str) -> bool {
    let (before, after) = (parameters_of(old), parameters_of(new));
    before.iter().zip(&after).any(|(one, other)| one != other && before.contains(other))
}
