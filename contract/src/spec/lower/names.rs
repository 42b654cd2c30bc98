//! Checks the Rust names of the contract's types, fields, variants and arguments: no two in one scope may be equal.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use heck::{ToPascalCase, ToSnakeCase};
use serde_json::Value;

use super::schema::{self, FROM, SCHEMAS, components};
use crate::spec::{
    json::below,
    split::{SECTIONS, parameters_of},
};

/// Variables inside each generated method. An argument of the same name would clash with them.
const LOCALS: [&str; 3] = ["body", "header_map", "info"];
/// The deepest nesting of types. The compiler's own limit is 128, and the client's futures use a part of it.
const MOST_NESTED: usize = 100;
/// Names that generated code uses. A type with one of these names would hide Rust's own.
pub(super) const HIDING: [&str; 5] = ["Ok", "Err", "Some", "None", "String"];
/// The field that holds an object's members that the contract does not list.
const OTHERS: &str = "extra";

/// Fails if two names would become one in the generated code. Removes the notes of origins. Returns each type's place
/// in the contract by its Rust name.
pub(super) fn check(mut document: Value) -> Result<(Value, BTreeMap<String, String>)> {
    nesting(&document)?;
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    for (name, schema) in components(&mut document)? {
        let from = schema.as_object_mut().and_then(|members| members.shift_remove(FROM));
        let at = from.as_ref().and_then(Value::as_str).map_or_else(|| below(SCHEMAS, name), str::to_owned);
        let rust_name = type_name(name);
        ensure!(
            !HIDING.contains(&rust_name.as_str()),
            "{at}: the type {rust_name} would hide Rust's own {rust_name}"
        );
        taken(&mut types, &rust_name, &at, "type")?;
        members(schema, &at)?;
        derived(schema, &type_name(name), &at, &mut types)?;
    }
    for section in SECTIONS {
        for (path, item) in schema::members(&mut document, section) {
            let at = below(&below("", section), path);
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                arguments(operation, path, &below(&at, method))?;
            }
        }
    }
    Ok((document, types))
}

/// Returns the generator's name for a type.
pub(crate) fn type_name(name: &str) -> String {
    sanitized(name, str::to_pascal_case)
}

/// Returns the generator's name for a field, an argument or a method.
pub(crate) fn field_name(name: &str) -> String {
    let name = sanitized(name, str::to_snake_case);
    if syn::parse_str::<syn::Ident>(&name).is_ok() { name } else { name + "_" }
}

/// Converts a name as the generator does.
fn sanitized(name: &str, case: impl Fn(&str) -> String) -> String {
    let text = name.replace('\'', "").replace(|c: char| !unicode_ident::is_xid_continue(c), "-");
    let name = match name {
        "+1" => "plus1".to_owned(),
        "-1" => "minus1".to_owned(),
        _ => case(&text),
    };
    match name.chars().next() {
        None => case("x"),
        Some(first) if unicode_ident::is_xid_start(first) => name,
        Some(_) => case("x") + &name,
    }
}

fn taken(names: &mut BTreeMap<String, String>, name: &str, at: &str, what: &str) -> Result<()> {
    match names.insert(name.to_owned(), at.to_owned()) {
        Some(other) if other != at => bail!("{at}: would be the {what} {name}, as {other} is"),
        _ => Ok(()),
    }
}

/// Fails if types are nested more deeply than [`MOST_NESTED`]. A cycle is followed once.
fn nesting(document: &Value) -> Result<()> {
    let schemas = document.pointer(SCHEMAS).and_then(Value::as_object);
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for name in schemas.into_iter().flat_map(serde_json::Map::keys) {
        if depths.contains_key(name.as_str()) {
            continue;
        }
        let mut open = vec![(name.as_str(), inside(document, name), 0)];
        depths.insert(name, 0);
        while let Some((name, rest, deepest)) = open.last_mut() {
            let Some(next) = rest.pop() else {
                let (name, depth) = (*name, *deepest + 1);
                ensure!(
                    depth <= MOST_NESTED,
                    "{}: more than {MOST_NESTED} types stand inside of one another",
                    below(SCHEMAS, name)
                );
                depths.insert(name, depth);
                open.pop();
                if let Some((.., deepest)) = open.last_mut() {
                    *deepest = depth.max(*deepest);
                }
                continue;
            };
            match depths.get(next) {
                // A type that is still open adds no depth: the generator boxes it.
                Some(depth) => *deepest = (*depth).max(*deepest),
                None => {
                    depths.insert(next, 0);
                    open.push((next, inside(document, next), 0));
                }
            }
        }
    }
    Ok(())
}

/// Returns the names of the components that the component `name` refers to.
fn inside<'d>(document: &'d Value, name: &str) -> Vec<&'d str> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = schema::component(document, name).into_iter().collect();
    while let Some(value) = open.pop() {
        found.extend(schema::target(value));
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// Checks the fields of a struct and the variants of a list of values.
fn members(schema: &Value, at: &str) -> Result<()> {
    let mut fields = BTreeMap::new();
    if schema.get("additionalProperties").is_some_and(|others| *others != false) && has_properties(schema) {
        fields.insert(OTHERS.to_owned(), below(at, "additionalProperties"));
    }
    for name in
        schema.get("properties").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys)
    {
        taken(&mut fields, &field_name(name), &below(&below(at, "properties"), name), "field")?;
    }
    let values =
        || schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let unique = |variant: &dyn Fn(&str) -> String| {
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        values().find_map(|value| known.insert(variant(value), value).map(|other| (value, other)))
    };
    // The generator also tries these names, if the first ones clash.
    let crossed = |value: &str| {
        type_name(&value.replace(|c: char| c == '_' || !unicode_ident::is_xid_continue(c), "X"))
    };
    if let (Some(_), Some((value, other))) = (unique(&type_name), unique(&crossed)) {
        bail!("{}: \"{value}\" and \"{other}\" would be one variant", below(at, "enum"));
    }
    Ok(())
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// Checks the types that the generator makes from inline schemas. It names them after their place.
fn derived(schema: &Value, owner: &str, at: &str, types: &mut BTreeMap<String, String>) -> Result<()> {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let at = below(&below(at, "properties"), name);
        inline(property, &format!("{owner}{}", type_name(name)), &at, types)?;
    }
    for (key, suffix) in
        [("items", "Item"), ("additionalProperties", if has_properties(schema) { "Extra" } else { "Value" })]
    {
        if let Some(part) = schema.get(key).filter(|part| part.is_object()) {
            inline(part, &format!("{owner}{suffix}"), &below(at, key), types)?;
        }
    }
    Ok(())
}

fn inline(schema: &Value, name: &str, at: &str, types: &mut BTreeMap<String, String>) -> Result<()> {
    const NAMED: [&str; 4] = ["enum", "oneOf", "minLength", "maxLength"];
    if schema.get("format").is_none() && NAMED.iter().any(|key| schema.get(key).is_some()) {
        taken(types, name, at, "type")?;
    }
    derived(schema, name, at, types)
}

/// Checks the arguments of a method and the parameters in its path.
fn arguments(operation: &Value, path: &str, at: &str) -> Result<()> {
    let at = below(at, "parameters");
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut open = parameters_of(path);
    for (index, name) in open.iter().enumerate() {
        ensure!(!open[..index].contains(name), "{at}: the path has {{{name}}} twice");
    }
    for (index, parameter) in
        operation.get("parameters").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let at = below(&at, &index.to_string());
        let name = parameter["name"].as_str().unwrap_or_default();
        let argument = field_name(name);
        let is_local = LOCALS.contains(&argument.as_str())
            && (argument != LOCALS[0] || operation.get("requestBody").is_some());
        ensure!(!is_local, "{at}: the generated method has a variable {argument} already");
        taken(&mut names, &argument, &at, "argument")?;
        match parameter["in"].as_str() {
            Some("path") => {
                let place = open.iter().position(|known| *known == name);
                match place {
                    Some(place) => drop(open.remove(place)),
                    None => bail!("{at}: the path has no {{{name}}}"),
                }
            }
            Some("header") => {
                let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
                ensure!(
                    !name.is_empty() && name.chars().all(is_token),
                    "{at}/name: \"{name}\" can't be a header"
                );
            }
            _ => {}
        }
    }
    if let Some(name) = open.first() {
        bail!("{at}: no parameter {name}, which the path has");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_generated_code() {
        for (name, field) in
            [("type", "type_"), ("describedby", "describedby"), ("cardId", "card_id"), ("match", "match_")]
        {
            assert_eq!(field_name(name), field);
        }
        for (name, variant) in [
            ("DIGITAL_CARD_ART_BACKGROUND", "DigitalCardArtBackground"),
            ("opt-out", "OptOut"),
            ("TAVV", "Tavv"),
            ("cvc_status", "CvcStatus"),
        ] {
            assert_eq!(type_name(name), variant);
        }
    }
    use serde_json::{Map, json};

    fn checked(schemas: Value) -> Result<(Value, BTreeMap<String, String>), String> {
        check(json!({"components": {"schemas": schemas}})).map_err(|error| error.to_string())
    }

    #[test]
    fn types_are_named_with_the_place_that_they_come_from() {
        let (document, types) =
            checked(json!({"card_type": {FROM: "/paths/~1a"}, "B": {"properties": {"a": {"maxLength": 1}}}}))
                .expect("fine");
        assert_eq!(document["components"]["schemas"]["card_type"], json!({}));
        assert_eq!(types["CardType"], "/paths/~1a");
        assert_eq!(types["BA"], "/components/schemas/B/properties/a");
    }

    #[test]
    fn names_that_become_one_are_refused() {
        let string = json!({"type": "string"});
        for (schemas, expected) in [
            (
                json!({"card_type": {}, "CardType": {}}),
                "/components/schemas/CardType: would be the type CardType, as /components/schemas/card_type is",
            ),
            (
                json!({"A": {"properties": {"b": {"maxLength": 1}}}, "A_b": {}}),
                "/components/schemas/A_b: would be the type AB, as /components/schemas/A/properties/b is",
            ),
            (
                json!({"A": {"properties": {"a-b": string, "aB": string}}}),
                "/components/schemas/A/properties/aB: would be the field a_b, as /components/schemas/A/properties/a-b is",
            ),
            (
                json!({"A": {"properties": {"extra": string}, "additionalProperties": string}}),
                "/components/schemas/A/properties/extra: would be the field extra, as /components/schemas/A/additionalProperties is",
            ),
            (
                json!({"A": {"enum": ["a b", "a_b"]}}),
                "/components/schemas/A/enum: \"a_b\" and \"a b\" would be one variant",
            ),
            (json!({"Ok": {}}), "/components/schemas/Ok: the type Ok would hide Rust's own Ok"),
        ] {
            assert_eq!(checked(schemas.clone()).expect_err(expected), expected, "{schemas}");
        }
    }

    #[test]
    fn long_chains_are_refused_and_cycles_are_not() {
        let chain = |length: usize, last: Value| {
            let next = |n: usize| json!({"properties": {"next": schema::reference(&format!("S{}", n + 1))}});
            let mut schemas: Map<_, _> = (1..length).map(|n| (format!("S{n}"), next(n))).collect();
            schemas.insert(format!("S{length}"), last);
            Value::Object(schemas)
        };
        checked(chain(100, json!({}))).expect("100");
        checked(chain(100, json!({"items": schema::reference("S1")}))).expect("a cycle");
        let error = checked(chain(10_000, json!({}))).expect_err("10,000");
        assert!(error.ends_with(": more than 100 types stand inside of one another"), "{error}");
    }
}
