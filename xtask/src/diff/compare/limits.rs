//! Numbers that bound a value.

use serde_json::Value;

use super::place::Place;
use super::view::View;
use super::{Compare, short};

/// Keyword, its name in change ids, and whether a smaller number is the tighter one.
const LIMITS: [(&str, &str, bool); 10] = [
    ("maximum", "max", true),
    ("exclusiveMaximum", "exclusive-max", true),
    ("maxLength", "max-length", true),
    ("maxItems", "max-items", true),
    ("maxProperties", "max-properties", true),
    ("minimum", "min", false),
    ("exclusiveMinimum", "exclusive-min", false),
    ("minLength", "min-length", false),
    ("minItems", "min-items", false),
    ("minProperties", "min-properties", false),
];

pub(super) fn is_limit(keyword: &str) -> bool {
    LIMITS.iter().any(|(name, ..)| *name == keyword)
}

impl Compare<'_> {
    pub(super) fn limits(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        for (keyword, name, upper) in LIMITS {
            let (before, after) = (old.keyword(keyword), new.keyword(keyword));
            let (verb, tighter) = match (before.and_then(Value::as_f64), after.and_then(Value::as_f64)) {
                (None, Some(_)) => ("set", true),
                (Some(_), None) => ("unset", false),
                (Some(was), Some(is)) if is < was => ("decreased", upper),
                (Some(was), Some(is)) if is > was => ("increased", !upper),
                _ => continue,
            };
            let shown = |limit: Option<&Value>| limit.map_or_else(|| "none".to_owned(), short);
            let text = format!("has another {keyword}: {} → {}", shown(before), shown(after));
            self.member(place, &format!("{name}-{verb}"), place.verdict(tighter), &new.at, &text);
        }
    }
}
