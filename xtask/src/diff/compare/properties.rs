//! The members of an object.

use serde_json::Value;

use super::Compare;
use super::place::{Place, Step};
use super::view::{At, View};
use crate::diff::change::Level;
use crate::spec::json::below;

impl Compare<'_> {
    pub(super) fn properties(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        for (name, (at, schema)) in &new.properties {
            let member = place.step(Step::Property(name.clone()));
            let required = new.required.contains(name);
            match old.properties.get(name) {
                None => self.property_added(&member, at, schema, required),
                Some(before) => {
                    let after = (at.clone(), *schema);
                    self.requiredness(&member, &after, old.required.contains(name), required);
                    self.one_way(&member, before.1, &after, required);
                    self.schema(&member, before.clone(), after);
                }
            }
        }
        for (name, (at, _)) in &old.properties {
            if !new.properties.contains_key(name) {
                let member = place.step(Step::Property(name.clone()));
                self.property_removed(&member, at, old.required.contains(name));
            }
        }
        self.additional(place, old, new);
    }

    fn property_added(&mut self, place: &Place, at: &str, schema: &Value, required: bool) {
        let message = place.message();
        let (id, level) = match (place.is_sent(), required) {
            (true, true) if schema.get("default").is_some() => {
                (format!("new-required-{message}-property-with-default"), Level::Additive)
            }
            (true, true) => (format!("new-required-{message}-property"), Level::Breaking),
            (true, false) => (format!("new-optional-{message}-property"), Level::Additive),
            (false, true) => (format!("{message}-required-property-added"), Level::Additive),
            (false, false) => (format!("{message}-optional-property-added"), Level::Additive),
        };
        self.member_as(place, &id, level, at, "is new");
    }

    fn property_removed(&mut self, place: &Place, at: &str, required: bool) {
        let kind = match (place.is_sent(), required) {
            (true, _) => "property-removed",
            (false, true) => "required-property-removed",
            (false, false) => "optional-property-removed",
        };
        self.member_as(place, &format!("{}-{kind}", place.message()), Level::Breaking, at, "is gone");
    }

    fn requiredness(&mut self, place: &Place, (at, schema): &At<'_>, before: bool, after: bool) {
        match (before, after) {
            (false, true) if place.is_sent() && schema.get("default").is_some() => {
                let text = "is required now, with a default";
                self.member(place, "became-required-with-default", Level::Additive, at, text);
            }
            (false, true) => {
                self.member(place, "became-required", place.verdict(true), at, "is required now");
            }
            (true, false) => {
                self.member(place, "became-optional", place.verdict(false), at, "is optional now");
            }
            _ => {}
        }
    }

    /// Members that go one way only.
    fn one_way(&mut self, place: &Place, before: &Value, (at, after): &At<'_>, required: bool) {
        let (keyword, name) = match place.is_sent() {
            true => ("readOnly", "read-only"),
            false => ("writeOnly", "write-only"),
        };
        let set = |schema: &Value| schema.get(keyword).is_some_and(|value| value == true);
        let kind = if required { "required" } else { "optional" };
        let (verb, level) = match (set(before), set(after)) {
            (false, true) => ("became", Level::Breaking),
            (true, false) => ("became-not", Level::Additive),
            _ => return,
        };
        let text = format!("{} {name}", verb.replace('-', " "));
        let id = format!("{}-{kind}-property-{verb}-{name}", place.message());
        self.member_as(place, &id, level, at, &text);
    }

    fn additional(&mut self, place: &Place, old: &View<'_>, new: &View<'_>) {
        let key = "additionalProperties";
        let (before, after) = (old.keyword(key), new.keyword(key));
        let forbidden = |rule: Option<&Value>| rule.is_some_and(|rule| rule == false);
        match (forbidden(before), forbidden(after)) {
            (false, true) => {
                let level = if place.is_sent() { Level::Breaking } else { Level::Additive };
                let text = "has no members but the listed ones now";
                self.member(place, "additional-properties-forbidden", level, &new.at, text);
            }
            (true, false) => {
                // Readers ignore members that they don't know, as they must for any new member.
                let text = "may have members that are not listed";
                self.member(place, "additional-properties-allowed", Level::Additive, &new.at, text);
            }
            _ => {
                let any = Value::Bool(true);
                let values = |rule: Option<&Value>| rule.filter(|rule| rule.is_object()).is_some();
                if values(before) || values(after) {
                    let before = (below(&old.at, key), before.unwrap_or(&any));
                    let after = (below(&new.at, key), after.unwrap_or(&any));
                    self.schema(&place.step(Step::Values), before, after);
                }
            }
        }
    }
}
