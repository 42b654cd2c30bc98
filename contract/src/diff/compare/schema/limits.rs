//! Numbers that bound a value.

use std::cmp::Ordering;

use super::{Judge, Open, view::View};
use crate::diff::{change::Level, equal::Id};

/// Keyword, its name in change ids, its exclusive or inclusive twin, and whether a smaller number is the tighter one.
const LIMITS: [(&str, &str, &str, bool); 10] = [
    ("maximum", "max", "exclusiveMaximum", true),
    ("exclusiveMaximum", "exclusive-max", "maximum", true),
    ("maxLength", "max-length", "", true),
    ("maxItems", "max-items", "", true),
    ("maxProperties", "max-properties", "", true),
    ("minimum", "min", "exclusiveMinimum", false),
    ("exclusiveMinimum", "exclusive-min", "minimum", false),
    ("minLength", "min-length", "", false),
    ("minItems", "min-items", "", false),
    ("minProperties", "min-properties", "", false),
];

pub(super) fn is_limit(keyword: &str) -> bool {
    LIMITS.iter().any(|(name, ..)| *name == keyword)
}

impl Judge<'_, '_> {
    pub(super) fn limits(&mut self, open: &mut Open, old: &View, new: &View) {
        for (keyword, name, twin, upper) in LIMITS {
            self.rule(open, keyword, |this, gone, come| {
                let (before, after) = (this.bound(old, keyword, upper), this.bound(new, keyword, upper));
                let verb = match (before, after) {
                    (None, None) => return,
                    (None, Some(_)) => "set",
                    (Some(_), None) => "unset",
                    (Some(was), Some(is)) if is.is_below(was) => "decreased",
                    (Some(was), Some(is)) if was.is_below(is) => "increased",
                    // Another limit of the same kind is tighter, before and after.
                    _ => "restated",
                };
                let [was, is] = [old, new].map(|view| this.bounds(view, keyword, twin, upper));
                let level = match tighter(was, is, upper) {
                    Some(tighter) => this.role.verdict(tighter),
                    None => Level::Documentation,
                };
                let [gone, come] = match verb {
                    "restated" => [this.stated(gone), this.stated(come)],
                    _ => [before, after].map(|limit| limit.map_or_else(none, |limit| limit.text.to_owned())),
                };
                let text = format!("has another {keyword}: {gone} → {come}");
                this.say(&format!("{name}-{verb}"), level, &new.at, &text);
            });
        }
    }

    fn stated(&self, ids: &[Id]) -> String {
        let texts: Vec<&str> = ids.iter().filter_map(|id| self.graph.text(*id)).collect();
        if texts.is_empty() { none() } else { texts.join(" and ") }
    }

    /// The tightest number under a keyword.
    fn bound(&self, view: &View, keyword: &str, upper: bool) -> Option<Bound<'_>> {
        let all = view.keywords.get(keyword).into_iter().flatten();
        let numbers = all.filter_map(|id| Bound::of(self.graph.text(*id)?));
        numbers.reduce(|one, other| if other.is_below(one) == upper { other } else { one })
    }

    /// The bound that counts of a keyword and its twin, and whether the number itself is excluded.
    fn bounds(&self, view: &View, keyword: &str, twin: &str, upper: bool) -> Option<(Bound<'_>, bool)> {
        let of = |keyword: &str| Some((self.bound(view, keyword, upper)?, keyword.starts_with("exclusive")));
        let (one, other) = (of(keyword), of(twin));
        match tighter(one, other, upper) {
            Some(true) => other,
            _ => one,
        }
    }
}

/// A number, compared exactly where it is an integer: a float has no place for all digits of a long one.
#[derive(Debug, Clone, Copy)]
struct Bound<'t> {
    text: &'t str,
    whole: Option<i128>,
    near: f64,
}

impl<'t> Bound<'t> {
    fn of(text: &'t str) -> Option<Self> {
        Some(Self { text, whole: text.parse().ok(), near: text.parse().ok()? })
    }

    fn is_below(self, other: Self) -> bool {
        self.compared(other) == Some(Ordering::Less)
    }

    fn compared(self, other: Self) -> Option<Ordering> {
        match (self.whole, other.whole) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.near.partial_cmp(&other.near),
        }
    }
}

/// Whether the second bound leaves fewer values than the first one; nothing where they leave the same.
fn tighter(first: Option<(Bound<'_>, bool)>, second: Option<(Bound<'_>, bool)>, upper: bool) -> Option<bool> {
    match (first, second) {
        (None, None) => None,
        (None, Some(_)) => Some(true),
        (Some(_), None) => Some(false),
        (Some((first, was_exclusive)), Some((second, is_exclusive))) => match second.compared(first)? {
            Ordering::Less => Some(upper),
            Ordering::Greater => Some(!upper),
            Ordering::Equal if was_exclusive == is_exclusive => None,
            Ordering::Equal => Some(is_exclusive),
        },
    }
}

fn none() -> String {
    "none".to_owned()
}
