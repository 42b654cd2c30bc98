//! The state of a comparison, and its findings.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    left::left,
    place::{Operation, Place, Role, Step},
};
use crate::diff::{
    change::{Level, Side},
    equal::{Graph, Id, Root},
};

/// The id of a finding that no rule made, unless only text for people differs.
pub(crate) const NOT_CLASSIFIED: &str = "not-classified";

/// The part of the contract that a finding is about. It leads to the Rust items.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The contract as a whole, which has no Rust item.
    Contract,
    /// One operation.
    Operation(Operation),
    /// A parameter, a body, or a member of a parameter or body.
    Member(Place),
    /// Some of the listed values at that place.
    Values(Place, Vec<String>),
}

#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) side: Side,
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) target: Target,
}

pub(super) struct Compare<'d> {
    pub(super) graph: Graph<'d>,
    pub(super) old: Root,
    pub(super) new: Root,
    pub(super) findings: Vec<Finding>,
    /// Counts the differences that are dealt with: findings, and differences that are reported elsewhere.
    pub(super) said: usize,
    /// The rules' result for each pair of schemas. It is the same for every operation that uses the pair.
    pub(super) judged: HashMap<Pair, Judgement>,
    /// The pairs of schemas that were compared for the current operation.
    pub(super) walked: HashSet<Pair>,
}

/// The members in which two nodes differ.
pub(super) struct Fields {
    pub(super) at: String,
    pub(super) open: BTreeMap<String, (Option<Id>, Option<Id>)>,
}

impl<'d> Compare<'d> {
    pub(super) fn fields(&self, old: Id, new: Id) -> Fields {
        let graph = &self.graph;
        let at = graph.at(new).to_owned();
        let mut open = BTreeMap::new();
        if graph.text(old).is_some() || graph.text(new).is_some() {
            open.insert(String::new(), (Some(old), Some(new)));
            return Fields { at, open };
        }
        let after: BTreeMap<&str, Id> = graph.members(new).collect();
        let before: BTreeMap<&str, Id> = graph.members(old).collect();
        for (key, id) in &after {
            let other = before.get(key).copied();
            if other.is_none_or(|other| !graph.same(other, *id)) {
                open.insert((*key).to_owned(), (other, Some(*id)));
            }
        }
        for (key, id) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            open.insert((*key).to_owned(), (Some(*id), None));
        }
        Fields { at, open }
    }

    /// Runs a rule on the member `key`, if it differs. A difference that the rule does not report is reported as not
    /// classified.
    pub(super) fn rule(
        &mut self,
        fields: &mut Fields,
        target: &Target,
        key: &str,
        rule: impl FnOnce(&mut Self, Option<Id>, Option<Id>),
    ) {
        let Some((old, new)) = fields.open.remove(key) else { return };
        let before = self.said;
        rule(self, old, new);
        if self.said == before {
            self.leave(target, old.as_slice(), new.as_slice());
        }
    }

    /// Reports the differing members that no rule covers.
    pub(super) fn rest(&mut self, fields: Fields, target: &Target) {
        for (key, (old, new)) in fields.open {
            let ids: Vec<Id> = old.into_iter().chain(new).collect();
            if !key.is_empty() && ids.iter().all(|id| self.graph.kind(*id).is_words()) {
                let (id, text) = match target {
                    Target::Contract => {
                        (format!("{}-changed", kebab(&key)), format!("the contract has another {key}"))
                    }
                    Target::Operation(operation) => (
                        format!("api-{}-changed", kebab(&key)),
                        format!("{} has another {key}", operation.label()),
                    ),
                    Target::Member(place) | Target::Values(place, _) => (
                        format!("{}-{}-changed", place.prefix(), kebab(&key)),
                        format!("{} has another {key}", place.words()),
                    ),
                };
                let at = match (target, ids.last()) {
                    (Target::Contract, Some(id)) => self.graph.at(*id).to_owned(),
                    _ => fields.at.clone(),
                };
                self.say(target, &id, Level::Documentation, &at, text);
            } else {
                self.leave(target, old.as_slice(), new.as_slice());
            }
        }
    }

    /// Reports the differences as not classified, or as documentation if only text for people differs.
    pub(super) fn leave(&mut self, target: &Target, old: &[Id], new: &[Id]) {
        for left in left(&self.graph, old, new) {
            let (id, level) = match left.is_words {
                true => ("words-changed", Level::Documentation),
                false => (NOT_CLASSIFIED, Level::Unclassified),
            };
            let words = match target {
                Target::Contract => "the contract".to_owned(),
                Target::Operation(operation) => operation.label(),
                Target::Member(place) | Target::Values(place, _) => place.words(),
            };
            let text = format!("{words} {}: {}", unclassified(left.is_words), left.text);
            self.say(target, id, level, &left.at, text);
        }
    }

    pub(super) fn say(&mut self, target: &Target, id: &str, level: Level, at: &str, text: String) {
        let side = match target {
            Target::Contract | Target::Operation(_) => Side::Both,
            Target::Member(place) | Target::Values(place, _) => place.side(),
        };
        self.say_to(target, side, id, level, at, text);
    }

    pub(super) fn say_to(
        &mut self,
        target: &Target,
        side: Side,
        id: &str,
        level: Level,
        at: &str,
        text: String,
    ) {
        self.said += 1;
        self.findings.push(Finding {
            id: id.to_owned(),
            level,
            side,
            at: at.to_owned(),
            text,
            target: target.clone(),
        });
    }

    /// Reports a finding about the member at `place`. Its id begins with the place's prefix.
    pub(super) fn member(&mut self, place: &Place, suffix: &str, level: Level, at: &str, text: &str) {
        self.member_as(place, &format!("{}-{suffix}", place.prefix()), level, at, text);
    }

    pub(super) fn member_as(&mut self, place: &Place, id: &str, level: Level, at: &str, text: &str) {
        let text = format!("{} {text}", place.words());
        self.say(&Target::Member(place.clone()), id, level, at, text);
    }
}

/// The words for a difference that no rule covers.
pub(super) fn unclassified(is_words: bool) -> &'static str {
    if is_words { "has other words" } else { "changed, not classified" }
}

/// Converts camel case to kebab case: `oneOf` becomes `one-of`.
pub(super) fn kebab(keyword: &str) -> String {
    let mut out = String::new();
    for letter in keyword.chars() {
        if letter.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The old schemas, the new schemas, and the role of their value. Each side is a list, because several schemas may
/// describe one value.
pub(super) type Pair = (Vec<Id>, Vec<Id>, Role);

/// The rules' result for a pair of schemas.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) findings: Vec<Local>,
    /// The pairs of schemas below that differ, with the steps to each pair.
    pub(super) children: Vec<(Vec<Step>, Pair)>,
}

/// A finding about a pair of schemas, independent of where the pair is used.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) steps: Vec<Step>,
    pub(super) id: String,
    pub(super) level: Level,
    pub(super) at: String,
    pub(super) text: String,
    pub(super) values: Option<Vec<String>>,
}
