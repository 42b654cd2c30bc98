//! Compares the numbers that limit a value.

use std::cmp::Ordering;

use super::{Judge, Open, view::View};
use crate::diff::{change::Level, equal::Id};

/// The keyword, its name in change ids, its exclusive or inclusive counterpart, and whether a smaller number is
/// tighter.
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
                    // The tightest limit of this keyword is equal on both sides. Only looser limits differ.
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

    /// Returns the tightest number of a keyword.
    fn bound(&self, view: &View, keyword: &str, upper: bool) -> Option<Bound<'_>> {
        let all = view.keywords.get(keyword).into_iter().flatten();
        let numbers = all.filter_map(|id| Bound::of(self.graph.text(*id)?));
        numbers.reduce(|one, other| if other.is_below(one) == upper { other } else { one })
    }

    /// Returns the tighter bound of a keyword and its counterpart, and whether that bound excludes the number itself.
    fn bounds(&self, view: &View, keyword: &str, twin: &str, upper: bool) -> Option<(Bound<'_>, bool)> {
        let of = |keyword: &str| Some((self.bound(view, keyword, upper)?, keyword.starts_with("exclusive")));
        let (one, other) = (of(keyword), of(twin));
        match tighter(one, other, upper) {
            Some(true) => other,
            _ => one,
        }
    }
}

/// A number. Integers are compared exactly, because a float can't hold all digits of a long integer.
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

/// Whether the second bound allows fewer values than the first one. `None` if both allow the same values.
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
