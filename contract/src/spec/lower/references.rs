//! Resolves references: the target of a reference replaces it, except for schemas. References to schemas get one form.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::{
    names,
    schema::{self, FROM, SCHEMAS, reference},
};
use crate::spec::{
    json::{self, MOST_HOPS, below, resolved},
    split::{METHODS, OF_ITEM, SECTIONS, is_extension},
};

/// The kinds of components in OpenAPI 3.1.
const COMPONENTS: [&str; 10] = [
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "securitySchemes",
    "links",
    "callbacks",
    "pathItems",
];
/// Header parameters that OpenAPI says to ignore.
const IGNORED_HEADERS: [&str; 3] = ["accept", "authorization", "content-type"];

/// Makes each operation complete in itself, and makes each `$ref` of a schema refer to a component schema.
pub(super) fn settle(mut document: Value) -> Result<Value> {
    let source = document.clone();
    for section in SECTIONS {
        if let Some(items) = document.get_mut(section).and_then(Value::as_object_mut) {
            items.retain(|path, _| !is_extension(section, path));
        }
        for (path, item) in schema::members(&mut document, section) {
            let at = below(&below("", section), path);
            let shared = item.get("parameters").cloned();
            let members = item.as_object_mut().with_context(|| format!("{at}: expected an object"))?;
            // The vocabulary step refuses what is neither an operation nor one of these.
            members.retain(|key, _| !OF_ITEM.contains(&key.as_str()) && !key.starts_with("x-"));
            let operations = members.iter_mut().filter(|(key, _)| METHODS.contains(&key.as_str()));
            for (method, operation) in operations {
                settle_operation(operation, shared.as_ref(), &below(&at, method), &at, &source)?;
            }
        }
    }
    // All other components have been copied to the places that refer to them.
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        let is_known = |kind: &str| COMPONENTS.contains(&kind) || kind.starts_with("x-");
        if let Some(kind) = components.keys().find(|kind| !is_known(kind)) {
            bail!("{}: unknown keyword", below("/components", kind));
        }
        components.retain(|kind, _| matches!(kind.as_str(), "schemas" | "securitySchemes"));
    }
    let names = rust_like_names(&source)?;
    if let Some(schemas) = document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut) {
        let old = std::mem::take(schemas);
        for (name, mut schema) in old {
            if let (Some(_), Some(members)) = (names.get(&name), schema.as_object_mut()) {
                members.insert(FROM.to_owned(), below(SCHEMAS, &name).into());
            }
            schemas.insert(new_name(&names, &name), schema);
        }
    }
    schema::everywhere(&mut document, &mut |schema, at| settle_schema(schema, at, &source, &names, 0))?;
    check_aliases(&document)?;
    Ok(document)
}

fn settle_operation(
    operation: &mut Value,
    shared: Option<&Value>,
    at: &str,
    item_at: &str,
    source: &Value,
) -> Result<()> {
    let own = parameters(operation.get("parameters"), at, source)?;
    let mut all = parameters(shared, item_at, source)?;
    // An operation's own parameter replaces the same parameter of the path.
    all.retain(|(key, ..)| !own.iter().any(|(other, ..)| other == key));
    all.extend(own);
    let members = operation.as_object_mut().with_context(|| format!("{at}: expected an object"))?;
    members.retain(|key, _| !matches!(key.as_str(), "callbacks" | "externalDocs") && !key.starts_with("x-"));
    if all.is_empty() {
        members.shift_remove("parameters");
    } else {
        members.insert("parameters".to_owned(), all.into_iter().map(|(_, parameter)| parameter).collect());
    }
    if let Some(body) = members.get_mut("requestBody") {
        *body = resolved(source, body, &below(at, "requestBody"))?.clone();
    }
    if let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) {
        responses.retain(|status, _| !status.starts_with("x-"));
    }
    for (status, response) in
        members.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten()
    {
        *response = resolved(source, response, &below(&below(at, "responses"), status))?.clone();
        if let Some(response) = response.as_object_mut() {
            response.retain(|key, _| !matches!(key.as_str(), "headers" | "links"));
        }
    }
    Ok(())
}

type Key = (String, String);

/// Returns the parameters of an operation or a path. The key is the parameter's `in` and `name`.
fn parameters(list: Option<&Value>, at: &str, source: &Value) -> Result<Vec<(Key, Value)>> {
    let mut out: Vec<(Key, Value)> = Vec::new();
    let at = below(at, "parameters");
    let list =
        list.map(|list| list.as_array().with_context(|| format!("{at}: expected an array"))).transpose()?;
    for (index, parameter) in list.into_iter().flatten().enumerate() {
        let at = below(&at, &index.to_string());
        let parameter = resolved(source, parameter, &at)?;
        let text = |key: &str| {
            let text = parameter.get(key).and_then(Value::as_str);
            text.map(str::to_owned).with_context(|| format!("{at}: \"{key}\" is missing"))
        };
        let key = (text("in")?, text("name")?);
        if key.0 == "header" && IGNORED_HEADERS.contains(&key.1.to_ascii_lowercase().as_str()) {
            continue;
        }
        let is_known = |(other, _): &(Key, Value)| {
            *other == key || key.0 == "header" && other.0 == "header" && other.1.eq_ignore_ascii_case(&key.1)
        };
        ensure!(!out.iter().any(is_known), "{at}: the {} parameter \"{}\" is there twice", key.0, key.1);
        out.push((key, parameter.clone()));
    }
    Ok(out)
}

/// Returns new names for components whose name the generator would misread, or whose name would hide one in its code.
fn rust_like_names(document: &Value) -> Result<BTreeMap<String, String>> {
    let schemas = document.pointer(SCHEMAS).and_then(Value::as_object);
    let is_plain = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !name.is_empty() && name.chars().all(plain)
    };
    let mut names = BTreeMap::new();
    for name in schemas.into_iter().flat_map(Map::keys) {
        let mut new = names::type_name(name);
        let is_hiding = names::HIDING.contains(&new.as_str());
        if is_plain(name) && !is_hiding {
            continue;
        }
        if is_hiding {
            new += "Type";
        }
        let is_taken = schemas.is_some_and(|schemas| schemas.contains_key(&new));
        ensure!(
            !is_taken && !names.values().any(|other| *other == new),
            "{}: would be the Rust type {new}, as another schema is",
            below(SCHEMAS, name)
        );
        names.insert(name.clone(), new);
    }
    Ok(names)
}

fn new_name(names: &BTreeMap<String, String>, name: &str) -> String {
    names.get(name).map_or_else(|| name.to_owned(), Clone::clone)
}

fn settle_schema(
    schema: &mut Value,
    at: &str,
    source: &Value,
    names: &BTreeMap<String, String>,
    hops: usize,
) -> Result<()> {
    if let Some(mapping) = schema.pointer_mut("/discriminator/mapping").and_then(Value::as_object_mut) {
        let at = below(&below(at, "discriminator"), "mapping");
        for (key, target) in mapping {
            let at = below(&at, key);
            let text = target.as_str().with_context(|| format!("{at}: expected a string"))?;
            let (pointer, _) = json::follow(source, &json::mapped(text), &at)?;
            let name = component_name(&pointer).with_context(|| format!("{at}: {text} is no component"))?;
            *target = reference(&new_name(names, &name))["$ref"].clone();
        }
    }
    let Some(target) = schema.get("$ref").and_then(Value::as_str).map(str::to_owned) else { return Ok(()) };
    let at = below(at, "$ref");
    ensure!(hops < MOST_HOPS, "{at}: {target} leads back to itself");
    let (pointer, found) = json::follow(source, &target, &at)?;
    let members = schema.as_object_mut().context("a $ref is a member")?;
    if let Some(name) = component_name(&pointer) {
        members["$ref"] = reference(&new_name(names, &name))["$ref"].clone();
        return Ok(());
    }
    // A schema inside a component has no name, so a copy replaces the reference.
    let mut copy = found.clone();
    schema::inside_out(&mut copy, &at, &mut |schema, at| settle_schema(schema, at, source, names, hops + 1))?;
    members.shift_remove("$ref");
    if members.is_empty() {
        *schema = copy;
    } else {
        let parts = members.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
        parts.as_array_mut().with_context(|| format!("{at}: beside an allOf that is no array"))?.push(copy);
    }
    Ok(())
}

/// Returns the name of the component schema at `pointer`.
fn component_name(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix(SCHEMAS)?.strip_prefix('/')?;
    (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
}

/// Fails if components refer to each other without end.
fn check_aliases(document: &Value) -> Result<()> {
    let schemas = document.pointer(SCHEMAS).and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        let (mut here, mut hops) = (schema, 0);
        while let Some(next) = schema::target(here) {
            hops += 1;
            ensure!(hops < MOST_HOPS, "{}/$ref leads back to itself", below(SCHEMAS, name));
            here = schema::component(document, next)?;
        }
    }
    Ok(())
}
