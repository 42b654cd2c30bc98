//! Splits a whole OpenAPI document into one fragment for each operation and each webhook.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::json;

pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// The section of requests that the service sends by itself, by name and not by path.
pub(crate) const WEBHOOKS: &str = "webhooks";
/// The method of such a request.
pub(crate) const NOTIFYING: &str = "post";
/// The members of a document that hold operations.
pub(crate) const SECTIONS: [&str; 2] = ["paths", WEBHOOKS];
/// The limit for references from path item to path item.
const MOST_HOPS: usize = 16;

/// The mark of a fragment with components that several operations of a large file share.
pub(crate) const SHARED: &str = "x-shared-by-operations";
/// The mark of a document that uses another document's components. Its value is that document's title.
///
/// A transcription has it, so that it does not repeat what the published pages define.
pub(crate) const COMPONENTS_OF: &str = "x-components-of";
/// If all fragments together would be larger than this, they share components.
const MOST_COPIED: usize = 16 << 20;

/// Returns a path with each parameter replaced: with `{}`, `/cards/{id}:close` becomes `/cards/{}:close`.
pub(crate) fn filled(path: &str, with: &str) -> String {
    let mut parts = path.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((_, after)) => out.extend([with, after]),
            None => out.extend(["{", part]),
        }
    }
    out
}

/// Returns the names of a path's parameters, in their order.
pub(crate) fn parameters_of(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

/// Members of a path item that hold for its operations, or that are for people.
pub(crate) const OF_ITEM: [&str; 4] = ["parameters", "servers", "summary", "description"];

/// Whether a member is a specification extension. A webhook may have any name.
pub(crate) fn is_extension(section: &str, key: &str) -> bool {
    section != WEBHOOKS && key.starts_with("x-")
}

/// Fails if a path item has a member that no step reads. Its operation would be missing without a word.
fn check_item(item: &Map<String, Value>, at: &str) -> Result<()> {
    let is_member = |key: &str| key == "$ref" || OF_ITEM.contains(&key) || is_extension("paths", key);
    let is_known = |key: &str| METHODS.contains(&key) || is_member(key);
    match item.keys().find(|key| !is_known(key)) {
        Some(key) => bail!("{}: unknown keyword", json::below(at, key)),
        None => Ok(()),
    }
}

/// Each operation of a document: the section that has it, its path or name, its method.
pub(crate) fn operations(document: &Value) -> Result<Vec<(&'static str, &String, &String)>> {
    let mut found = Vec::new();
    for section in SECTIONS {
        for (path, item) in json::section(document, section, "")? {
            if is_extension(section, path) {
                continue;
            }
            let at = json::below(&json::below("", section), path);
            let members = json::object(item, &at)?;
            check_item(members, &at)?;
            let methods = members.keys().filter(|key| METHODS.contains(&key.as_str()));
            found.extend(methods.map(|method| (section, path, method)));
        }
    }
    Ok(found)
}

/// One document an operation, each with only the components that the operation reaches. Of a large file, one more document
/// holds the components that more than one operation reaches.
pub(crate) fn by_operation(document: &Value) -> Result<Vec<Value>> {
    by_operation_within(document, MOST_COPIED)
}

fn by_operation_within(document: &Value, most_copied: usize) -> Result<Vec<Value>> {
    let graph = Graph::of(document);
    let mut reached = Vec::new();
    for (section, path, method) in operations(document)? {
        let at = json::below(&json::below("", section), path);
        let item = item_of(document, (section, path), method)?;
        let kept = graph.reached(document, (&item, &at))?;
        reached.push(((section, path, method), item, kept));
    }
    if reached.is_empty() {
        bail!("the document has no operation");
    }
    let mut users: BTreeMap<&String, usize> = BTreeMap::new();
    for name in reached.iter().flat_map(|(_, _, kept)| kept) {
        *users.entry(name).or_default() += 1;
    }
    let size = |name: &String| document.pointer(name).map_or(0, |component| component.to_string().len());
    let copied: usize = users.iter().map(|(name, users)| size(name) * users).sum();
    let shares = copied > most_copied;
    let is_shared = |name: &String| shares && users.get(name).is_some_and(|users| *users > 1);
    let mut fragments = Vec::new();
    for ((section, path, method), item, kept) in &reached {
        let own: BTreeSet<String> = kept.iter().filter(|name| !is_shared(name)).cloned().collect();
        fragments.push(fragment(document, Some((section, path, method)), item, &own)?);
    }
    if shares {
        let shared = users.keys().filter(|name| is_shared(name)).map(|name| (*name).clone()).collect();
        let mut rest = fragment(document, None, &Value::Null, &shared)?;
        rest[SHARED] = true.into();
        fragments.push(rest);
    }
    Ok(fragments)
}

/// Replaces a reference from a path item by its target.
pub(crate) fn with_path_items(mut document: Value) -> Result<Value> {
    let source = document.clone();
    for section in SECTIONS {
        let items = document.get_mut(section).and_then(Value::as_object_mut);
        let items = items.into_iter().flatten().filter(|(path, _)| !is_extension(section, path));
        for (path, item) in items {
            let at = json::below(&json::below(&json::below("", section), path), "$ref");
            let mut hops = 0;
            while let Some(target) = item.get("$ref").and_then(Value::as_str) {
                let (_, found) = json::follow(&source, target, &at)?;
                hops += 1;
                ensure!(hops < MOST_HOPS, "{at}: {target} leads back to itself");
                let mut found = json::object(found, &at)?.clone();
                let beside = item.as_object().into_iter().flatten().filter(|(key, _)| *key != "$ref");
                for (key, member) in beside {
                    let known = found.insert(key.clone(), member.clone());
                    ensure!(known.is_none(), "{at}: {target} has a member \"{key}\" too");
                }
                *item = Value::Object(found);
            }
        }
    }
    Ok(document)
}

/// What each component refers to, by pointers. One that no operation reaches may lead nowhere.
struct Graph(BTreeMap<String, Result<Vec<String>>>);

impl Graph {
    fn of(document: &Value) -> Self {
        let mut graph = BTreeMap::new();
        let mut derived: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (kind, members) in document.get("components").and_then(Value::as_object).into_iter().flatten() {
            let at = json::below("/components", kind);
            for (name, value) in members.as_object().into_iter().flatten() {
                let at = json::below(&at, name);
                for part in value.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                    let target = part.get("$ref").and_then(Value::as_str);
                    if let Some(Ok((base, _))) = target.map(|target| json::follow(document, target, "")) {
                        derived.entry(base).or_default().push(at.clone());
                    }
                }
                // An example holds data, unless it is a reference.
                let is_data = kind == "examples" && value.get("$ref").is_none();
                let found = if is_data { Ok(Vec::new()) } else { referred(document, (value, &at), None) };
                graph.insert(at, found);
            }
        }
        for (at, found) in &mut graph {
            // A discriminator means the schemas that extend its own, without naming them.
            let component = document.pointer(at);
            if let (Ok(found), Some(_)) = (found, component.and_then(|value| value.get("discriminator"))) {
                found.extend(derived.get(at).into_iter().flatten().cloned());
            }
        }
        Self(graph)
    }

    /// Pointers of the components that `item` reaches, its security schemes among them.
    fn reached(&self, document: &Value, (item, item_at): (&Value, &str)) -> Result<BTreeSet<String>> {
        let mut kept: BTreeSet<String> = BTreeSet::new();
        let mut open = referred(document, (item, item_at), Some(item_at))?;
        while let Some(name) = open.pop() {
            match self.0.get(&name) {
                Some(Ok(next)) => {
                    if kept.insert(name) {
                        open.extend(next.iter().cloned());
                    }
                }
                Some(Err(error)) => bail!("{error:#}"),
                None => bail!("{name} is no component"),
            }
        }
        kept.extend(schemes(item).chain(schemes(document)));
        Ok(kept)
    }
}

/// Pointers of the components that `value` refers to. An operation may also refer to what is below its own path.
fn referred(document: &Value, (value, at): (&Value, &str), item_at: Option<&str>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    json::references(value, at, &mut |target, at| {
        if is_elsewhere(document, target) {
            return Ok(());
        }
        let (pointer, _) = json::follow(document, target, at)?;
        match component(&pointer) {
            Some(component) => found.push(component.to_owned()),
            None => ensure!(
                item_at.is_some_and(|item_at| pointer.starts_with(&format!("{item_at}/"))),
                "{at}: {target} is neither a component nor in the same path; an operation must stand alone"
            ),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns `true` if another document has the component. Merging finds out whether it has.
fn is_elsewhere(document: &Value, target: &str) -> bool {
    let own = target.strip_prefix('#').and_then(component).and_then(|name| document.pointer(name));
    document.get(COMPONENTS_OF).is_some() && own.is_none()
}

/// A path item with only one of its operations.
fn item_of(document: &Value, (section, path): (&str, &str), method: &str) -> Result<Value> {
    let mut item = document[section][path].as_object().context("a path without an object")?.clone();
    item.retain(|key, _| key == method || !METHODS.contains(&key.as_str()));
    Ok(Value::Object(item))
}

/// A document with one operation, or with none, and with the components in `kept`.
fn fragment(
    document: &Value,
    operation: Option<(&str, &str, &str)>,
    item: &Value,
    kept: &BTreeSet<String>,
) -> Result<Value> {
    let mut out = Map::new();
    for (key, value) in json::object(document, "")? {
        let value = match (key.as_str(), operation) {
            (name, Some((section, path, _))) if name == section => {
                let mut items = json::object(value, &json::below("", section))?.clone();
                items.retain(|key, _| key == path || is_extension(section, key));
                items[path] = item.clone();
                Value::Object(items)
            }
            (name, _) if SECTIONS.contains(&name) => continue,
            ("components", _) => components(value, kept),
            ("tags", Some((.., method))) => tags(value, &item[method]),
            ("tags", None) => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Ok(Value::Object(out))
}

/// The pointer of the component that `pointer` is, or is inside of.
fn component(pointer: &str) -> Option<&str> {
    let inside = pointer.strip_prefix("/components/")?;
    let name = inside.find('/')? + 1;
    let end = inside[name..].find('/').map_or(inside.len(), |end| name + end);
    Some(&pointer[.."/components/".len() + end])
}

fn schemes(holder: &Value) -> impl Iterator<Item = String> {
    let operations = METHODS.iter().filter_map(|method| holder.get(method));
    let requirements = operations.chain([holder]).filter_map(|o| o.get("security")?.as_array());
    let names = requirements.flatten().filter_map(Value::as_object).flat_map(Map::keys);
    names.map(|name| json::below("/components/securitySchemes", name)).collect::<Vec<_>>().into_iter()
}

fn components(all: &Value, kept: &BTreeSet<String>) -> Value {
    let mut out = Map::new();
    for (kind, members) in all.as_object().into_iter().flatten() {
        if is_extension("components", kind) {
            out.insert(kind.clone(), members.clone());
            continue;
        }
        let at = json::below("/components", kind);
        let mut members = members.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| kept.contains(&json::below(&at, name)));
        if !members.is_empty() {
            out.insert(kind.clone(), Value::Object(members));
        }
    }
    Value::Object(out)
}

fn tags(all: &Value, operation: &Value) -> Value {
    let used = operation.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut tags = all.as_array().cloned().unwrap_or_default();
    tags.retain(|tag| used.contains(&tag["name"]));
    Value::Array(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operation_keeps_only_what_it_reaches() {
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "security": [{"b": []}],
            "tags": [{"name": "x"}, {"name": "y"}],
            "components": {
                "schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {}, "C": {}},
                "securitySchemes": {"b": {}, "unused": {}}
            },
            "paths": {"/p": {
                "parameters": [],
                "get": {"tags": ["x"], "responses": {"200": {"$ref": "#/components/schemas/A"}}},
                "post": {"tags": ["y"], "responses": {"200": {"$ref": "#/components/schemas/C"}}}
            }}
        });
        let parts = by_operation(&document).expect("two fragments");
        assert_eq!(parts.len(), 2);
        assert_eq!(
            parts[0]["components"],
            json!({"schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {}},
            "securitySchemes": {"b": {}}})
        );
        assert_eq!(parts[0]["tags"], json!([{"name": "x"}]));
        assert!(parts[0]["paths"]["/p"].get("parameters").is_some());
        assert!(parts[0]["paths"]["/p"].get("post").is_none());
        assert_eq!(parts[1]["components"]["schemas"], json!({"C": {}}));
    }

    #[test]
    fn a_webhook_is_a_fragment_of_its_own() {
        let document = json!({
            "components": {"schemas": {"A": {}, "B": {"$ref": "#/components/schemas/C"}, "C": {}}},
            "paths": {"/p": {"get": {"responses": {"200": {"$ref": "#/components/schemas/A"}}}}},
            "webhooks": {"event": {"post": {"requestBody": {"$ref": "#/components/schemas/B"}}}}
        });
        let parts = by_operation(&document).expect("two fragments");
        assert_eq!(parts[0].get("webhooks"), None);
        assert_eq!(parts[1].get("paths"), None);
        assert_eq!(parts[1]["webhooks"], document["webhooks"]);
        let names: Vec<_> = parts[1]["components"]["schemas"].as_object().expect("schemas").keys().collect();
        assert_eq!(names, ["B", "C"]);
    }

    fn kept(schemas: Value, response: Value) -> Vec<String> {
        let document = json!({
            "components": {"schemas": schemas},
            "paths": {"/p": {"get": {"responses": {"default": response}}}}
        });
        let parts = by_operation(&document).expect("a fragment");
        json::check_references(&parts[0]).expect("whole");
        let kept = parts[0].pointer("/components/schemas").and_then(Value::as_object);
        kept.map(|schemas| schemas.keys().cloned().collect()).unwrap_or_default()
    }

    #[test]
    fn what_a_discriminator_means_is_kept() {
        let base = |mapping: Value| json!({"discriminator": {"propertyName": "k", "mapping": mapping}});
        let derived = json!({"allOf": [{"$ref": "#/components/schemas/Base"}]});
        let response = json!({"$ref": "#/components/schemas/Base"});
        for mapping in [json!({"d": "#/components/schemas/D"}), json!({"d": "D"}), json!({})] {
            let schemas = json!({"Base": base(mapping), "D": derived, "E": {}});
            assert_eq!(kept(schemas, response.clone()), ["Base", "D"]);
        }
    }

    #[test]
    fn a_component_is_kept_whole_and_under_any_spelling() {
        let schemas =
            json!({"A b": {"properties": {"x": {}}}, "C/d": {}, "E": {"properties": {"y": {}}}, "F": {}});
        let to = |target: &str| json!({"$ref": format!("#/components/schemas/{target}")});
        let response = json!({"content": {"a": {"schema": {"properties": {
            "a": to("A%20b/properties/x"), "c": to("C~1d"), "e": to("E/properties/y"), "default": to("E")
        }}}}});
        assert_eq!(kept(schemas, response), ["A b", "C/d", "E"]);
    }

    #[test]
    fn a_long_chain_is_followed() {
        let schemas: Map<_, _> = (0..20_000)
            .map(|n| {
                (
                    format!("S{n}"),
                    json!({"items": {"$ref": format!("#/components/schemas/S{}", (n + 1) % 20_000)}}),
                )
            })
            .collect();
        assert_eq!(kept(Value::Object(schemas), json!({"$ref": "#/components/schemas/S0"})).len(), 20_000);
    }

    #[test]
    fn path_items_are_put_in_their_place() {
        let document = json!({
            "components": {"pathItems": {"P": {"get": {}}, "Q": {"$ref": "#/components/pathItems/P"}}},
            "paths": {"/a": {"$ref": "#/components/pathItems/Q", "summary": "s"}, "/b": {"$ref": "#/paths/~1a"}}
        });
        let out = with_path_items(document.clone()).expect("whole");
        assert_eq!(
            out["paths"],
            json!({"/a": {"get": {}, "summary": "s"}, "/b": {"get": {}, "summary": "s"}})
        );
        let error = |path: Value| {
            let mut document = document.clone();
            document["paths"]["/c"] = path;
            with_path_items(document).expect_err("no path item").to_string()
        };
        assert_eq!(error(json!({"$ref": "#/paths/~1d"})), "/paths/~1c/$ref: #/paths/~1d does not exist");
        assert_eq!(
            error(json!({"$ref": "#/paths/~1c"})),
            "/paths/~1c/$ref: #/paths/~1c leads back to itself"
        );
        assert_eq!(error(json!({"$ref": "c.yaml"})), "/paths/~1c/$ref: c.yaml is not local");
        let both = json!({"$ref": "#/components/pathItems/P", "get": {}});
        assert_eq!(error(both), "/paths/~1c/$ref: #/components/pathItems/P has a member \"get\" too");
    }

    #[test]
    fn a_reference_into_another_operation_is_refused() {
        let schema = "/responses/200/content/a/schema";
        let document = |target: &str| {
            let other = json!({"responses": {"200": {"content": {"a": {"schema": {}}}}}});
            let this = json!({"responses": {"200": {"$ref": target}}});
            json!({"paths": {"/a": {"get": this}, "/b": {"get": other}}})
        };
        let error = by_operation(&document(&format!("#/paths/~1b/get{schema}"))).expect_err("elsewhere");
        assert!(error.to_string().starts_with("/paths/~1a/get/responses/200/$ref: #/paths/~1b"), "{error}");
    }

    #[test]
    fn operations_of_a_large_file_share_what_several_reach() {
        let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let document = json!({
            "info": {"title": "T"},
            "components": {"schemas": {"A": to("Both"), "B": to("Both"), "Both": to("Below"), "Below": {}, "C": {}}},
            "paths": {
                "/a": {"get": {"responses": {"200": to("A")}}}, "/b": {"get": {"responses": {"200": to("B")}}}
            }
        });
        let parts = by_operation_within(&document, 0).expect("three fragments");
        let names = |part: &Value| {
            let schemas = part["components"]["schemas"].as_object().expect("schemas");
            schemas.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            parts.iter().map(names).collect::<Vec<_>>(),
            [vec!["A"], vec!["B"], vec!["Both", "Below"]]
        );
        assert_eq!((&parts[2]["info"]["title"], &parts[2][SHARED]), (&json!("T"), &json!(true)));
        assert_eq!(parts[2].get("paths"), None);
        assert_eq!(by_operation(&document).expect("two fragments").len(), 2);
    }
}
