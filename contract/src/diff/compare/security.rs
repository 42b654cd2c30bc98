//! Compares the credentials that a caller must present. A requirement is a list of alternatives, and each alternative
//! is a set of schemes with scopes. An empty list requires nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    finding::{Compare, Target},
    place::Operation,
};
use crate::{
    diff::{
        change::{Level, Side},
        equal::{Id, canonical},
    },
    spec::json::below,
};

/// The scopes of each scheme that a caller must present together.
type Alternative = BTreeMap<String, BTreeSet<String>>;

struct Verdict {
    what: &'static str,
    level: Level,
    text: String,
}

impl Compare<'_> {
    pub(super) fn global_security(&mut self, old: Option<Id>, new: Option<Id>) {
        let verdicts = self.judge_security(old, new);
        for verdict in verdicts {
            let id = format!("api-global-security-{}", verdict.what);
            let text = format!("every operation {}", verdict.text);
            self.say_to(&Target::Contract, Side::Callers, &id, verdict.level, "/security", text);
        }
    }

    pub(super) fn security_of(&mut self, operation: &Operation, at: &str, old: Option<Id>, new: Option<Id>) {
        if self.is_global("security", old, new) {
            return;
        }
        let verdicts = self.judge_security(old, new);
        for verdict in verdicts {
            let id = format!("api-security-{}", verdict.what);
            let text = format!("{} {}", operation.label(), verdict.text);
            let target = Target::Operation(operation.clone());
            self.say_to(&target, Side::Callers, &id, verdict.level, &below(at, "security"), text);
        }
    }

    /// Returns `true` if the whole contract has the same change. That change is reported once, so it counts as
    /// reported here.
    pub(super) fn is_global(&mut self, key: &str, old: Option<Id>, new: Option<Id>) -> bool {
        let graph = &self.graph;
        let class = |id: Option<Id>| id.map(|id| graph.class(id));
        let (before, after) = (graph.get(self.old.node, key), graph.get(self.new.node, key));
        let is_global = (class(old), class(new)) == (class(before), class(after));
        self.said += usize::from(is_global);
        is_global
    }

    fn judge_security(&mut self, old: Option<Id>, new: Option<Id>) -> Vec<Verdict> {
        let (before, after) = [old, new].map(|id| alternatives(id.map(|id| self.graph.value(id)))).into();
        let verdicts = judge(&before, &after);
        let text = |id: Option<Id>| id.map(|id| canonical(self.graph.value(id)));
        if verdicts.is_empty() && text(old) == text(new) {
            // Only the schemes themselves differ, and `schemes` reports that.
            self.said += 1;
        }
        verdicts
    }
}

fn alternatives(requirements: Option<&Value>) -> Vec<Alternative> {
    let list = requirements.and_then(Value::as_array).into_iter().flatten();
    let scopes = |scopes: &Value| {
        let names = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    let schemes = |one: &Value| {
        let members = one.as_object().into_iter().flatten();
        members.map(|(name, list)| (name.clone(), scopes(list))).collect()
    };
    let alternatives: Vec<Alternative> = list.map(schemes).collect();
    if alternatives.iter().all(Alternative::is_empty) { Vec::new() } else { alternatives }
}

fn judge(old: &[Alternative], new: &[Alternative]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let names = |one: &Alternative| match one.is_empty() {
        true => "a request without credentials".to_owned(),
        false => one.keys().cloned().collect::<Vec<_>>().join(" and "),
    };
    for one in new {
        match old.iter().find(|other| other.keys().eq(one.keys())) {
            Some(other) => verdicts.extend(scopes(other, one)),
            None if old.is_empty() => verdicts.push(Verdict {
                what: "added",
                level: Level::Breaking,
                text: format!("asks for {}, and asked for nothing", names(one)),
            }),
            None => verdicts.push(Verdict {
                what: "added",
                level: Level::Additive,
                text: format!("takes {} too", names(one)),
            }),
        }
    }
    for one in old.iter().filter(|one| !new.iter().any(|other| other.keys().eq(one.keys()))) {
        let (level, words) = if new.is_empty() {
            (Level::Additive, "asks for nothing any more, not for")
        } else {
            (Level::Breaking, "no longer takes")
        };
        verdicts.push(Verdict { what: "removed", level, text: format!("{words} {}", names(one)) });
    }
    verdicts
}

fn scopes(old: &Alternative, new: &Alternative) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (scheme, after) in new {
        let before = &old[scheme];
        for (what, level, words, scopes) in [
            ("scope-added", Level::Breaking, "asks for the scope", after.difference(before)),
            ("scope-removed", Level::Additive, "no longer asks for the scope", before.difference(after)),
        ] {
            let texts = scopes.map(|scope| format!("{words} {scope} of {scheme}"));
            verdicts.extend(texts.map(|text| Verdict { what, level, text }));
        }
    }
    verdicts
}
