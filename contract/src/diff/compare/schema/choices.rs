//! Compares choices between schemas: `oneOf`, `anyOf` and `discriminator`.

use std::collections::BTreeMap;

use super::{
    Judge, Open, Step,
    apart::{Overlaps, overlaps},
    view::{Choices, View, component},
};
use crate::diff::{
    change::Level,
    compare::{finding::kebab, left::short},
    equal::{Id, is_annotation},
};

impl Judge<'_, '_> {
    /// Compares a single schema with a choice that contains it, in either direction. Returns `false` if this is
    /// another case.
    pub(super) fn choice_of_one(&mut self, old: &[Id], before: &View, new: &[Id], after: &View) -> bool {
        // Null is compared here, unless the single schema is a branch as it is.
        let rest = |view: &View, known: bool| View {
            at: after.at.clone(),
            nullable: !known && view.nullable,
            ..View::default()
        };
        match (&before.choices[..], &after.choices[..]) {
            ([], [choices]) => {
                let Some((one, known)) = self.single(old, before, choices) else { return false };
                self.exclusion(None, Some(choices), &after.at);
                self.branches(&choices.key, &[one], &choices.branches);
                self.views(&rest(before, known), &after.without(&choices.key));
            }
            ([choices], []) => {
                let Some((other, known)) = self.single(new, after, choices) else { return false };
                self.exclusion(Some(choices), None, &after.at);
                self.branches(&choices.key, &choices.branches, &[other]);
                self.views(&before.without(&choices.key), &rest(after, known));
            }
            _ => return false,
        }
        true
    }

    /// Returns the schema that is the same as a branch, and whether it is so as it stands. Otherwise its view is that
    /// of a branch: null stands beside it on one side.
    fn single(&self, ids: &[Id], view: &View, choices: &Choices) -> Option<(Id, bool)> {
        if let [one] = ids
            && choices.branches.iter().any(|branch| self.is_same(*one, *branch))
        {
            return Some((*one, true));
        }
        let found = choices.branches.iter().find(|branch| self.is_view(view, **branch));
        found.map(|branch| (*branch, false))
    }

    /// Whether a branch allows the same values as a view, apart from null.
    fn is_view(&self, view: &View, branch: Id) -> bool {
        let other = View::of(self.graph, &[branch]);
        let class_sets = |view: &View| {
            let properties = view.properties.iter();
            properties.map(|(name, ids)| (name.clone(), self.graph.class_set(ids))).collect::<Vec<_>>()
        };
        let listed = |view: &View| {
            view.values.as_ref().map(|(values, is_open)| (self.graph.class_set(values), *is_open))
        };
        view.types == other.types
            && view.choices.is_empty()
            && other.choices.is_empty()
            && listed(view) == listed(&other)
            && view.required.keys().eq(other.required.keys())
            && class_sets(view) == class_sets(&other)
            && self.differing(view, &other).keys().all(|key| key == "type" || is_annotation(key))
    }

    pub(super) fn choices(&mut self, old: &View, new: &View) {
        let rest = |these: &View, others: &View| {
            let is_there =
                |one: &Choices| others.choices.iter().any(|other| self.graph.same(one.node, other.node));
            these.choices.iter().filter(|one| !is_there(one)).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (rest(old, new), rest(new, old));
        for index in 0..before.len().max(after.len()) {
            match (before.get(index), after.get(index)) {
                (Some(one), Some(other)) => {
                    self.exclusion(Some(one), Some(other), &new.at);
                    self.branches(&other.key, &one.branches, &other.branches);
                }
                (None, Some(other)) => {
                    let text = "has to fit a choice now";
                    self.say(&format!("{}-set", kebab(&other.key)), self.role.verdict(true), &new.at, text);
                }
                (Some(one), None) => {
                    let text = "has to fit no choice any more";
                    self.say(&format!("{}-unset", kebab(&one.key)), self.role.verdict(false), &new.at, text);
                }
                (None, None) => {}
            }
        }
        // Choices between null and one schema, and open lists, are no choices in a view.
        self.excludes(&old.exclusive, &new.exclusive, &new.at);
    }

    /// Compares whether a value may fit several branches. `anyOf` allows that, and `oneOf` does not.
    fn exclusion(&mut self, old: Option<&Choices>, new: Option<&Choices>, at: &str) {
        let is_same_key =
            old.is_none() || new.is_none() || old.map(|one| &one.key) == new.map(|one| &one.key);
        // The objects of a `oneOf` are kinds of something. Nobody expects a value to be of two kinds, so only a change
        // of the keyword is worth a word about them.
        let excluded = |choices: Option<&Choices>| {
            let found = choices.map(|one| overlaps(self.graph, &one.key, one.node, is_same_key));
            found.unwrap_or_default()
        };
        let (was, is) = (excluded(old), excluded(new));
        self.excludes(&was, &is, at);
    }

    fn excludes(&mut self, was: &Overlaps, is: &Overlaps, at: &str) {
        for (differs, suffix, tighter, text) in [
            (!is.is_subset(was), "choices-became-exclusive", true, "may no longer fit several choices"),
            (!was.is_subset(is), "choices-became-inclusive", false, "may fit several choices"),
        ] {
            if differs {
                self.say(suffix, self.role.verdict(tighter), at, text);
            }
        }
    }

    /// Compares the branches of a choice. Branches without a counterpart are compared in order if both sides have the
    /// same number of them.
    fn branches(&mut self, key: &str, before: &[Id], after: &[Id]) {
        let (mut gone, mut come) = (before.to_vec(), after.to_vec());
        let equal = |these: &[Id], id: Id| these.iter().any(|other| self.graph.same(*other, id));
        gone.retain(|id| !equal(after, *id));
        come.retain(|id| !equal(before, *id));
        let mut rest = Vec::new();
        for one in gone {
            match come.iter().position(|other| self.is_same(one, *other)) {
                Some(index) => {
                    let other = come.remove(index);
                    self.delegate(Step::Choice, &[one], &[other], None);
                }
                None => rest.push(one),
            }
        }
        if rest.len() == come.len() {
            for (one, other) in rest.into_iter().zip(come) {
                self.delegate(Step::Choice, &[one], &[other], None);
            }
            return;
        }
        for (verb, choices, tighter) in [("removed", rest, true), ("added", come, false)] {
            for id in choices {
                let text = format!("has a choice {verb}: {}", short(self.graph.value(id)));
                let at = self.graph.at(id).to_owned();
                self.say(&format!("{}-{verb}", kebab(key)), self.role.verdict(tighter), &at, &text);
            }
        }
    }

    /// Whether two branches are the same component. If both have no component, whether they are equal or have the
    /// same title.
    fn is_same(&self, one: Id, other: Id) -> bool {
        let names = [one, other].map(|id| component(self.graph, id));
        match &names {
            [None, None] => {
                let title = |id: Id| {
                    let mut members = self.graph.members(id);
                    members.find(|(key, _)| *key == "title").and_then(|(_, id)| self.graph.text(id))
                };
                self.graph.same(one, other) || (title(one).is_some() && title(one) == title(other))
            }
            [one, other] => one == other,
        }
    }

    pub(super) fn discriminator(&mut self, open: &mut Open, at: &str) {
        self.rule(open, "discriminator", |this, old, new| {
            let members = |ids: &[Id]| {
                let members = ids.iter().flat_map(|id| this.graph.members(*id));
                members.map(|(key, id)| (key.to_owned(), id)).collect::<BTreeMap<String, Id>>()
            };
            let (before, after) = (members(old), members(new));
            let mut is_changed = before.is_empty() || after.is_empty();
            for (key, id) in &after {
                let name = key.strip_prefix("mapping/");
                match (before.get(key), name) {
                    (Some(other), _) if this.graph.same(*other, *id) => {}
                    (Some(other), Some(_)) if this.graph.kind(*id) == this.graph.kind(*other) => {
                        this.delegate(Step::Choice, &[*other], &[*id], None);
                    }
                    (None, Some(name)) if !before.is_empty() => {
                        let text = format!("has a kind added: {name}");
                        this.say("discriminator-mapping-added", this.role.verdict(false), at, &text);
                    }
                    _ => is_changed = true,
                }
            }
            for key in before.keys().filter(|key| !after.contains_key(*key)) {
                match key.strip_prefix("mapping/") {
                    Some(name) if !after.is_empty() => {
                        let text = format!("has a kind removed: {name}");
                        this.say("discriminator-mapping-removed", this.role.verdict(true), at, &text);
                    }
                    _ => is_changed = true,
                }
            }
            if is_changed {
                let text = "says which choice it is in another way";
                this.say("discriminator-changed", Level::Breaking, at, text);
            }
        });
    }
}
