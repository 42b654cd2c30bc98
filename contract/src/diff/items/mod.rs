//! The Rust items behind a finding.
//!
//! The lowered documents give the generated items. The source of `cmp` gives the facade's items.

mod facade;
mod generated;
mod scan;

pub(crate) use facade::Facade;
use generated::{Field, Lowered, Spot};
use serde_json::Value;

use super::{
    change::{Items, add_new},
    compare::{Operation, Part, Place, Step, Target},
};
use crate::spec::lower::{field_name, type_name};

/// The facade's module for notifications.
const EVENTS: &str = "webhooks";
/// The facade's type for a whole notification.
const EVENT: &str = "Event";

/// Finds the Rust items of a change in the lowered documents and in the facade. A contract that can't be lowered has no
/// lowered document.
pub(crate) struct Naming<'d> {
    lowered: Vec<Lowered<'d>>,
    facade: &'d Facade,
}

impl<'d> Naming<'d> {
    pub(crate) fn new(old: Option<&'d Value>, new: Option<&'d Value>, facade: &'d Facade) -> Self {
        let old = old.map(|document| Lowered { document, is_new: false });
        let new = new.map(|document| Lowered { document, is_new: true });
        Self { lowered: old.into_iter().chain(new).collect(), facade }
    }

    pub(crate) fn items(&self, target: &Target) -> Items {
        let mut items = Items::default();
        if let Some(facade) = self.reader(target) {
            return Items { facade, ..items };
        }
        // The first pass needs a document that contains the place. The second pass is for a new place in a contract
        // that can't be lowered. The old document then shows where the place would be.
        for must_exist in [true, false] {
            for lowered in &self.lowered {
                items.extend(match target {
                    Target::Contract => Items::default(),
                    Target::Operation(operation) => self.operation(lowered, operation, None),
                    Target::Member(place) => self.member(lowered, place, must_exist),
                    Target::Values(place, values) => self.values(lowered, place, values, must_exist),
                });
            }
            if !items.generated.is_empty() {
                break;
            }
        }
        items
    }

    /// Returns the facade's type for a part of a webhook. The generated crate has no items for webhooks, so the name of
    /// the nearest schema decides. Without a match, this is the type of the whole event.
    fn reader(&self, target: &Target) -> Option<Vec<String>> {
        let (operation, trail) = match target {
            Target::Contract => return None,
            Target::Operation(operation) => (operation, &[][..]),
            Target::Member(place) | Target::Values(place, _) => (&place.operation, &place.trail[..]),
        };
        let schemas = trail.iter().rev().flat_map(|step| match step {
            Step::Into { old, new } => [new.as_deref(), old.as_deref()],
            _ => [None, None],
        });
        let of_schema = |name: &str| self.facade.of_module(EVENTS, name.trim_start_matches("V1"));
        let found = schemas.flatten().map(of_schema).find(|paths| !paths.is_empty());
        operation.is_webhook.then(|| found.unwrap_or_else(|| self.facade.of_module(EVENTS, EVENT)))
    }

    fn operation(&self, lowered: &Lowered<'_>, operation: &Operation, argument: Option<&str>) -> Items {
        let Some(method) = lowered.method(operation) else { return Items::default() };
        let argument = argument.map(|name| format!("({})", field_name(name))).unwrap_or_default();
        Items {
            generated: vec![format!("cmp_generated::Client::{method}{argument}")],
            facade: self.facade.operation(&method),
        }
    }

    fn member(&self, lowered: &Lowered<'_>, place: &Place, must_exist: bool) -> Items {
        if let Part::Parameter(name) = &place.part {
            return self.operation(lowered, &place.operation, Some(name));
        }
        // The generated crate has no item for a header.
        if matches!(place.trail.first(), None | Some(Step::Header(_))) {
            return self.operation(lowered, &place.operation, None);
        }
        let spot = lowered.spot(place);
        if must_exist && !spot.exists {
            return Items::default();
        }
        let mut generated: Vec<String> = spot.fields.last().map(field_path).into_iter().collect();
        let named = spot.named.as_ref().map(|name| type_path(name));
        let is_of_type = matches!(place.trail.last(), Some(Step::Into { .. }));
        if is_of_type || spot.fields.is_empty() || is_own_text(&spot) {
            add_new(&mut generated, named.into_iter().collect());
        }
        if generated.is_empty() {
            return self.operation(lowered, &place.operation, None);
        }
        Items { generated, facade: self.facade_of(&spot, &place.operation, lowered) }
    }

    /// Returns the facade's items for a field. A function often reads a field through a type around it and never names
    /// the field's own type. So the types around it count too. If no item reads the field, the users of the nearest
    /// type must read it.
    fn facade_of(&self, spot: &Spot, operation: &Operation, lowered: &Lowered<'_>) -> Vec<String> {
        let outward = || spot.fields.iter().rev().map(|field| field.owner.as_str());
        let read = spot.fields.last().map(|field| self.facade.field(outward(), &field.name));
        let near = || outward().map(|owner| self.facade.users(owner)).find(|users| !users.is_empty());
        let found = read.filter(|found| !found.is_empty()).or_else(near);
        let of_type = || spot.named.as_deref().map(|name| self.facade.users(name)).filter(|f| !f.is_empty());
        found.or_else(of_type).unwrap_or_else(|| {
            lowered.method(operation).map(|method| self.facade.operation(&method)).unwrap_or_default()
        })
    }

    fn values(&self, lowered: &Lowered<'_>, place: &Place, values: &[String], must_exist: bool) -> Items {
        let spot = lowered.spot(place);
        let Some(list) = spot.named.as_deref().and_then(|name| lowered.values(name)) else {
            return self.member(lowered, place, must_exist);
        };
        let mut items = Items::default();
        for value in values {
            let variant = type_name(value);
            items.generated.push(format!("{}::{variant}", type_path(&list)));
            add_new(&mut items.facade, self.facade.variant(&list, &variant));
        }
        items
    }
}

fn type_path(name: &str) -> String {
    format!("cmp_generated::types::{name}")
}

fn field_path(field: &Field) -> String {
    format!("{}.{}", type_path(&field.owner), field.name)
}

/// Returns `true` if the place is a string with a type of its own, named after the field.
fn is_own_text(spot: &Spot) -> bool {
    let Some((field, named)) = spot.fields.last().zip(spot.named.as_ref()) else { return false };
    *named == format!("{}{}", field.owner, type_name(&field.name))
}

/// Checks that the reports can still find their items in the source of the real facade.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::files::Layout;

    fn facade() -> Facade {
        Facade::read(&Layout::of_tests().root).expect("the facade's source")
    }

    #[test]
    fn every_operation_with_facts_is_found_in_a_public_method_of_the_facade() {
        let facade = facade();
        for (request, operation) in Layout::of_tests().facts().expect("facts").operations {
            let found = facade.operation(&operation.name);
            let is_method =
                |path: &String| path.split("::").last().is_some_and(|name| field_name(name) == name);
            assert!(found.iter().any(is_method), "{request} ({}): only {found:?}", operation.name);
        }
    }

    #[test]
    fn each_operation_is_named_by_the_method_that_is_for_it() {
        let facade = facade();
        for (operation, method) in [
            ("create_card", "Cards::create"),
            ("get_card", "Cards::get"),
            ("update_card", "Cards::update"),
            ("delete_card", "Cards::delete"),
            ("provision_network_token", "NetworkTokens::provision"),
            ("delete_network_token", "NetworkTokens::delete"),
            ("request_cryptogram", "NetworkTokens::cryptogram"),
            ("provision_v1_network_token", "v1::Client::enroll"),
            ("get_v1_network_token", "v1::Client::get"),
            ("delete_v1_network_token", "v1::Client::delete"),
        ] {
            let found = facade.operation(operation);
            let is_there = found.iter().any(|path| path.ends_with(&format!("::{method}")));
            assert!(is_there, "{operation}: {method} is not in {found:?}");
        }
        assert_eq!(facade.operation("no_such_operation"), [""; 0]);
    }

    #[test]
    fn the_types_that_read_notifications_are_found() {
        let facade = facade();
        for (name, facts) in Layout::of_tests().facts().expect("facts").notifications {
            let found = facade.of_module(EVENTS, &facts.read_as);
            assert_eq!(found.len(), 1, "{name}: cmp::{EVENTS} has no public type {}", facts.read_as);
        }
        assert_eq!(facade.of_module(EVENTS, EVENT), ["cmp::webhooks::Event"]);
    }

    #[test]
    fn fields_of_answers_are_named_by_what_reads_them() {
        let facade = facade();
        for (generated, field, item) in [
            ("CardResourceAttributes", "last4", "Card::last4"),
            ("CardResourceAttributes", "created_at", "Card::created_at"),
        ] {
            let found = facade.field([generated].into_iter(), field);
            let is_there = found.iter().any(|path| path.ends_with(&format!("::{item}")));
            assert!(is_there, "{generated}.{field}: {item} is not in {found:?}");
        }
    }
}
