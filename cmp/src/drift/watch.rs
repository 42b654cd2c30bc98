//! Compares responses with their shapes in the contract, and counts what is unknown.
//!
//! The walk reads the names of members, and values where the contract has a list of values. It copies no other value out
//! of the body.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{LazyLock, Mutex, PoisonError},
};

use cmp_generated::lenient;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Drift, DriftEvent, DriftKind};
use crate::{
    metrics::{Happening, Metrics},
    operation::Operation,
    scrub::is_harmless_name,
    value::NetworkTokenState,
};

/// Written by `cargo xtask spec merge` from the contract.
const DOCUMENT: &str = include_str!("known.json");

/// The contract does not have it; error responses do, and the facade reads the trace id from it.
const NOT_IN_CONTRACT: (&str, &str) = ("ErrorResponse", "metadata");

/// The contract has no list of values here; the facade has one.
const TOKEN_STATE: (&str, &str) = ("NetworkTokenAttributes", "state");

/// Names come from the service, so their number needs a limit.
const MOST_ENTRIES: usize = 256;
/// Deeper than any response of the API.
const DEEPEST: usize = 32;
/// More findings in one response say nothing new.
const MOST_FINDINGS: usize = 64;
const HIDDEN: &str = "***";

type Hook = Box<dyn Fn(&DriftEvent) + Send + Sync>;
type Key = (&'static str, DriftKind, String, Option<String>);

/// Looks at responses and counts what is unknown in them.
#[derive(Default)]
pub(crate) struct Watch {
    counted: Mutex<Counted>,
    hook: Option<Hook>,
}

#[derive(Default)]
struct Counted {
    entries: BTreeMap<Key, DriftEvent>,
    unlisted: u64,
}

impl Watch {
    pub(crate) fn with_hook(hook: impl Fn(&DriftEvent) + Send + Sync + 'static) -> Self {
        Self { hook: Some(Box::new(hook)), ..Self::default() }
    }

    /// `unreadable` lists the paths of the members of a body that can't be read.
    pub(crate) fn look_at(
        &self,
        operation: Operation,
        status: u16,
        body: &[u8],
        unreadable: fn(&[u8]) -> Vec<String>,
        metrics: &Metrics,
    ) {
        let known = Known::get();
        let Some(shape) = known.answer(operation.name(), status) else {
            return self.count(
                operation,
                Finding { kind: DriftKind::Status, name: status.to_string(), value: None },
                metrics,
            );
        };
        if body.is_empty() {
            return;
        }
        let unreadable = unreadable(body);
        let unreadable = unreadable.iter().map(|path| Finding {
            kind: DriftKind::Unreadable,
            name: harmless_path(path),
            value: None,
        });
        for finding in unknown_in(body, shape, known).into_iter().chain(unreadable) {
            self.count(operation, finding, metrics);
        }
    }

    pub(crate) fn snapshot(&self) -> Drift {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        Drift { events: counted.entries.values().cloned().collect(), unlisted: counted.unlisted }
    }

    fn count(&self, operation: Operation, finding: Finding, metrics: &Metrics) {
        let kind = finding.kind.name();
        let event = self.counted.lock().unwrap_or_else(PoisonError::into_inner).add(operation, finding);
        let name = event.as_ref().map_or("_OTHER", |event| &event.name);
        metrics.count(|| Happening::Drift { operation, kind, name });
        // The lock is free again: the hook may ask for the snapshot.
        if let (Some(hook), Some(event)) = (&self.hook, event) {
            hook(&event);
        }
    }
}

impl Counted {
    fn add(&mut self, operation: Operation, finding: Finding) -> Option<DriftEvent> {
        let Finding { kind, name, value } = finding;
        let key = (operation.name(), kind, name.clone(), value.clone());
        if self.entries.len() >= MOST_ENTRIES && !self.entries.contains_key(&key) {
            self.unlisted += 1;
            return None;
        }
        let entry = self.entries.entry(key).or_insert(DriftEvent { operation, kind, name, value, count: 0 });
        entry.count += 1;
        Some(entry.clone())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("drift", &self.snapshot()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// Operation → status → the shape of the response, if it is JSON.
    operations: BTreeMap<String, BTreeMap<u16, Option<Shape>>>,
    schemas: BTreeMap<String, Shape>,
}

/// The shape of a value in a response. Anything that it leaves out is not checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shape {
    /// The names of further shapes that the value may have.
    refs: Vec<String>,
    /// Further shapes that the value may have.
    any: Vec<Shape>,
    members: Option<BTreeMap<String, Shape>>,
    /// The shape of all other members.
    rest: Option<Box<Shape>>,
    items: Option<Box<Shape>>,
    values: Option<Vec<String>>,
    /// Shapes by the value of the member `type`.
    kinds: Option<BTreeMap<String, Shape>>,
    #[serde(skip)]
    is_token_state: bool,
}

impl Known {
    fn get() -> &'static Self {
        static KNOWN: LazyLock<Known> = LazyLock::new(Known::read);
        &KNOWN
    }

    fn read() -> Self {
        let mut known: Self = serde_json::from_str(DOCUMENT).unwrap_or_default();
        let (schema, member) = TOKEN_STATE;
        let members = known.schemas.get_mut(schema).and_then(|schema| schema.members.as_mut());
        if let Some(state) = members.and_then(|members| members.get_mut(member)) {
            state.is_token_state = true;
        }
        let (schema, member) = NOT_IN_CONTRACT;
        if let Some(members) = known.schemas.get_mut(schema).and_then(|schema| schema.members.as_mut()) {
            members.entry(member.to_owned()).or_default();
        }
        known
    }

    /// Returns the shape of a response; `None` for a status that the contract does not have.
    fn answer(&self, operation: &str, status: u16) -> Option<&Shape> {
        static FREE: LazyLock<Shape> = LazyLock::new(Shape::default);
        let shape = self.operations.get(operation)?.get(&status)?;
        Some(shape.as_ref().unwrap_or(&FREE))
    }

    /// Returns the shape and the further shapes that the value may have.
    fn alternatives<'k>(&'k self, shape: &'k Shape) -> Vec<&'k Shape> {
        let mut found = vec![shape];
        let mut next = 0;
        while let Some(shape) = found.get(next).copied() {
            found.extend(shape.any.iter());
            found.extend(shape.refs.iter().filter_map(|name| self.schemas.get(name)));
            next += 1;
        }
        found
    }
}

impl Shape {
    fn knows(&self, value: &str) -> bool {
        if self.is_token_state {
            return !matches!(value.parse(), Ok(NetworkTokenState::Other(_)));
        }
        self.values.iter().flatten().any(|known| known == value)
    }

    fn is_list_of_values(&self) -> bool {
        self.is_token_state || self.values.is_some()
    }
}

/// An unknown thing in one response.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    kind: DriftKind,
    name: String,
    value: Option<String>,
}

/// Returns what is in the body and not in the shape. Returns nothing if the body is not JSON.
fn unknown_in(body: &[u8], shape: &Shape, known: &Known) -> Vec<Finding> {
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
fn harmless_path(path: &str) -> String {
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
    fn the_number_of_names_has_an_end() {
        let watch = Watch::default();
        for number in 0..MOST_ENTRIES + 10 {
            let name = format!("member{number}");
            watch.count(
                Operation::GetCard,
                Finding { kind: DriftKind::Member, name, value: None },
                &Metrics::default(),
            );
        }
        let name = "member0".to_owned();
        watch.count(
            Operation::GetCard,
            Finding { kind: DriftKind::Member, name, value: None },
            &Metrics::default(),
        );
        let drift = watch.snapshot();
        assert_eq!((drift.events.len(), drift.unlisted), (MOST_ENTRIES, 10));
        assert!(drift.events.iter().any(|event| event.count == 2));
    }

    #[test]
    fn the_document_covers_every_operation_and_resolves() {
        let known: Known = serde_json::from_str(DOCUMENT).unwrap();
        for operation in Operation::ALL {
            assert!(known.operations.contains_key(operation.name()), "{operation}");
        }
        let answers = known.operations.values().flat_map(BTreeMap::values).flatten();
        for shape in answers.chain(known.schemas.values()) {
            for name in &shape.refs {
                assert!(known.schemas.contains_key(name), "{name}");
            }
        }
        let (schema, member) = TOKEN_STATE;
        assert!(Known::get().schemas[schema].members.as_ref().unwrap()[member].is_token_state);
    }

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
