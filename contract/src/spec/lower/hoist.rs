//! Turns inline objects and lists of values into named components.
//!
//! The generator would name an inline type after its `title`. If two types had the same title, the generator would use
//! the first for both without comparing them. Here equal types become one, and different types with one name are an
//! error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::{
    rules::Unsettled,
    schema::{self, FROM, SCHEMAS, bare, components, is_nullable, nullable_reference, reference, target},
};
use crate::spec::json::{below, first_difference};

/// Moves inline types to components. The name comes from `names` (`Schema.property` → type name), else from the title,
/// else it is `SchemaProperty`. For a parameter, `Schema` is the operation's name.
pub(super) fn inline_types(mut document: Value, names: &BTreeMap<String, String>) -> Result<Value> {
    let mut hoisting = Hoisting { names, unused: names.keys().collect(), hoisted: Map::new() };
    let mut schemas = std::mem::take(components(&mut document)?);
    for (name, schema) in &mut schemas {
        let at = schema.get(FROM).and_then(Value::as_str).map_or_else(|| below(SCHEMAS, name), str::to_owned);
        hoisting.members(schema, name, &at)?;
    }
    schema::operations(&mut document, &mut |operation, at| hoisting.parameters(operation, at))?;
    if let Some(stale) = hoisting.unused.first() {
        bail!(Unsettled::Stale { section: "types", name: (*stale).clone(), why: "is no inline type" });
    }
    for (name, schema) in hoisting.hoisted {
        if let Some(known) = schemas.get(&name) {
            same(&name, (known, &below(SCHEMAS, &name)), &schema)?;
        }
        schemas.entry(name).or_insert(schema);
    }
    for (name, schema) in &mut schemas {
        schema::inside_out(schema, &below(SCHEMAS, name), &mut |schema, _| {
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

/// The place of an inline schema: its key in the rules, the name that follows from the place, and its pointer.
struct Place {
    key: String,
    fallback: String,
    at: String,
}

impl Hoisting<'_> {
    /// Hoists the inline types inside the type `owner`.
    fn members(&mut self, schema: &mut Value, owner: &str, at: &str) -> Result<()> {
        for (property, child) in schema::members(schema, "properties") {
            let at = below(&below(at, "properties"), property);
            let key = format!("{owner}.{property}");
            let place = Place { key, fallback: owner.to_owned() + &pascal(property), at };
            self.inline(child, &place)?;
        }
        let place = Place { key: owner.to_owned(), fallback: format!("{owner}Item"), at: at.to_owned() };
        self.parts(schema, &place)
    }

    fn parameters(&mut self, operation: &mut Value, at: &str) -> Result<()> {
        let owner = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for (index, parameter) in parameters.into_iter().flatten().enumerate() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let at = below(&below(&below(at, "parameters"), &index.to_string()), "schema");
            let fallback = pascal(&owner) + &pascal(&name);
            let place = Place { key: format!("{owner}.{name}"), fallback, at };
            if let Some(schema) = parameter.get_mut("schema") {
                self.inline(schema, &place)?;
                if let Some(members) = schema.as_object_mut() {
                    members.shift_remove("title");
                }
            }
        }
        Ok(())
    }

    /// Hoists the inline types in a schema's items, map values and choices.
    fn parts(&mut self, schema: &mut Value, place: &Place) -> Result<()> {
        let part = |at: String| Place { key: place.key.clone(), fallback: place.fallback.clone(), at };
        for key in ["items", "additionalProperties"] {
            if let Some(child) = schema.get_mut(key).filter(|child| child.is_object()) {
                self.inline(child, &part(below(&place.at, key)))?;
            }
        }
        for key in ["allOf", "oneOf"] {
            let children = schema.get_mut(key).and_then(Value::as_array_mut);
            for (index, child) in children.into_iter().flatten().enumerate() {
                self.inline(child, &part(below(&below(&place.at, key), &index.to_string())))?;
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
        self.members(schema, &name, &place.at)?;
        let mut kept = Map::new();
        if let Some(members) = schema.as_object_mut() {
            // These describe the property, not the type.
            for key in ["readOnly", "writeOnly"] {
                kept.extend(members.shift_remove(key).map(|value| (key.to_owned(), value)));
            }
            members.insert(FROM.to_owned(), place.at.clone().into());
        }
        let nullable = schema.as_object_mut().and_then(|members| members.shift_remove("nullable")).is_some();
        let mut outside = nullable_reference(&name, nullable);
        if !kept.is_empty() {
            kept.extend(nullable.then(|| ("nullable".to_owned(), true.into())));
            kept.insert("allOf".to_owned(), json!([reference(&name)]));
            outside = Value::Object(kept);
        }
        let hoisted = std::mem::replace(schema, outside);
        match self.hoisted.get(&name) {
            Some(known) => {
                let at = known.get(FROM).and_then(Value::as_str).unwrap_or_default();
                same(&name, (known, at), &hoisted)?;
            }
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

fn same(name: &str, (known, known_at): (&Value, &str), schema: &Value) -> Result<()> {
    let at = schema.get(FROM).and_then(Value::as_str).unwrap_or_default();
    match first_difference(&bare(known), &bare(schema), "") {
        Some(place) => {
            bail!("{at}: would be the type {name}, as {known_at} is, but differs first at {place}")
        }
        None => Ok(()),
    }
}

pub(super) fn is_type_name(title: &str) -> bool {
    title.starts_with(|first: char| first.is_ascii_uppercase())
        && title.chars().all(|c| c.is_ascii_alphanumeric())
}

pub(super) fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(|word| word[..1.min(word.len())].to_uppercase() + &word[1.min(word.len())..]).collect()
}

/// Gives each choice between a string and an object a name, so that the same choice is one type everywhere.
pub(super) fn string_or_object(mut document: Value) -> Result<Value> {
    let mut named = Map::new();
    schema::everywhere(&mut document, &mut |schema, _| {
        let Some(object) = beside_string(schema) else { return Ok(()) };
        let name = format!("{object}OrString");
        named.insert(name.clone(), json!({"oneOf": [{"type": "string"}, reference(object)]}));
        *schema = nullable_reference(&name, is_nullable(schema));
        Ok(())
    })?;
    components(&mut document)?.extend(named);
    Ok(document)
}

/// Returns the component's name if the schema is a choice between a string and one component.
fn beside_string(schema: &Value) -> Option<&str> {
    match schema.get("oneOf")?.as_array()?.as_slice() {
        [one, two] if one == &json!({"type": "string"}) => target(two),
        [one, two] if two == &json!({"type": "string"}) => target(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(bare(&out["Link"]), json!({"properties": {"b": {"type": "string"}}}));
        assert_eq!(out["Link"][FROM], "/components/schemas/Card/properties/link");
        assert_eq!(out["CardBankInfo"][FROM], "/components/schemas/Card/properties/bank_info/items");
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
            "/components/schemas/A/properties/y: would be the type Id, as /components/schemas/A/properties/x is, but \
             differs first at /properties/id/type"
        );
    }

    #[test]
    fn a_stale_name_is_an_error() {
        let error = hoisted(json!({}), &[("A.b", "C")]).expect_err("stale");
        assert!(error.to_string().contains("\"A.b\""), "{error}");
    }

    #[test]
    fn a_list_of_values_in_a_parameter_gets_a_name() {
        let schema = json!({"type": "string", "enum": ["a", "b"]});
        let document = json!({
            "components": {"schemas": {}},
            "paths": {"/p": {"get": {"operationId": "get_it", "parameters": [{"name": "sort-by", "schema": schema}]}}}
        });
        let out = inline_types(document, &BTreeMap::new()).expect("hoisted");
        assert_eq!(out["paths"]["/p"]["get"]["parameters"][0]["schema"], reference("GetItSortBy"));
        assert_eq!(bare(&out["components"]["schemas"]["GetItSortBy"]), schema);
    }

    #[test]
    fn the_same_choice_is_one_type_everywhere() {
        let choice = json!({"oneOf": [{"type": "string"}, reference("Link")]});
        let nullable = json!({"oneOf": [reference("Link"), {"type": "string"}], "nullable": true});
        let properties =
            json!({"a": choice, "b": nullable, "c": {"oneOf": [reference("Link"), {"type": "array"}]}});
        let document = json!({"components": {"schemas": {"A": {"properties": properties}}}});
        let out = string_or_object(document).expect("named");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas["LinkOrString"], choice);
        assert_eq!(schemas["A"]["properties"]["a"], reference("LinkOrString"));
        assert_eq!(
            schemas["A"]["properties"]["b"],
            json!({"nullable": true, "allOf": [reference("LinkOrString")]})
        );
        assert_eq!(schemas["A"]["properties"]["c"], properties["c"]);
    }
}
