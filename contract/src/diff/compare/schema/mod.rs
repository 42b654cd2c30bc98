//! Compares two schemas at one place: the values that may be sent or received.
//!
//! The walk uses a queue instead of recursion, so that a chain of schemas may be long. The rules' result for a pair
//! of schemas doesn't depend on the operation. So the rules run once for each pair, however many operations use it.

mod apart;
mod choices;
mod limits;
mod properties;
mod rules;
mod view;

use std::collections::{BTreeMap, VecDeque};

use view::View;

use super::{
    finding::{Compare, Finding, Judgement, Local, NOT_CLASSIFIED, Pair, Target, unclassified},
    left::left,
    place::{Place, Role, Step},
};
use crate::diff::{
    change::Level,
    equal::{Graph, Id},
};

/// The keywords that differ, each with the values that only the old side has and those that only the new side has.
type Open = BTreeMap<String, (Vec<Id>, Vec<Id>)>;

impl Compare<'_> {
    /// Compares two schemas and everything that differs below them.
    pub(super) fn walk(&mut self, place: &Place, old: &[Id], new: &[Id]) {
        if self.graph.class_set(old) == self.graph.class_set(new) {
            return;
        }
        self.said += 1;
        // Each step of the walk, with the index of the step before it.
        let mut trail: Vec<(usize, Vec<Step>)> = vec![(0, Vec::new())];
        let mut open = VecDeque::from([(pair(&self.graph, old, new, place.role()), 0)]);
        while let Some((pair, here)) = open.pop_front() {
            if !self.walked.insert(pair.clone()) {
                continue;
            }
            let graph = &self.graph;
            let judgement = self.judged.entry(pair).or_insert_with_key(|pair| judge(graph, pair));
            for local in &judgement.findings {
                self.findings.push(finding(&at(place, &trail, here, &local.steps), local));
            }
            for (steps, child) in judgement.children.iter().filter(|(_, child)| !self.walked.contains(child))
            {
                trail.push((here, steps.clone()));
                open.push_back((child.clone(), trail.len() - 1));
            }
        }
    }
}

/// Returns the place that a walk has reached.
fn at(place: &Place, trail: &[(usize, Vec<Step>)], mut here: usize, last: &[Step]) -> Place {
    let mut parts = vec![last];
    while here != 0 {
        parts.push(&trail[here].1);
        here = trail[here].0;
    }
    let mut place = place.clone();
    place.trail.extend(parts.into_iter().rev().flatten().cloned());
    place
}

fn finding(place: &Place, local: &Local) -> Finding {
    let target = match &local.values {
        Some(values) => Target::Values(place.clone(), values.clone()),
        None => Target::Member(place.clone()),
    };
    Finding {
        id: local.id.clone(),
        level: local.level,
        side: place.side(),
        at: local.at.clone(),
        text: format!("{} {}", place.words(), local.text),
        target,
    }
}

/// Returns the pair for two schemas. References are followed first, so that all references to a schema share one
/// pair.
fn pair(graph: &Graph<'_>, old: &[Id], new: &[Id], role: Role) -> Pair {
    let behind = |ids: &[Id]| {
        let mut ids: Vec<Id> = ids.iter().map(|id| view::behind(graph, *id)).collect();
        ids.dedup();
        ids
    };
    (behind(old), behind(new), role)
}

fn judge(graph: &Graph<'_>, (old, new, role): &Pair) -> Judgement {
    let mut judge = Judge { graph, role: *role, base: Vec::new(), said: 0, out: Judgement::default() };
    let mut views = (View::of(graph, old), View::of(graph, new));
    if new.is_empty() {
        views.1.at.clone_from(&views.0.at);
    }
    if judge.choice_of_one(old, &views.0, new, &views.1) {
        return judge.out;
    }
    if views.0.component.is_some() || views.1.component.is_some() {
        judge.base.push(Step::Into { old: views.0.component.clone(), new: views.1.component.clone() });
    }
    judge.views(&views.0, &views.1);
    if judge.said == 0 {
        // The views are equal, and only their notation differs. For example, null stands beside a type or is a
        // branch, or an open list has another order.
        let text = "is written in another way, which means the same";
        judge.say("restated", Level::Documentation, &views.1.at, text);
    }
    judge.out
}

struct Judge<'g, 'd> {
    graph: &'g Graph<'d>,
    role: Role,
    /// The steps from the pair's place to its schemas: into a component, if the schemas are in one.
    base: Vec<Step>,
    said: usize,
    out: Judgement,
}

impl Judge<'_, '_> {
    /// Reports a finding. Its id begins with the role's prefix.
    fn say(&mut self, suffix: &str, level: Level, at: &str, text: &str) {
        self.say_of(Vec::new(), &format!("{}-{suffix}", self.role.prefix()), level, at, text);
    }

    fn say_of(&mut self, steps: Vec<Step>, id: &str, level: Level, at: &str, text: &str) {
        self.put(steps, id, level, at, text, None);
    }

    fn put(
        &mut self,
        steps: Vec<Step>,
        id: &str,
        level: Level,
        at: &str,
        text: &str,
        values: Option<Vec<String>>,
    ) {
        self.said += 1;
        let steps = [self.base.clone(), steps].concat();
        let (id, at, text) = (id.to_owned(), at.to_owned(), text.to_owned());
        self.out.findings.push(Local { steps, id, level, at, text, values });
    }

    /// Leaves two schemas below this one to a comparison of their own, unless they are equal.
    fn delegate(&mut self, step: Step, old: &[Id], new: &[Id], member: Option<bool>) {
        if self.graph.class_set(old) == self.graph.class_set(new) {
            return;
        }
        self.said += 1;
        let steps = [self.base.clone(), vec![step]].concat();
        let role = self.role.after(&steps).of_member(member);
        self.out.children.push((steps, pair(self.graph, old, new, role)));
    }

    /// Reports the differences as not classified, or as documentation if only text for people differs.
    fn leave(&mut self, old: &[Id], new: &[Id]) {
        for left in left(self.graph, old, new) {
            let (id, level) = match left.is_words {
                true => ("words-changed", Level::Documentation),
                false => (NOT_CLASSIFIED, Level::Unclassified),
            };
            let text = format!("{}: {}", unclassified(left.is_words), left.text);
            self.say_of(Vec::new(), id, level, &left.at, &text);
        }
    }

    /// Runs a rule on a keyword, if it differs. A difference that the rule does not report is reported as not classified.
    fn rule(&mut self, open: &mut Open, key: &str, rule: impl FnOnce(&mut Self, &[Id], &[Id])) {
        let Some((old, new)) = open.remove(key) else { return };
        let before = self.said;
        rule(self, &old, &new);
        if self.said == before {
            self.leave(&old, &new);
        }
    }
}
