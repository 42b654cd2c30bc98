//! Inline objects and lists of values become named components.
//!
//! The generator would name them after their `title` and, on meeting the same title again, use the first type without
//! comparing. Here equal ones fold, and different ones under one name are an error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::schema::{SCHEMAS, bare, components, nullable_reference};
use crate::spec::json::{below, first_difference};

/// Hoists; `names` (`Schema.property` → type name) comes before titles, and those before `SchemaProperty`.
pub(super) fn inline_types(mut document: Value, names: &BTreeMap<String, String>) -> Result<Value> {
    let mut hoisting = Hoisting { names, unused: names.keys().collect(), hoisted: Map::new() };
    let mut schemas = std::mem::take(components(&mut document)?);
    for (name, schema) in &mut schemas {
        hoisting.members(schema, name)?;
    }
    if let Some(stale) = hoisting.unused.first() {
        bail!("openapi/lowering.toml, [types] names \"{stale}\", which is no inline type");
    }
    for (name, schema) in hoisting.hoisted {
        if let Some(known) = schemas.get(&name) {
            same(&name, known, &schema)?;
        }
        schemas.entry(name).or_insert(schema);
    }
    for (name, schema) in &mut schemas {
        super::schema::inside_out(schema, &below(SCHEMAS, name), &mut |schema, _| {
            if let Some(members) = schema.as_object_mut() {
                members.shift_remove("title");
            }
            Ok(())
        })?;
    }
    *components(&mut document)? = schemas;
    Ok(document)
}

struct Hoisting<'r> {
    names: &'r BTreeMap<String, String>,
    unused: BTreeSet<&'r String>,
    hoisted: Map<String, Value>,
}

/// Where an inline schema stands: what the rules call the place, and the name that follows from it.
struct Place {
    key: String,
    fallback: String,
}

impl Hoisting<'_> {
    /// Hoists what stands inside the type `owner`.
    fn members(&mut self, schema: &mut Value, owner: &str) -> Result<()> {
        for (property, child) in super::schema::members(schema, "properties") {
            let place =
                Place { key: format!("{owner}.{property}"), fallback: owner.to_owned() + &pascal(property) };
            self.inline(child, &place)?;
        }
        let place = Place { key: owner.to_owned(), fallback: format!("{owner}Item") };
        self.parts(schema, &place)
    }

    /// Hoists what stands inside a schema that is no object with properties: items, map values, choices.
    fn parts(&mut self, schema: &mut Value, place: &Place) -> Result<()> {
        for key in ["items", "additionalProperties"] {
            if let Some(child) = schema.get_mut(key).filter(|child| child.is_object()) {
                self.inline(child, place)?;
            }
        }
        for key in ["allOf", "oneOf"] {
            for child in schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                self.inline(child, place)?;
            }
        }
        Ok(())
    }

    fn inline(&mut self, schema: &mut Value, place: &Place) -> Result<()> {
        let values = schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        if schema.get("properties").is_none() && values < 2 {
            return self.parts(schema, place);
        }
        let name = self.name(schema, place);
        self.members(schema, &name)?;
        let nullable = schema.as_object_mut().and_then(|members| members.shift_remove("nullable")).is_some();
        let hoisted = std::mem::replace(schema, nullable_reference(&name, nullable));
        match self.hoisted.get(&name) {
            Some(known) => same(&name, known, &hoisted)?,
            None => drop(self.hoisted.insert(name, hoisted)),
        }
        Ok(())
    }

    fn name(&mut self, schema: &Value, place: &Place) -> String {
        if let Some((key, name)) = self.names.get_key_value(&place.key) {
            self.unused.remove(key);
            return name.clone();
        }
        let title = schema.get("title").and_then(Value::as_str).filter(|title| is_type_name(title));
        title.unwrap_or(&place.fallback).to_owned()
    }
}

fn same(name: &str, known: &Value, schema: &Value) -> Result<()> {
    match first_difference(&bare(known), &bare(schema), "") {
        Some(place) => bail!("two types would be called {name}, and differ first at {place}"),
        None => Ok(()),
    }
}

fn is_type_name(title: &str) -> bool {
    title.starts_with(|first: char| first.is_ascii_uppercase())
        && title.chars().all(|c| c.is_ascii_alphanumeric())
}

fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(|word| word[..1.min(word.len())].to_uppercase() + &word[1.min(word.len())..]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::schema::reference;
    use super::*;
    use serde_json::json;

    fn hoisted(schemas: Value, names: &[(&str, &str)]) -> Result<Value> {
        let names = names.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        Ok(inline_types(json!({"components": {"schemas": schemas}}), &names)?["components"]["schemas"]
            .clone())
    }

    #[test]
    fn names_come_from_rules_then_titles_then_the_place() {
        let object = |title: &str, key: &str| json!({"title": title, "properties": {key: {"type": "string", "title": "x"}}});
        let schemas = json!({"Card": {"properties": {
            "data": object("Data", "a"), "link": object("Link", "b"), "bank_info": {"items": object("not a name", "c")},
            "title": {"type": "string"}
        }}});
        let out = hoisted(schemas, &[("Card.data", "CardData")]).expect("hoisted");
        assert_eq!(
            out.as_object().expect("object").keys().collect::<Vec<_>>(),
            ["Card", "CardData", "Link", "CardBankInfo"]
        );
        assert_eq!(out["Card"]["properties"]["bank_info"], json!({"items": reference("CardBankInfo")}));
        assert_eq!(out["Link"], json!({"properties": {"b": {"type": "string"}}}));
        assert_eq!(out["Card"]["properties"]["title"], json!({"type": "string"}));
    }

    #[test]
    fn equal_types_fold_and_different_ones_under_one_name_are_an_error() {
        let one = json!({"title": "Id", "properties": {"id": {"type": "string"}}});
        let described = json!({"title": "Id", "description": "d", "properties": {"id": {"type": "string"}}});
        let schemas = |second: Value| json!({"A": {"properties": {"x": one, "y": second}}});
        hoisted(schemas(described), &[]).expect("equal");
        let other = json!({"title": "Id", "properties": {"id": {"type": "integer"}}});
        let error = hoisted(schemas(other), &[]).expect_err("different");
        assert_eq!(
            error.to_string(),
            "two types would be called Id, and differ first at /properties/id/type"
        );
    }

    #[test]
    fn a_stale_name_is_an_error() {
        let error = hoisted(json!({}), &[("A.b", "C")]).expect_err("stale");
        assert!(error.to_string().contains("\"A.b\""), "{error}");
    }
}
