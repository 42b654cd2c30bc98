//! Compares the parameters of an operation.

use serde_json::Value;

use super::{
    finding::{Compare, Target, kebab},
    place::{Operation, Part, Place},
};
use crate::{
    diff::{change::Level, equal::Id},
    spec::split::parameters_of,
};

/// Header parameters that OpenAPI ignores, because other members of the document describe them.
const IGNORED: [&str; 3] = ["accept", "content-type", "authorization"];

struct Parameter {
    node: Id,
    name: String,
    kind: String,
    required: bool,
    /// Identifies the parameter in both contracts: its kind, and its name or its position in the path.
    key: (String, String),
}

impl Compare<'_> {
    pub(super) fn parameters(
        &mut self,
        (old, before): (&Operation, Option<Id>),
        (new, after): (&Operation, Option<Id>),
    ) {
        let (before, after) = (self.listed(old, before), self.listed(new, after));
        for parameter in &after {
            let place = Place::new(new, Part::Parameter(parameter.name.clone()));
            let at = self.graph.at(parameter.node).to_owned();
            match before.iter().find(|other| other.key == parameter.key) {
                Some(other) if self.graph.same(other.node, parameter.node) => {}
                _ if self.is_ignored(parameter) => {
                    let text = "is a header that OpenAPI says is ignored";
                    self.member(&place, "ignored", Level::Documentation, &at, text);
                }
                Some(other) => self.parameter(&place, other, parameter),
                None => {
                    let (kind, level) = match (parameter.kind.as_str(), parameter.required) {
                        ("path", _) => ("new-request-path-parameter", Level::Breaking),
                        (_, true) => ("new-required-request-parameter", place.verdict(true)),
                        (_, false) => ("new-optional-request-parameter", Level::Additive),
                    };
                    let id = kind.replace("request", place.message());
                    self.member_as(&place, &id, level, &at, "is new");
                }
            }
        }
        for gone in before.iter().filter(|gone| !after.iter().any(|other| other.key == gone.key)) {
            let place = Place::new(new, Part::Parameter(gone.name.clone()));
            let at = self.graph.at(gone.node).to_owned();
            let level = if self.is_ignored(gone) { Level::Documentation } else { Level::Breaking };
            self.member(&place, "removed", level, &at, "is gone");
        }
    }

    fn is_ignored(&self, parameter: &Parameter) -> bool {
        parameter.kind == "header" && IGNORED.contains(&parameter.name.to_ascii_lowercase().as_str())
    }

    fn parameter(&mut self, place: &Place, old: &Parameter, new: &Parameter) {
        let mut fields = self.fields(old.node, new.node);
        let at = fields.at.clone();
        let target = Target::Member(place.clone());
        self.requiredness(place, &mut fields, old.node, new.node);
        self.rule(&mut fields, &target, "name", |this, _, _| {
            let text = format!("was called `{}`", old.name);
            this.member(place, "renamed", Level::Documentation, &at, &text);
        });
        self.value_of(place, &mut fields, (old.node, new.node));
        self.rest(fields, &target);
    }

    fn listed(&self, operation: &Operation, parameters: Option<Id>) -> Vec<Parameter> {
        let all = parameters.map(|id| self.graph.elements(id)).unwrap_or_default().iter();
        let parameter = |node: &Id| {
            let text = |key: &str| {
                let value = self.graph.get(*node, key).map_or(&Value::Null, |id| self.graph.value(id));
                value.as_str().unwrap_or_default().to_owned()
            };
            let (name, kind) = (text("name"), text("in"));
            let position = parameters_of(&operation.path).iter().position(|other| *other == name);
            let identity = match (kind.as_str(), position) {
                ("path", Some(position)) => position.to_string(),
                ("header", _) => name.to_ascii_lowercase(),
                _ => name.clone(),
            };
            Parameter {
                node: *node,
                required: self.is_required(*node),
                key: (kind.clone(), identity),
                name,
                kind,
            }
        };
        all.map(parameter).collect()
    }

    /// Compares the serialization of a parameter or header, and its schema or content.
    pub(super) fn value_of(
        &mut self,
        place: &Place,
        fields: &mut super::finding::Fields,
        (old, new): (Id, Id),
    ) {
        let target = Target::Member(place.clone());
        let at = fields.at.clone();
        for key in ["style", "explode", "allowReserved", "allowEmptyValue"] {
            self.rule(fields, &target, key, |this, _, _| {
                let text = format!("is written in another way ({})", kebab(key));
                this.member(place, "style-changed", Level::Breaking, &at, &text);
            });
        }
        let has = |this: &Self, id: Id| this.graph.get(id, "content").is_some();
        if has(self, old) != has(self, new) {
            fields.open.remove("schema");
            self.rule(fields, &target, "content", |this, _, _| {
                let text = "is written in another way (content)";
                this.member(place, "style-changed", Level::Breaking, &at, text);
            });
        }
        self.rule(fields, &target, "schema", |this, before, after| {
            this.walk(place, before.as_slice(), after.as_slice());
        });
        self.content_rule(place, fields, new);
    }
}
