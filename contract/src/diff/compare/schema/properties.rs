//! Compares the members of an object.

use std::collections::BTreeSet;

use super::{Judge, Step, view::View};
use crate::diff::{change::Level, equal::Id};

impl Judge<'_, '_> {
    pub(super) fn properties(&mut self, old: &View, new: &View) {
        let names: BTreeSet<&String> = old
            .properties
            .keys()
            .chain(new.properties.keys())
            .chain(old.required.keys())
            .chain(new.required.keys())
            .collect();
        for name in names {
            let (was, is) = (old.required.get(name).copied(), new.required.get(name).copied());
            match (old.properties.get(name), new.properties.get(name)) {
                (None, Some(schemas)) => self.property_added(name, schemas, was.is_some(), is),
                (Some(schemas), None) => self.property_removed(name, schemas, was.is_some()),
                (Some(before), Some(after)) if self.is_hidden(before) && self.is_hidden(after) => {
                    let same = self.graph.class_set(before) == self.graph.class_set(after);
                    if !same || was.is_some() != is.is_some() {
                        let (at, hidden) = (self.graph.at(after[0]).to_owned(), self.hidden());
                        let (id, text) =
                            (format!("{}-property-{hidden}-changed", self.role.message()), self.absent());
                        self.say_of(
                            vec![Step::Property(name.clone())],
                            &id,
                            Level::Documentation,
                            &at,
                            &text,
                        );
                    }
                }
                (Some(before), Some(after)) => {
                    self.requiredness(name, after, was.is_some(), is.is_some());
                    self.delegate(Step::Property(name.clone()), before, after, Some(is.is_some()));
                }
                // The member may be required, but no schema describes it.
                (None, None) => match (was, is) {
                    (None, Some(id)) | (Some(id), None) => {
                        self.requiredness(name, &[id], was.is_some(), is.is_some());
                    }
                    _ => {}
                },
            }
        }
    }

    /// Returns the mark of members that the message lacks: read-only if users of the API write the message, else
    /// write-only.
    fn hidden(&self) -> &'static str {
        if self.role.is_sent() { "read-only" } else { "write-only" }
    }

    fn absent(&self) -> String {
        format!("is {}, so it is not part of the message", self.hidden())
    }

    fn is_hidden(&self, schemas: &[Id]) -> bool {
        let key = if self.role.is_sent() { "readOnly" } else { "writeOnly" };
        self.is_set(schemas, key, |this, id| *this.graph.value(id) == true)
    }

    fn has_default(&self, schemas: &[Id]) -> bool {
        self.is_set(schemas, "default", |_, _| true)
    }

    fn is_set(&self, schemas: &[Id], key: &str, test: impl Fn(&Self, Id) -> bool) -> bool {
        let mut members = schemas.iter().flat_map(|id| self.graph.members(*id));
        members.any(|(other, id)| other == key && test(self, id))
    }

    fn inner_prefix(&self) -> String {
        self.role.after(&[Step::Property(String::new())]).prefix()
    }

    fn property_added(&mut self, name: &str, schemas: &[Id], was_required: bool, required: Option<Id>) {
        let message = self.role.message();
        let (at, steps) = (self.graph.at(schemas[0]).to_owned(), vec![Step::Property(name.to_owned())]);
        if self.is_hidden(schemas) {
            let id = format!("new-{}-{message}-property", self.hidden());
            return self.say_of(
                steps,
                &id,
                Level::Documentation,
                &at,
                &format!("is new, and {}", self.absent()),
            );
        }
        let (id, level) = match (self.role.is_sent(), required.is_some()) {
            (true, true) if self.has_default(schemas) => {
                (format!("new-required-{message}-property-with-default"), Level::Additive)
            }
            (true, true) if was_required => (format!("new-required-{message}-property"), Level::Additive),
            (true, true) => (format!("new-required-{message}-property"), Level::Breaking),
            (true, false) => (format!("new-optional-{message}-property"), Level::Additive),
            (false, true) => (format!("{message}-required-property-added"), Level::Additive),
            (false, false) => (format!("{message}-optional-property-added"), Level::Additive),
        };
        self.say_of(steps, &id, level, &at, "is new");
    }

    fn property_removed(&mut self, name: &str, schemas: &[Id], required: bool) {
        let (kind, level) = match (self.role.is_sent(), required) {
            _ if self.is_hidden(schemas) => ("hidden-property-removed", Level::Documentation),
            (true, _) => ("property-removed", Level::Breaking),
            (false, true) => ("required-property-removed", Level::Breaking),
            (false, false) => ("optional-property-removed", Level::Breaking),
        };
        let id = format!("{}-{}", self.role.message(), kind.replace("hidden", self.hidden()));
        let at = self.graph.at(schemas[0]).to_owned();
        self.say_of(vec![Step::Property(name.to_owned())], &id, level, &at, "is gone");
    }

    fn requiredness(&mut self, name: &str, schemas: &[Id], before: bool, after: bool) {
        let (suffix, level, text) = match (before, after) {
            (false, true) if self.is_hidden(schemas) => {
                ("became-required", Level::Documentation, "is required where it is sent")
            }
            (true, false) if self.is_hidden(schemas) => {
                ("became-optional", Level::Documentation, "is optional where it is sent")
            }
            (false, true) if self.role.is_sent() && self.has_default(schemas) => {
                ("became-required-with-default", Level::Additive, "is required now, with a default")
            }
            (false, true) => ("became-required", self.role.verdict(true), "is required now"),
            (true, false) => ("became-optional", self.role.verdict(false), "is optional now"),
            _ => return,
        };
        let (id, at) = (format!("{}-{suffix}", self.inner_prefix()), self.graph.at(schemas[0]).to_owned());
        self.say_of(vec![Step::Property(name.to_owned())], &id, level, &at, text);
    }
}
