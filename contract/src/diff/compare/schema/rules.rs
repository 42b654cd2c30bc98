//! The rules for keywords.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Open, Step, limits::is_limit, view::View};
use crate::diff::{
    change::Level,
    compare::{finding::kebab, left::short},
    equal::{Id, is_annotation},
};

/// Keywords that say which values are allowed. The rules read them together.
const VALUES: [&str; 7] = ["type", "nullable", "enum", "x-extensible-enum", "x-open-enum", "anyOf", "oneOf"];
/// Keywords that can only restrict the values. In the graph, some have a name: `dependentRequired/name`.
const ASSERTIONS: [&str; 12] = [
    "multipleOf",
    "uniqueItems",
    "not",
    "if",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "dependentRequired",
    "dependentSchemas",
    "allOf",
    "false",
];

impl Judge<'_, '_> {
    pub(super) fn views(&mut self, old: &View, new: &View) {
        let mut open = self.differing(old, new);
        self.annotations(&mut open, old, new);
        let is_another_type = self.which(&mut open, old, new);
        self.format(&mut open, &new.at);
        self.limits(&mut open, old, new);
        self.pattern(&mut open, &new.at);
        self.default_value(&mut open, &new.at);
        self.one_way(&mut open, old, new);
        self.additional(&mut open, new);
        self.inner(&mut open, &new.at);
        self.discriminator(&mut open, &new.at);
        self.assertions(&mut open, &new.at);
        // An object's members appear and disappear together with its type, so they are no separate changes.
        if !is_another_type || !(old.properties.is_empty() || new.properties.is_empty()) {
            self.properties(old, new);
        }
        for (old, new) in open.into_values() {
            self.leave(&old, &new);
        }
    }

    /// Returns the keywords for which one side has a value that the other side lacks.
    pub(super) fn differing(&self, old: &View, new: &View) -> Open {
        let mut open = BTreeMap::new();
        for key in old.keywords.keys().chain(new.keywords.keys()) {
            let ids = |view: &View| view.keywords.get(key).cloned().unwrap_or_default();
            let (before, after) = (ids(old), ids(new));
            let without = |these: &[Id], others: &[Id]| {
                let others = self.graph.class_set(others);
                these
                    .iter()
                    .copied()
                    .filter(|id| !others.contains(&self.graph.class(*id)))
                    .collect::<Vec<Id>>()
            };
            let (gone, come) = (without(&before, &after), without(&after, &before));
            if !gone.is_empty() || !come.is_empty() {
                open.insert(key.clone(), (gone, come));
            }
        }
        open
    }

    fn annotations(&mut self, open: &mut Open, old: &View, new: &View) {
        let keys: Vec<String> = open
            .keys()
            .filter(|key| is_annotation(key) && !VALUES.contains(&key.as_str()))
            .cloned()
            .collect();
        for key in keys {
            open.remove(&key);
            let (suffix, text) = match (key.as_str(), old.has(self.graph, &key), new.has(self.graph, &key)) {
                ("deprecated", false, true) => ("deprecated".to_owned(), "is deprecated".to_owned()),
                ("deprecated", true, false) => {
                    ("reactivated".to_owned(), "is no longer deprecated".to_owned())
                }
                _ => (format!("{}-changed", kebab(&key)), format!("has another {key}")),
            };
            self.say(&suffix, Level::Documentation, &new.at, &text);
        }
    }

    /// Compares which values are allowed. Returns `true` if neither side's types include all types of the other side.
    fn which(&mut self, open: &mut Open, old: &View, new: &View) -> bool {
        let before = self.said;
        self.null(old, new);
        let is_another_type = self.types(old, new);
        self.values(old, new);
        self.choices(old, new);
        let quiet = self.said == before;
        let is_list = |ids: &[Id]| ids.iter().all(|id| self.graph.text(*id).is_none());
        if quiet && open.get("type").is_some_and(|(old, new)| is_list(old) && is_list(new)) {
            // Null is a branch on one side, or the listed values exclude null on both sides.
            open.remove("type");
            let text = "names its types in another way, which means the same";
            self.say("type-restated", Level::Documentation, &new.at, text);
        }
        for key in VALUES {
            if let Some((old, new)) = open.remove(key).filter(|_| quiet) {
                self.leave(&old, &new);
            }
        }
        if is_another_type {
            // Limits, formats and patterns appear and disappear together with the type, so they are no separate
            // changes.
            let goes = |key: &str| is_limit(key) || matches!(key, "format" | "pattern");
            open.retain(|key, (old, new)| !(goes(key) && (old.is_empty() || new.is_empty())));
        }
        is_another_type
    }

    fn null(&mut self, old: &View, new: &View) {
        match (old.nullable, new.nullable) {
            (false, true) => self.say("became-nullable", self.role.verdict(false), &new.at, "may be null"),
            (true, false) => {
                self.say("became-not-nullable", self.role.verdict(true), &new.at, "may no longer be null");
            }
            _ => {}
        }
    }

    fn types(&mut self, old: &View, new: &View) -> bool {
        let (before, after) = (old.types.as_ref(), new.types.as_ref());
        if before == after {
            return false;
        }
        let text = format!("has another type: {} → {}", listed(before), listed(after));
        let count = |types: Option<&BTreeSet<String>>| types.map_or(0, BTreeSet::len);
        let one_each = count(before) == 1 && count(after) == 1;
        let (suffix, tighter) = match (covers(before, after), covers(after, before)) {
            (true, _) if one_each => ("type-specialized", true),
            (_, true) if one_each => ("type-generalized", false),
            (true, _) => ("list-of-types-narrowed", true),
            (_, true) => ("list-of-types-widened", false),
            _ => {
                self.say("type-changed", Level::Breaking, &new.at, &text);
                return true;
            }
        };
        self.say(suffix, self.role.verdict(tighter), &new.at, &text);
        false
    }

    fn values(&mut self, old: &View, new: &View) {
        let ((before, was_open), (after, is_open)) = match (&old.values, &new.values) {
            (None, None) => return,
            (Some(before), Some(after)) => (before, after),
            (None, Some((_, true))) | (Some((_, true)), None) => {
                let text = "lists other values, and any value may come";
                return self.say("open-enum-changed", Level::Additive, &new.at, text);
            }
            (None, Some(_)) => {
                let text = "takes only listed values now";
                return self.say("became-enum", self.role.verdict(true), &new.at, text);
            }
            (Some(_), None) => {
                let text = "takes any value now, not only listed ones";
                return self.say("enum-removed", self.role.verdict(false), &new.at, text);
            }
        };
        if was_open != is_open {
            let (suffix, text) = if *is_open {
                ("enum-opened", "may hold values that are not listed")
            } else {
                ("enum-closed", "holds only listed values now")
            };
            self.say(suffix, self.role.verdict(*was_open), &new.at, text);
        }
        // If any value is allowed, an added or removed listed value breaks nobody.
        let judged = |tighter, open: bool| if open { Level::Additive } else { self.role.verdict(tighter) };
        for (suffix, words, values, level) in [
            ("enum-value-removed", "no longer lists", self.missing(before, after), judged(true, *is_open)),
            ("enum-value-added", "also lists", self.missing(after, before), judged(false, *was_open)),
        ] {
            if !values.is_empty() {
                let id = format!("{}-{suffix}", self.role.prefix());
                let text = format!("{words} {}", values.join(", "));
                self.put(Vec::new(), &id, level, &new.at, &text, Some(values));
            }
        }
    }

    /// Returns the values of `from` that are not in `all`, as text.
    fn missing(&self, from: &[Id], all: &[Id]) -> Vec<String> {
        let all = self.graph.class_set(all);
        let gone = from.iter().filter(|id| !all.contains(&self.graph.class(**id)));
        let value = gone.map(|id| self.graph.value(*id));
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
    }

    fn format(&mut self, open: &mut Open, at: &str) {
        self.rule(open, "format", |this, old, new| {
            let level = match (old, new) {
                ([], _) => this.role.verdict(true),
                (_, []) => this.role.verdict(false),
                _ => Level::Breaking,
            };
            let text = format!("has another format: {} → {}", this.shown(old), this.shown(new));
            this.say("type-changed", level, at, &text);
        });
    }

    fn shown(&self, ids: &[Id]) -> String {
        match ids {
            [] => "none".to_owned(),
            ids => ids.iter().map(|id| short(self.graph.value(*id))).collect::<Vec<_>>().join(" and "),
        }
    }

    fn pattern(&mut self, open: &mut Open, at: &str) {
        self.rule(open, "pattern", |this, old, new| {
            let (suffix, level) = match (old, new) {
                ([], _) => ("pattern-added", this.role.verdict(true)),
                (_, []) => ("pattern-removed", this.role.verdict(false)),
                // The comparison can't determine whether one pattern accepts everything that another pattern accepts.
                _ => ("pattern-changed", Level::Breaking),
            };
            this.say(suffix, level, at, "has another pattern");
        });
    }

    fn default_value(&mut self, open: &mut Open, at: &str) {
        self.rule(open, "default", |this, old, new| {
            let (suffix, level) = match (old, new) {
                ([], _) => ("default-value-added", Level::Additive),
                (_, []) => ("default-value-removed", Level::Breaking),
                _ => ("default-value-changed", Level::Breaking),
            };
            let text = format!("has another default: {} → {}", this.shown(old), this.shown(new));
            let level = if this.role.is_sent() { level } else { Level::Documentation };
            this.say(suffix, level, at, &text);
        });
    }

    /// Compares `readOnly` and `writeOnly`, the marks of members that are only in requests or only in responses.
    fn one_way(&mut self, open: &mut Open, old: &View, new: &View) {
        for (keyword, name, counts) in [
            ("readOnly", "read-only", self.role.is_sent()),
            ("writeOnly", "write-only", !self.role.is_sent()),
        ] {
            self.rule(open, keyword, |this, _, _| {
                let (verb, level) = match (old.has(this.graph, keyword), new.has(this.graph, keyword)) {
                    (false, true) => ("became", Level::Breaking),
                    (true, false) => ("became-not", Level::Additive),
                    _ => return,
                };
                let text = format!("{} {name}", verb.replace('-', " "));
                match this.role.member.filter(|_| counts) {
                    Some(required) => {
                        let kind = if required { "required" } else { "optional" };
                        let id = format!("{}-{kind}-property-{verb}-{name}", this.role.message());
                        this.say_of(Vec::new(), &id, level, &new.at, &text);
                    }
                    None => this.say(&format!("{verb}-{name}"), Level::Documentation, &new.at, &text),
                }
            });
        }
    }

    fn inner(&mut self, open: &mut Open, at: &str) {
        let keys: Vec<String> =
            open.keys().filter(|key| *key == "items" || key.starts_with("items/")).cloned().collect();
        for key in keys {
            self.rule(open, &key, |this, old, new| {
                let level = match (old, new) {
                    ([], _) => this.role.verdict(true),
                    (_, []) => this.role.verdict(false),
                    _ => return this.delegate(Step::Items, old, new, None),
                };
                this.say("items-changed", level, at, "lists something else");
            });
        }
        self.rule(open, "prefixItems", |this, old, new| {
            let ([old], [new]) = (old, new) else { return };
            let (before, after) = (this.graph.elements(*old), this.graph.elements(*new));
            for (one, other) in before.iter().zip(after) {
                this.delegate(Step::Items, &[*one], &[*other], None);
            }
            let common = before.len().min(after.len());
            if before.len() != after.len() {
                this.leave(&before[common..], &after[common..]);
            }
        });
    }

    fn assertions(&mut self, open: &mut Open, at: &str) {
        let named = |key: &str| key.split('/').next().unwrap_or_default().to_owned();
        let keys: Vec<String> = open.keys().cloned().collect();
        for key in keys {
            let keyword = named(&key);
            let is_pattern = keyword == "patternProperties";
            if !is_pattern && !ASSERTIONS.contains(&keyword.as_str()) {
                continue;
            }
            self.rule(open, &key, |this, old, new| {
                let level = match (old, new) {
                    ([], _) => this.role.verdict(true),
                    (_, []) => this.role.verdict(false),
                    _ if is_pattern => return this.delegate(Step::Values, old, new, None),
                    _ if keyword == "not" => return this.excluded(old, new, at),
                    _ => return,
                };
                let keyword = if keyword == "false" { "never" } else { &keyword };
                let text = format!("has another `{keyword}`");
                this.say(&format!("{}-changed", kebab(keyword)), level, at, &text);
            });
        }
    }

    /// Compares lists of forbidden values. A longer list allows fewer values.
    fn excluded(&mut self, old: &[Id], new: &[Id], at: &str) {
        let values = |schemas: &[Id]| -> Option<Vec<Id>> {
            let [schema] = schemas else { return None };
            let mut members = self.graph.members(*schema);
            let only = members.next().filter(|(key, _)| *key == "enum")?.1;
            members.next().is_none().then(|| self.graph.elements(only).to_vec())
        };
        let (Some(before), Some(after)) = (values(old), values(new)) else { return };
        for (suffix, words, values, tighter) in [
            ("excluded-value-removed", "may be", self.missing(&before, &after), false),
            ("excluded-value-added", "may no longer be", self.missing(&after, &before), true),
        ] {
            if !values.is_empty() {
                let text = format!("{words} {}", values.join(", "));
                self.say(suffix, self.role.verdict(tighter), at, &text);
            }
        }
    }

    fn additional(&mut self, open: &mut Open, new: &View) {
        let at = new.at.as_str();
        self.rule(open, "additionalProperties", |this, old, new| {
            let never =
                |ids: &[Id]| ids.iter().any(|id| this.graph.members(*id).any(|(key, _)| key == "false"));
            match (never(old), never(new)) {
                (false, true) => {
                    let level = if this.role.is_sent() { Level::Breaking } else { Level::Additive };
                    let text = "has no members but the listed ones now";
                    this.say("additional-properties-forbidden", level, at, text);
                }
                (true, false) => {
                    // Readers must ignore unknown members in any case, because a new member may be added at any time.
                    let text = "may have members that are not listed";
                    this.say("additional-properties-allowed", Level::Additive, at, text);
                }
                _ => this.delegate(Step::Values, old, new, None),
            }
        });
    }
}

/// Whether `wide` allows every type in `narrow`. `None` means all types, and `number` includes `integer`.
fn covers(wide: Option<&BTreeSet<String>>, narrow: Option<&BTreeSet<String>>) -> bool {
    let Some(wide) = wide else { return true };
    let has = |name: &String| wide.contains(name) || (name == "integer" && wide.contains("number"));
    narrow.is_some_and(|narrow| narrow.iter().all(has))
}

fn listed(types: Option<&BTreeSet<String>>) -> String {
    match types {
        None => "any".to_owned(),
        Some(types) if types.is_empty() => "null".to_owned(),
        Some(types) => types.iter().cloned().collect::<Vec<_>>().join(" or "),
    }
}
