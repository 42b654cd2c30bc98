//! Operations: which there are, what they take, what they answer.

use serde_json::Value;

use super::place::{Operation, Part, Place};
use super::view::{At, resolved};
use super::{Compare, Finding, Target};
use crate::diff::change::{Level, Side};
use crate::spec::json::below;
use crate::spec::split::{METHODS, SECTIONS, WEBHOOKS};

/// An operation in one of the documents.
struct Found<'d> {
    operation: Operation,
    at: String,
    value: &'d Value,
    /// Those of the path, which hold for each of its operations.
    shared: Vec<At<'d>>,
}

impl Compare<'_> {
    pub(super) fn operations(&mut self) {
        let (old, new) = (found(self.old), found(self.new));
        let counterpart = |of: &Found<'_>, all: &[Found<'_>]| {
            all.iter().position(|other| {
                other.operation.method == of.operation.method
                    && other.operation.is_webhook == of.operation.is_webhook
                    && template(&other.operation.path) == template(&of.operation.path)
            })
        };
        for gone in old.iter().filter(|gone| counterpart(gone, &new).is_none()) {
            self.removed(gone, &new);
        }
        for found in &new {
            match counterpart(found, &old) {
                Some(index) => self.pair(&old[index], found),
                None => self.added(found),
            }
        }
    }

    fn added(&mut self, found: &Found<'_>) {
        let (id, side) = match found.operation.is_webhook {
            true => ("webhook-added", Side::Readers),
            false => ("endpoint-added", Side::Both),
        };
        let text = format!("{} is new", found.operation.label());
        self.operation(&found.operation, id, (Level::Additive, side), &found.at, text);
    }

    fn removed(&mut self, gone: &Found<'_>, new: &[Found<'_>]) {
        if gone.operation.is_webhook {
            let text = format!("{} is gone", gone.operation.label());
            let verdict = (Level::Breaking, Side::Readers);
            return self.operation(&gone.operation, "webhook-removed", verdict, &gone.at, text);
        }
        let path_is_left =
            new.iter().any(|other| template(&other.operation.path) == template(&gone.operation.path));
        let id = match (path_is_left, is_deprecated(gone.value)) {
            (true, false) => "api-removed-without-deprecation",
            (true, true) => "api-removed-with-deprecation",
            (false, false) => "api-path-removed-without-deprecation",
            (false, true) => "api-path-removed-with-deprecation",
        };
        let same = new.iter().find(|other| is_like(gone, other));
        let mut text = format!("{} is gone", gone.operation.label());
        if let Some(same) = same {
            text = format!("{text}; {} takes and answers the same", same.operation.label());
        }
        self.operation(&gone.operation, id, (Level::Breaking, Side::Both), &gone.at, text);
    }

    fn pair(&mut self, old: &Found<'_>, new: &Found<'_>) {
        self.words(old, new);
        self.security_of(&new.operation, old.value, new.value, &new.at);
        self.parameters(old, new);
        self.request(old, new);
        self.answers(old, new);
    }

    fn words(&mut self, old: &Found<'_>, new: &Found<'_>) {
        let operation = &new.operation;
        let verdict = (Level::Documentation, Side::Both);
        for key in ["summary", "description"] {
            if old.value.get(key) != new.value.get(key) {
                let text = format!("{} has another {key}", operation.label());
                self.operation(operation, &format!("api-{key}-changed"), verdict, &new.at, text);
            }
        }
        if old.value.get("operationId") != new.value.get("operationId") {
            let text = format!("{} has another operationId", operation.label());
            self.operation(operation, "api-operation-id-changed", verdict, &new.at, text);
        }
        if old.value.get("tags") != new.value.get("tags") {
            let text = format!("{} has other tags", operation.label());
            self.operation(operation, "api-tags-changed", verdict, &new.at, text);
        }
        match (is_deprecated(old.value), is_deprecated(new.value)) {
            (false, true) => {
                let text = format!("{} is deprecated", operation.label());
                self.operation(operation, "endpoint-deprecated", verdict, &new.at, text);
            }
            (true, false) => {
                let text = format!("{} is no longer deprecated", operation.label());
                self.operation(operation, "endpoint-reactivated", verdict, &new.at, text);
            }
            _ => {}
        }
    }

    fn parameters(&mut self, old: &Found<'_>, new: &Found<'_>) {
        let (before, after) = (parameters(self.old, old), parameters(self.new, new));
        for parameter in &after {
            let place = Place::new(&new.operation, Part::Parameter(parameter.name.clone()));
            match before.iter().find(|other| other.key == parameter.key) {
                Some(other) => self.parameter(&place, other, parameter),
                None => {
                    let (kind, level) = match (parameter.kind.as_str(), parameter.required) {
                        ("path", _) => ("new-request-path-parameter", Level::Breaking),
                        (_, true) => ("new-required-request-parameter", place.verdict(true)),
                        (_, false) => ("new-optional-request-parameter", Level::Additive),
                    };
                    let id = kind.replace("request", place.message());
                    self.member_as(&place, &id, level, &parameter.at, "is new");
                }
            }
        }
        for gone in before.iter().filter(|gone| !after.iter().any(|other| other.key == gone.key)) {
            let place = Place::new(&new.operation, Part::Parameter(gone.name.clone()));
            self.member(&place, "removed", Level::Breaking, &gone.at, "is gone");
        }
    }

    fn parameter(&mut self, place: &Place, old: &Parameter<'_>, new: &Parameter<'_>) {
        match (old.required, new.required) {
            (false, true) => {
                self.member(place, "became-required", place.verdict(true), &new.at, "is required now");
            }
            (true, false) => {
                self.member(place, "became-optional", place.verdict(false), &new.at, "is optional now");
            }
            _ => {}
        }
        if old.name != new.name {
            let text = format!("was called `{}`", old.name);
            self.member(place, "renamed", Level::Documentation, &new.at, &text);
        }
        if old.value.get("description") != new.value.get("description") {
            let text = "has another description";
            self.member(place, "description-changed", Level::Documentation, &new.at, text);
        }
        for key in ["style", "explode", "allowReserved"] {
            if old.value.get(key) != new.value.get(key) {
                let text = format!("is written in another way ({key})");
                self.member(place, "style-changed", Level::Breaking, &new.at, &text);
            }
        }
        let any = Value::Bool(true);
        let schema = |parameter: &Parameter<'_>| below(&parameter.at, "schema");
        let before = (schema(old), old.value.get("schema").unwrap_or(&any));
        let after = (schema(new), new.value.get("schema").unwrap_or(&any));
        self.schema(place, before, after);
    }

    fn request(&mut self, old: &Found<'_>, new: &Found<'_>) {
        let place = Place::new(&new.operation, Part::Request);
        let required = |body: &Value| body.get("required").is_some_and(|required| required == true);
        match (body(self.old, old), body(self.new, new)) {
            (None, Some((at, body))) => {
                let (suffix, level) = match required(body) {
                    true => ("added-required", place.verdict(true)),
                    false => ("added-optional", Level::Additive),
                };
                self.member(&place, suffix, level, &at, "is new");
            }
            (Some((at, _)), None) => {
                self.member(&place, "removed", Level::Breaking, &at, "is gone");
            }
            (Some(before), Some(after)) => {
                match (required(before.1), required(after.1)) {
                    (false, true) => {
                        let level = place.verdict(true);
                        self.member(&place, "became-required", level, &after.0, "is required now");
                    }
                    (true, false) => {
                        let level = place.verdict(false);
                        self.member(&place, "became-optional", level, &after.0, "is optional now");
                    }
                    _ => {}
                }
                self.content(&place, before, after);
            }
            (None, None) => {}
        }
    }

    fn answers(&mut self, old: &Found<'_>, new: &Found<'_>) {
        let empty = serde_json::Map::new();
        let of = |found: &Found<'_>| found.value.get("responses").and_then(Value::as_object).cloned();
        let (before, after) = (of(old).unwrap_or_else(|| empty.clone()), of(new).unwrap_or(empty));
        let at = |found: &Found<'_>, status: &str| below(&below(&found.at, "responses"), status);
        for (status, answer) in &after {
            let place = Place::new(&new.operation, Part::Answer(status.clone()));
            let here = resolved(self.new, (at(new, status), answer));
            match before.get(status) {
                Some(other) => {
                    let there = resolved(self.old, (at(old, status), other));
                    self.answer(&place, there, here);
                }
                None => self.status(&place, status, "added", &here.0),
            }
        }
        for status in before.keys().filter(|status| !after.contains_key(*status)) {
            let place = Place::new(&new.operation, Part::Answer(status.clone()));
            self.status(&place, status, "removed", &at(old, status));
        }
    }

    fn status(&mut self, place: &Place, status: &str, verb: &str, at: &str) {
        let success = status.starts_with('2');
        let kind = if success { "success" } else { "non-success" };
        // Fewer failures are no harm; a success that no longer comes is what a program waits for.
        let level = if success && verb == "removed" { Level::Breaking } else { Level::Additive };
        self.findings.push(Finding {
            id: format!("{}-{kind}-status-{verb}", place.message()),
            level,
            side: Side::Readers,
            at: at.to_owned(),
            text: format!("status {status} is {}", if verb == "added" { "new" } else { "gone" }),
            target: Target::Operation(place.operation.clone()),
        });
    }

    fn answer(&mut self, place: &Place, old: At<'_>, new: At<'_>) {
        if old.1.get("description") != new.1.get("description") {
            let text = "has another description";
            self.member(place, "description-changed", Level::Documentation, &new.0, text);
        }
        self.headers(place, &old, &new);
        self.content(place, old, new);
    }

    fn headers(&mut self, place: &Place, old: &At<'_>, new: &At<'_>) {
        let of = |(_, answer): &At<'_>| answer.get("headers").and_then(Value::as_object).cloned();
        let (before, after) = (of(old).unwrap_or_default(), of(new).unwrap_or_default());
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            let text = format!("has a new header {name}");
            self.member_as(
                place,
                &format!("{}-header-added", place.message()),
                Level::Additive,
                &new.0,
                &text,
            );
        }
        for (name, header) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let required = header.get("required").is_some_and(|required| required == true);
            let kind = if required { "required" } else { "optional" };
            let id = format!("{kind}-{}-header-removed", place.message());
            let text = format!("no longer has the header {name}");
            self.member_as(place, &id, Level::Breaking, &old.0, &text);
        }
    }

    /// The media types of a body, and its schema under each.
    fn content(&mut self, place: &Place, (old_at, old): At<'_>, (new_at, new): At<'_>) {
        let of = |body: &Value| body.get("content").and_then(Value::as_object).cloned().unwrap_or_default();
        let (before, after) = (of(old), of(new));
        let (old_at, new_at) = (below(&old_at, "content"), below(&new_at, "content"));
        let part = match place.part {
            Part::Answer(_) => place.message().to_owned(),
            _ => place.prefix(),
        };
        for (kind, media) in &after {
            let Some(other) = before.get(kind) else {
                let (id, text) = (format!("{part}-media-type-added"), format!("may be {kind} too"));
                self.member_as(place, &id, Level::Additive, &below(&new_at, kind), &text);
                continue;
            };
            let any = Value::Bool(true);
            let at = |content: &str| below(&below(content, kind), "schema");
            let there = (at(&old_at), other.get("schema").unwrap_or(&any));
            let here = (at(&new_at), media.get("schema").unwrap_or(&any));
            self.schema(place, there, here);
        }
        for kind in before.keys().filter(|kind| !after.contains_key(*kind)) {
            let (id, text) = (format!("{part}-media-type-removed"), format!("is no longer {kind}"));
            self.member_as(place, &id, Level::Breaking, &below(&old_at, kind), &text);
        }
    }
}

/// Whether two operations take and, where all goes well, answer the same.
fn is_like(one: &Found<'_>, other: &Found<'_>) -> bool {
    let successes = |found: &Found<'_>| {
        let answers = found.value.get("responses").and_then(Value::as_object).cloned().unwrap_or_default();
        answers.into_iter().filter(|(status, _)| status.starts_with('2')).collect::<Vec<_>>()
    };
    one.operation.method == other.operation.method
        && one.value.get("requestBody") == other.value.get("requestBody")
        && successes(one) == successes(other)
}

fn found(document: &Value) -> Vec<Found<'_>> {
    let mut all = Vec::new();
    for section in SECTIONS {
        for (path, item) in document.get(section).and_then(Value::as_object).into_iter().flatten() {
            let at = below(&below("", section), path);
            let shared = listed(item, &at);
            for method in METHODS {
                let Some(value) = item.get(method) else { continue };
                let operation = Operation {
                    is_webhook: section == WEBHOOKS,
                    method: method.to_owned(),
                    path: path.clone(),
                };
                all.push(Found { operation, at: below(&at, method), value, shared: shared.clone() });
            }
        }
    }
    all
}

fn body<'d>(document: &'d Value, found: &Found<'d>) -> Option<At<'d>> {
    let body = found.value.get("requestBody")?;
    Some(resolved(document, (below(&found.at, "requestBody"), body)))
}

fn listed<'d>(holder: &'d Value, at: &str) -> Vec<At<'d>> {
    let list = holder.get("parameters").and_then(Value::as_array).into_iter().flatten().enumerate();
    list.map(|(index, parameter)| (below(&below(at, "parameters"), &index.to_string()), parameter)).collect()
}

/// A path without the names of its parameters.
pub(crate) fn template(path: &str) -> String {
    let words = path.split('/').map(|word| if word.starts_with('{') { "{}" } else { word });
    words.collect::<Vec<_>>().join("/")
}

fn is_deprecated(operation: &Value) -> bool {
    operation.get("deprecated").is_some_and(|deprecated| deprecated == true)
}

struct Parameter<'d> {
    at: String,
    value: &'d Value,
    name: String,
    kind: String,
    required: bool,
    /// What makes it the same parameter: its kind and name, or its position in the path.
    key: (String, String),
}

fn parameters<'d>(document: &'d Value, found: &Found<'d>) -> Vec<Parameter<'d>> {
    let all = listed(found.value, &found.at).into_iter().chain(found.shared.clone());
    let parameters = all.map(|parameter| {
        let (at, value) = resolved(document, parameter);
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, kind) = (text("name"), text("in"));
        let position = found.operation.path.split('/').position(|word| word == format!("{{{name}}}"));
        let identity = position.map_or_else(|| name.clone(), |position| position.to_string());
        let required = value.get("required").is_some_and(|required| required == true);
        Parameter { at, value, required, key: (kind.clone(), identity), name, kind }
    });
    parameters.collect()
}
