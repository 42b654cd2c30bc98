//! Compares a response with its shape in the contract.
//!
//! The walk reads the names of members, and values where the contract has a list of values. It copies no other value out
//! of the body.

use std::collections::BTreeMap;

use cmp_generated::lenient;
use serde_json::value::RawValue;

use super::{
    known::{Known, Shape},
    model::DriftKind,
};
use crate::scrub::is_harmless_name;

/// Deeper than any response of the API.
const DEEPEST: usize = 32;
/// More findings in one response say nothing new.
const MOST_FINDINGS: usize = 64;
const HIDDEN: &str = "***";

/// An unknown thing in one response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) kind: DriftKind,
    pub(super) name: String,
    pub(super) value: Option<String>,
}

/// Returns what is in the body and not in the shape. Returns nothing if the body is not JSON.
pub(super) fn unknown_in(body: &[u8], shape: &Shape, known: &Known) -> Vec<Finding> {
    let mut walk = Walk { known, findings: Vec::new() };
    if let Ok(document) = serde_json::from_slice::<&RawValue>(body) {
        walk.value(document, &[shape], "", 0);
    } else if let Ok(document) = serde_json::from_str::<&RawValue>(&lenient::repaired(body)) {
        walk.value(document, &[shape], "", 0);
    }
    walk.findings
}

struct Walk<'k> {
    known: &'k Known,
    findings: Vec<Finding>,
}

impl<'k> Walk<'k> {
    fn value(&mut self, value: &RawValue, shapes: &[&'k Shape], path: &str, depth: usize) {
        if depth == DEEPEST {
            return;
        }
        let known = self.known;
        let shapes: Vec<_> = shapes.iter().flat_map(|shape| known.alternatives(shape)).collect();
        match value.get().as_bytes().first() {
            Some(b'{') => self.object(value, &shapes, path, depth),
            Some(b'[') => self.list(value, &shapes, path, depth),
            Some(b'"') => self.word(value, &shapes, path),
            _ => {}
        }
    }

    fn object(&mut self, object: &RawValue, shapes: &[&'k Shape], path: &str, depth: usize) {
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(object.get()) else { return };
        if shapes.iter().any(|shape| shape.kinds.is_some()) {
            return self.resource(object, &members, shapes, path, depth);
        }
        if shapes.iter().all(|shape| shape.members.is_none() && shape.rest.is_none()) {
            return;
        }
        for (name, value) in members {
            let mut inner: Vec<_> =
                shapes.iter().filter_map(|shape| shape.members.as_ref()?.get(&name)).collect();
            if inner.is_empty() {
                inner.extend(shapes.iter().filter_map(|shape| shape.rest.as_deref()));
            }
            let path = join(path, &name);
            if inner.is_empty() {
                self.found(DriftKind::Member, path, None);
            } else {
                self.value(value, &inner, &path, depth + 1);
            }
        }
    }

    /// Compares a resource with the shape for its `type`.
    fn resource(
        &mut self,
        object: &RawValue,
        members: &BTreeMap<String, &RawValue>,
        shapes: &[&'k Shape],
        path: &str,
        depth: usize,
    ) {
        let kind = members.get("type").and_then(|kind| serde_json::from_str::<String>(kind.get()).ok());
        let kind = kind.unwrap_or_default();
        let path = path.trim_end_matches("[]");
        let known: Vec<_> = shapes.iter().filter_map(|shape| shape.kinds.as_ref()?.get(&kind)).collect();
        if known.is_empty() {
            self.found(DriftKind::IncludedType, path.to_owned(), Some(kind));
        } else {
            self.value(object, &known, &format!("{path}[{kind}]"), depth + 1);
        }
    }

    fn list(&mut self, list: &RawValue, shapes: &[&'k Shape], path: &str, depth: usize) {
        let items: Vec<_> = shapes.iter().filter_map(|shape| shape.items.as_deref()).collect();
        if items.is_empty() {
            return;
        }
        let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else { return };
        let path = format!("{path}[]");
        for value in values {
            self.value(value, &items, &path, depth + 1);
        }
    }

    fn word(&mut self, word: &RawValue, shapes: &[&'k Shape], path: &str) {
        let mut lists = shapes.iter().filter(|shape| shape.is_list_of_values()).peekable();
        if lists.peek().is_none() {
            return;
        }
        let Ok(word) = serde_json::from_str::<String>(word.get()) else { return };
        if !lists.any(|list| list.knows(&word)) {
            self.found(DriftKind::EnumValue, path.to_owned(), Some(word));
        }
    }

    fn found(&mut self, kind: DriftKind, name: String, value: Option<String>) {
        if self.findings.len() < MOST_FINDINGS {
            let value = value.filter(|value| is_harmless_name(value));
            self.findings.push(Finding { kind, name, value });
        }
    }
}

/// Replaces names in a path that could be a secret with `***`.
pub(super) fn harmless_path(path: &str) -> String {
    let separators = ['.', '[', ']'];
    let mut shown = String::new();
    for piece in path.split_inclusive(separators) {
        let name = piece.trim_end_matches(separators);
        shown.push_str(if name.is_empty() || is_harmless_name(name) { name } else { HIDDEN });
        shown.push_str(&piece[name.len()..]);
    }
    shown
}

fn join(path: &str, name: &str) -> String {
    let name = if is_harmless_name(name) { name } else { HIDDEN };
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_that_holds_itself_is_not_followed_forever() {
        let known: Known = serde_json::from_str(
            r#"{"operations": {}, "schemas": {"Node": {"members": {"next": {"refs": ["Node"]}}}}}"#,
        )
        .unwrap();
        let shape: Shape = serde_json::from_str(r#"{"refs": ["Node"]}"#).unwrap();
        let nested =
            |depth: usize| format!("{}{{\"unknown\":1}}{}", "{\"next\":".repeat(depth), "}".repeat(depth));
        assert_eq!(unknown_in(nested(3).as_bytes(), &shape, &known)[0].name, "next.next.next.unknown");
        assert!(unknown_in(nested(100_000).as_bytes(), &shape, &known).is_empty());
    }
}
