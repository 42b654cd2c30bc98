//! What a caller must present. A list of alternatives, each a set of schemes with scopes; an empty list asks for
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Compare;
use super::place::Operation;
use crate::diff::change::{Level, Side};
use crate::spec::json::below;

/// Scopes by scheme.
type Alternative = BTreeMap<String, BTreeSet<String>>;

struct Verdict {
    what: &'static str,
    level: Level,
    text: String,
}

impl Compare<'_> {
    pub(super) fn global_security(&mut self) {
        let (old, new) = (alternatives(self.old.get("security")), alternatives(self.new.get("security")));
        for verdict in judge(&old, &new) {
            let id = format!("api-global-security-{}", verdict.what);
            let text = format!("every operation {}", verdict.text);
            self.contract(&id, (verdict.level, Side::Callers), "/security", text);
        }
    }

    pub(super) fn security_of(&mut self, operation: &Operation, old: &Value, new: &Value, at: &str) {
        let (own_before, own_after) = (old.get("security"), new.get("security"));
        if own_before.is_none() && own_after.is_none() {
            return;
        }
        let before = alternatives(own_before.or_else(|| self.old.get("security")));
        let after = alternatives(own_after.or_else(|| self.new.get("security")));
        for verdict in judge(&before, &after) {
            let id = format!("api-security-{}", verdict.what);
            let text = format!("{} {}", operation.label(), verdict.text);
            self.operation(operation, &id, (verdict.level, Side::Callers), &below(at, "security"), text);
        }
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
    list.map(schemes).collect()
}

fn judge(old: &[Alternative], new: &[Alternative]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let names = |one: &Alternative| one.keys().cloned().collect::<Vec<_>>().join(" and ");
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
