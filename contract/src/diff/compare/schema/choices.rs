//! Compares choices between schemas: `oneOf`, `anyOf` and `discriminator`.

use std::collections::BTreeMap;

use super::{
    Judge, Open, Step,
    view::{Choices, View, component},
};
use crate::diff::{
    change::Level,
    compare::{finding::kebab, left::short},
    equal::Id,
};

impl Judge<'_, '_> {
    /// Compares a single schema with a choice that contains it, in either direction. Returns `false` if this is
    /// another case.
    pub(super) fn choice_of_one(&mut self, old: &[Id], before: &View, new: &[Id], after: &View) -> bool {
        match (old, &before.choices[..], new, &after.choices[..]) {
            ([one], [], _, [choices]) if choices.branches.iter().any(|other| self.is_same(*one, *other)) => {
                let branches = choices.branches.clone();
                self.branches(&choices.key, &[*one], &branches);
                self.views(&View { at: after.at.clone(), ..View::default() }, &after.without(&choices.key));
                true
            }
            (_, [choices], [other], []) if choices.branches.iter().any(|one| self.is_same(*one, *other)) => {
                let branches = choices.branches.clone();
                self.branches(&choices.key, &branches, &[*other]);
                self.views(&before.without(&choices.key), &View { at: after.at.clone(), ..View::default() });
                true
            }
            _ => false,
        }
    }

    pub(super) fn choices(&mut self, old: &View, new: &View) {
        let rest = |these: &View, others: &View| {
            let is_there =
                |one: &Choices| others.choices.iter().any(|other| self.graph.same(one.node, other.node));
            these.choices.iter().filter(|one| !is_there(one)).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (rest(old, new), rest(new, old));
        for index in 0..before.len().max(after.len()) {
            let [one, other] = [before.get(index), after.get(index)];
            let Some(key) = other.or(one).map(|choices| choices.key.clone()) else { continue };
            let of = |choices: Option<&Choices>| {
                choices.map(|choices| choices.branches.clone()).unwrap_or_default()
            };
            let (one, other) = (of(one), of(other));
            self.branches(&key, &one, &other);
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
