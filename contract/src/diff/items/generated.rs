//! Finds the items of `cmp_generated` behind a place of the contract.
//!
//! The walk follows the place's steps through the lowered document.

use serde_json::Value;

use crate::{
    diff::compare::{Operation, Part, Place, Step, template},
    spec::lower::{field_name, type_name},
};

const SCHEMAS: &str = "#/components/schemas/";
/// The union of all error bodies. The operations themselves leave the body of an error response untyped.
const ERRORS: &str = "ErrorDocument";

/// A field of a generated type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) owner: String,
    pub(super) name: String,
}

/// The generated items that belong to a place.
#[derive(Debug, Default)]
pub(super) struct Spot {
    /// The fields on the way to the place, the outermost first.
    pub(super) fields: Vec<Field>,
    /// The type of the value at the place, if it has a name.
    pub(super) named: Option<String>,
    /// `true` if the document contains the place.
    pub(super) exists: bool,
}

/// The lowered document of the old or the new contract.
#[derive(Clone, Copy)]
pub(super) struct Lowered<'d> {
    pub(super) document: &'d Value,
    pub(super) is_new: bool,
}

impl<'d> Lowered<'d> {
    /// Returns the generated method of an operation.
    pub(super) fn method(&self, operation: &Operation) -> Option<String> {
        let name = self.operation(operation)?.get("operationId")?.as_str()?;
        Some(field_name(name))
    }

    fn operation(&self, operation: &Operation) -> Option<&'d Value> {
        let paths = self.document.get("paths")?.as_object()?;
        let item = paths.iter().find(|(path, _)| template(path) == template(&operation.path))?.1;
        item.get(&operation.method)
    }

    fn component(&self, name: &str) -> Option<&'d Value> {
        self.document.pointer("/components/schemas")?.get(name)
    }

    /// Follows the place's steps through this document.
    pub(super) fn spot(&self, place: &Place) -> Spot {
        let mut walk = Walk { lowered: *self, sent: place.part == Part::Request, spot: Spot::default() };
        if matches!(&place.part, Part::Answer(status) if status.starts_with(['4', '5'])) {
            walk.spot.named = Some(ERRORS.to_owned());
        }
        let mut here = self.root(place).map(|schema| walk.enter(schema));
        for step in &place.trail {
            here = walk.step(here, step);
        }
        walk.spot.exists = here.is_some();
        walk.spot
    }

    fn root(&self, place: &Place) -> Option<&'d Value> {
        let operation = self.operation(&place.operation)?;
        let body = match &place.part {
            Part::Parameter(_) => return None,
            Part::Request => operation.get("requestBody")?,
            Part::Answer(status) if status.starts_with(['4', '5']) => return self.component(ERRORS),
            Part::Answer(status) => match operation["responses"].get(status) {
                Some(answer) => answer,
                None => operation["responses"].as_object()?.values().find(|a| a.get("content").is_some())?,
            },
        };
        body.get("content")?.as_object()?.values().next()?.get("schema")
    }

    /// Returns the name of a schema's list of values. This is the schema itself, or the list of the known values of an
    /// open one.
    pub(super) fn values(&self, name: &str) -> Option<String> {
        let schema = self.component(name)?;
        if schema.get("enum").is_some() {
            return Some(name.to_owned());
        }
        let known = schema.pointer("/x-open-enum/$ref")?.as_str()?;
        Some(known.trim_start_matches(SCHEMAS).to_owned())
    }
}

struct Walk<'d> {
    lowered: Lowered<'d>,
    sent: bool,
    spot: Spot,
}

impl<'d> Walk<'d> {
    fn step(&mut self, here: Option<&'d Value>, step: &Step) -> Option<&'d Value> {
        match step {
            Step::Into { old, new } => {
                let name = if self.lowered.is_new { new } else { old };
                self.jump(here, name.as_deref())
            }
            Step::Property(property) => {
                let owner = self.spot.named.take().filter(|_| here.is_some());
                if let Some(owner) = owner {
                    self.spot.fields.push(Field { owner, name: field_name(property) });
                }
                let schema = here?.get("properties")?.get(property)?;
                self.limited_text(schema);
                Some(self.enter(schema))
            }
            Step::Items => here?.get("items").map(|schema| self.enter(schema)),
            Step::Values => here?.get("additionalProperties").map(|schema| self.enter(schema)),
            Step::Choice => here,
            Step::Header(_) => None,
        }
    }

    /// Sets the type of a string with limits. The generator makes such a type and names it after the field.
    fn limited_text(&mut self, schema: &Value) {
        let limited = ["minLength", "maxLength", "pattern"].iter().any(|key| schema.get(key).is_some());
        if let (true, None, Some(field)) = (limited, schema.get("format"), self.spot.fields.last()) {
            self.spot.named = Some(format!("{}{}", field.owner, type_name(&field.name)));
        }
    }

    /// Enters a component of the contract. In a request, the lowered document may call the component `New…`.
    fn jump(&mut self, here: Option<&'d Value>, name: Option<&str>) -> Option<&'d Value> {
        let Some(name) = name else { return here };
        let copy = self.sent.then(|| format!("New{name}"));
        for candidate in copy.as_deref().into_iter().chain([name]) {
            if let Some(schema) = self.lowered.component(candidate) {
                if self.spot.named.as_deref() != Some(candidate) && !is_list(schema) {
                    self.spot.named = Some(candidate.to_owned());
                    return Some(schema);
                }
                return here.or(Some(schema));
            }
        }
        here
    }

    /// Follows references, alone or as the only part of `allOf`, and notes the name.
    fn enter(&mut self, schema: &'d Value) -> &'d Value {
        let target = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Value::as_str);
        let Some(name) = target.and_then(|target| target.strip_prefix(SCHEMAS)) else { return schema };
        let Some(found) = self.lowered.component(name) else { return schema };
        self.spot.named = Some(name.to_owned());
        self.enter(found)
    }
}

fn is_list(schema: &Value) -> bool {
    schema.get("enum").is_some() || schema.get("x-open-enum").is_some()
}
