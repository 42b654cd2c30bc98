//! What may be sent or received at one place.

use std::collections::BTreeSet;

use serde_json::Value;

use super::limits::is_limit;
use super::place::{Place, Step};
use super::view::{At, View};
use super::{Compare, Finding, Target, short};
use crate::diff::change::Level;
use crate::spec::json::below;

/// Keywords that have a rule of their own.
const JUDGED: [&str; 14] = [
    "type",
    "format",
    "pattern",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "items",
    "additionalProperties",
    "discriminator",
    "description",
    "title",
    "example",
    "examples",
];

impl Compare<'_> {
    pub(super) fn schema(&mut self, place: &Place, old: At<'_>, new: At<'_>) {
        let (alone, other) = (old.clone(), new.clone());
        let (old, new) = (View::of(self.old, old), View::of(self.new, new));
        match (&old.choices, &new.choices) {
            // What was the only choice is one of several now, or the other way round.
            (None, Some((key, after))) if after.iter().any(|choice| is_same(&alone, choice)) => {
                return self.choices(place, key, &[alone], after);
            }
            (Some((key, before)), None) if before.iter().any(|choice| is_same(&other, choice)) => {
                return self.choices(place, key, before, &[other]);
            }
            _ => {}
        }
        let pair = (old.at.clone(), new.at.clone());
        if self.open.contains(&pair) {
            return;
        }
        self.open.push(pair);
        let place = match (&old.component, &new.component) {
            (None, None) => place.clone(),
            (before, after) => place.step(Step::Into { old: before.clone(), new: after.clone() }),
        };
        self.views(&place, &old, &new);
        self.open.pop();
    }

    fn views(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        self.annotations(place, old, new);
        self.null(place, old, new);
        if !self.types(place, old, new) {
            return;
        }
        self.values(place, old, new);
        self.limits(place, old, new);
        self.pattern(place, old, new);
        self.default_value(place, old, new);
        self.others(place, old, new);
        self.properties(place, old, new);
        self.inner(place, old, new);
        if let Some((key, _)) = new.choices.as_ref().or(old.choices.as_ref()) {
            self.choices(place, key, old.branches(), new.branches());
        }
    }

    fn annotations(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        for key in ["title", "description", "example", "examples"] {
            let beside = old.beside.get(key) != new.beside.get(key);
            if beside || old.keyword(key) != new.keyword(key) {
                let text = format!("has another {key}");
                self.member(place, &format!("{key}-changed"), Level::Documentation, &new.at, &text);
            }
        }
        let deprecated = |view: &View<'_>| view.keyword("deprecated").is_some_and(|value| value == true);
        match (deprecated(old), deprecated(new)) {
            (false, true) => self.member(place, "deprecated", Level::Documentation, &new.at, "is deprecated"),
            (true, false) => {
                self.member(place, "reactivated", Level::Documentation, &new.at, "is no longer deprecated");
            }
            _ => {}
        }
    }

    fn null(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        match (old.nullable, new.nullable) {
            (false, true) => {
                self.member(place, "became-nullable", place.verdict(false), &new.at, "may be null");
            }
            (true, false) => {
                let text = "may no longer be null";
                self.member(place, "became-not-nullable", place.verdict(true), &new.at, text);
            }
            _ => {}
        }
    }

    /// False where the types have nothing in common, so that nothing else can be compared.
    fn types(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) -> bool {
        let (before, after) = (old.types(), new.types());
        let text = format!("has another type: {} → {}", listed(&before), listed(&after));
        let one_each = before.len() == 1 && after.len() == 1;
        if before == after {
            self.format(place, old, new);
            return true;
        }
        let (suffix, tighter) = match (covers(&before, &after), covers(&after, &before)) {
            (true, _) if one_each => ("type-specialized", true),
            (_, true) if one_each => ("type-generalized", false),
            (true, _) => ("list-of-types-narrowed", true),
            (_, true) => ("list-of-types-widened", false),
            _ => {
                self.member(place, "type-changed", Level::Breaking, &new.at, &text);
                return false;
            }
        };
        self.member(place, suffix, place.verdict(tighter), &new.at, &text);
        true
    }

    fn format(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let level = match (old.keyword("format"), new.keyword("format")) {
            (before, after) if before == after => return,
            (None, _) => place.verdict(true),
            (_, None) => place.verdict(false),
            _ => Level::Breaking,
        };
        let shown = |view: &View<'_>| view.keyword("format").map_or_else(|| "none".to_owned(), short);
        let text = format!("has another format: {} → {}", shown(old), shown(new));
        self.member(place, "type-changed", level, &new.at, &text);
    }

    fn values(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let ((before, was_open), (after, is_open)) = match (&old.values, &new.values) {
            (None, None) => return,
            (Some(before), Some(after)) => (before, after),
            (None, Some(_)) => {
                let text = "takes only listed values now";
                return self.member(place, "became-enum", place.verdict(true), &new.at, text);
            }
            (Some(_), None) => {
                let text = "takes any value now, not only listed ones";
                return self.member(place, "enum-removed", place.verdict(false), &new.at, text);
            }
        };
        if was_open != is_open {
            let (suffix, text) = if *is_open {
                ("enum-opened", "may hold values that are not listed")
            } else {
                ("enum-closed", "holds only listed values now")
            };
            self.member(place, suffix, place.verdict(*was_open), &new.at, text);
        }
        let missing = |from: &[Value], all: &[Value]| -> Vec<String> {
            let gone = from.iter().filter(|value| !all.contains(value));
            gone.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
        };
        // Where any value may come, a listed one more or less breaks nobody.
        let judged = |tighter, open: bool| if open { Level::Additive } else { place.verdict(tighter) };
        for (suffix, words, values, level) in [
            ("enum-value-removed", "no longer lists", missing(before, after), judged(true, *is_open)),
            ("enum-value-added", "also lists", missing(after, before), judged(false, *was_open)),
        ] {
            if !values.is_empty() {
                self.listed_values(place, suffix, level, &new.at, words, values);
            }
        }
    }

    fn listed_values(
        &mut self,
        place: &Place,
        suffix: &str,
        level: Level,
        at: &str,
        words: &str,
        values: Vec<String>,
    ) {
        self.findings.push(Finding {
            id: format!("{}-{suffix}", place.prefix()),
            level,
            side: place.side(),
            at: at.to_owned(),
            text: format!("{} {words} {}", place.words(), values.join(", ")),
            target: Target::Values(place.clone(), values),
        });
    }

    fn pattern(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let (suffix, level) = match (old.keyword("pattern"), new.keyword("pattern")) {
            (before, after) if before == after => return,
            (None, _) => ("pattern-added", place.verdict(true)),
            (_, None) => ("pattern-removed", place.verdict(false)),
            // Whether one pattern takes all that another takes can't be told.
            _ => ("pattern-changed", Level::Breaking),
        };
        self.member(place, suffix, level, &new.at, "has another pattern");
    }

    fn default_value(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let (suffix, level) = match (old.keyword("default"), new.keyword("default")) {
            (before, after) if before == after => return,
            (None, _) => ("default-value-added", Level::Additive),
            (_, None) => ("default-value-removed", Level::Breaking),
            _ => ("default-value-changed", Level::Breaking),
        };
        let shown = |view: &View<'_>| view.keyword("default").map_or_else(|| "none".to_owned(), short);
        let text = format!("has another default: {} → {}", shown(old), shown(new));
        let level = if place.is_sent() { level } else { Level::Documentation };
        self.member(place, suffix, level, &new.at, &text);
    }

    /// A keyword without a rule: nobody can say that its change is harmless, unless it is an extension.
    fn others(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let keys: BTreeSet<&String> = old.keywords.keys().chain(new.keywords.keys()).collect();
        for key in keys.into_iter().filter(|key| !JUDGED.contains(&key.as_str()) && !is_limit(key)) {
            if old.keyword(key) != new.keyword(key) {
                let level = if key.starts_with("x-") { Level::Documentation } else { Level::Breaking };
                let text = format!("has another `{key}`");
                self.member(place, &format!("{}-changed", kebab(key)), level, &new.at, &text);
            }
        }
        if old.keyword("discriminator") != new.keyword("discriminator") {
            let text = "tells its choices apart in another way";
            self.member(place, "discriminator-changed", Level::Breaking, &new.at, text);
        }
    }

    fn inner(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let (Some(before), Some(after)) = (old.keyword("items"), new.keyword("items")) else {
            if old.keyword("items") != new.keyword("items") {
                self.member(place, "items-changed", Level::Breaking, &new.at, "lists something else");
            }
            return;
        };
        let (old_at, new_at) = (below(&old.at, "items"), below(&new.at, "items"));
        self.schema(&place.step(Step::Items), (old_at, before), (new_at, after));
    }

    /// What is left over on both sides is compared in order, if it is as many.
    fn choices(&mut self, place: &Place, key: &str, before: &[At<'_>], after: &[At<'_>]) {
        let mut gone = Vec::new();
        for choice in before {
            match after.iter().find(|other| is_same(choice, other)) {
                Some(other) => self.schema(&place.step(Step::Choice), choice.clone(), other.clone()),
                None => gone.push(choice),
            }
        }
        let is_new = |choice: &&At<'_>| !before.iter().any(|other| is_same(choice, other));
        let come: Vec<&At<'_>> = after.iter().filter(is_new).collect();
        if gone.len() == come.len() {
            for (one, other) in gone.into_iter().zip(come) {
                self.schema(&place.step(Step::Choice), one.clone(), other.clone());
            }
            return;
        }
        for (verb, choices, tighter) in [("removed", gone, true), ("added", come, false)] {
            for (at, schema) in choices {
                let text = format!("has a choice {verb}: {}", short(schema));
                self.member(place, &format!("{}-{verb}", kebab(key)), place.verdict(tighter), at, &text);
            }
        }
    }
}

/// Whether two choices refer to the same component, or say the same, or have the same title.
fn is_same((_, one): &At<'_>, (_, other): &At<'_>) -> bool {
    match (one.get("$ref"), other.get("$ref")) {
        (None, None) => {
            one == other || (one.get("title").is_some() && one.get("title") == other.get("title"))
        }
        (one, other) => one == other,
    }
}

/// Whether values of all types in `narrow` are values of a type in `wide`; no types are all types.
fn covers(wide: &BTreeSet<String>, narrow: &BTreeSet<String>) -> bool {
    let has = |name: &String| wide.contains(name) || (name == "integer" && wide.contains("number"));
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(has))
}

fn listed(types: &BTreeSet<String>) -> String {
    if types.is_empty() { "any".to_owned() } else { types.iter().cloned().collect::<Vec<_>>().join(" or ") }
}

/// `one-of` of `oneOf`.
fn kebab(keyword: &str) -> String {
    let mut out = String::new();
    for letter in keyword.chars() {
        if letter.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
