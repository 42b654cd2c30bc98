//! Merges documents into one. Equal definitions fold, and different definitions of one name are an error.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    json::{self, below},
    split::{COMPONENTS_OF, METHODS, SECTIONS, SHARED},
    upgrade,
};

/// Folds the fragments, in order of their file names, into one document. The `info`, `servers` and `security` of the
/// document titled `primary` (the first one's, unless given) head it; operations of other documents carry their own
/// `servers` and `security`.
pub(crate) fn merge(fragments: &BTreeMap<String, Value>, primary: Option<&str>) -> Result<Value> {
    ensure!(!fragments.is_empty(), "openapi/fragments is empty: run `cargo xtask spec import PAGE…` first");
    let first = fragments.values().next().and_then(title).unwrap_or_default();
    let mut upgraded = Vec::new();
    for (file, fragment) in fragments {
        let fragment = upgrade::to_3_1(fragment).with_context(|| format!("openapi/fragments/{file}"))?;
        upgraded.push((file, fragment));
    }
    let mut merging = Merging::new(primary.unwrap_or(first));
    let shared = upgraded.iter().filter(|(_, fragment)| fragment.get(SHARED).is_some());
    merging.shared = shared.filter_map(|(_, fragment)| Some((title(fragment)?, &**fragment))).collect();
    for (file, fragment) in &upgraded {
        let lender = fragment.get(COMPONENTS_OF).and_then(Value::as_str);
        let lenders = upgraded.iter().map(|(_, fragment)| &**fragment);
        let lenders: Vec<_> =
            lenders.filter(|_| lender.is_some()).filter(|other| title(other) == lender).collect();
        merging.add(file, fragment, &lenders).with_context(|| format!("openapi/fragments/{file}"))?;
    }
    ensure!(
        merging.head.is_some(),
        "no fragment has the title \"{}\", the primary document",
        merging.primary
    );
    Ok(merging.finish())
}

fn title(document: &Value) -> Option<&str> {
    document.pointer("/info/title")?.as_str()
}

struct Merging<'a> {
    primary: &'a str,
    /// The members of the merged document's root, in the order of the primary document.
    head: Option<Vec<String>>,
    out: Map<String, Value>,
    /// What was folded so far, by what it is, with the file that it came from first.
    seen: BTreeMap<String, (&'a str, &'a Value)>,
    /// What operations of one document share, by its title.
    shared: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Merging<'a> {
    fn new(primary: &'a str) -> Self {
        Self { primary, head: None, out: Map::new(), seen: BTreeMap::new(), shared: BTreeMap::new() }
    }

    /// `lenders` have the components that the fragment uses without having them.
    fn add(&mut self, file: &'a str, fragment: &'a Value, lenders: &[&Value]) -> Result<()> {
        let title = title(fragment).context("/info/title is missing")?;
        let lenders: Vec<_> = self.shared.get(title).into_iter().chain(lenders).collect();
        json::references(fragment, "", &mut |target, at| {
            let found = json::follow(fragment, target, at);
            let elsewhere = || lenders.iter().find_map(|lender| json::follow(lender, target, at).ok());
            found.or_else(|error| elsewhere().ok_or(error)).map(drop)
        })?;
        let version = fragment.pointer("/info/version").context("/info/version is missing")?;
        ensure!(version.is_string(), "/info/version is {version}; it must be a string");
        let is_primary = title == self.primary;
        let is_head = is_primary && self.head.is_none();
        if is_head {
            self.head = Some(json::object(fragment, "")?.keys().cloned().collect());
        }
        // A page may say by another scheme what the other pages of its document say.
        let is_secured_alike = is_head || fragment.get("security") == self.out.get("security");
        for (key, value) in json::object(fragment, "")? {
            let at = below("", key);
            match key.as_str() {
                "components" => self.components(file, value)?,
                section if SECTIONS.contains(&section) => {
                    let own = match (is_primary, is_secured_alike) {
                        (false, _) => &["servers", "security"][..],
                        (true, false) => &["security"],
                        (true, true) => &[],
                    };
                    self.items(section, file, fragment, own)?;
                }
                "tags" => self.tags(file, value)?,
                SHARED | COMPONENTS_OF => {}
                // Versions 3.1.0 and 3.1.1 mean the same.
                "openapi" | "security" => {
                    if is_head || key == "openapi" && !self.out.contains_key(key) {
                        self.out.insert(key.clone(), value.clone());
                    }
                }
                "info" | "servers" => {
                    self.fold(&format!("{at} of \"{title}\""), &at, file, value)?;
                    if is_primary {
                        self.out.insert(key.clone(), value.clone());
                    }
                }
                _ => {
                    self.fold(&at, &at, file, value)?;
                    self.out.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    /// Notes `value` as the one definition of `what`; false if it was noted before, an error if it differs.
    fn fold(&mut self, what: &str, at: &str, file: &'a str, value: &'a Value) -> Result<bool> {
        let Some((other, known)) = self.seen.get(what) else {
            self.seen.insert(what.to_owned(), (file, value));
            return Ok(true);
        };
        if let Some(place) = json::first_difference(known, value, at) {
            bail!("{what} differs from the one in openapi/fragments/{other}, first at {place}");
        }
        Ok(false)
    }

    fn components(&mut self, file: &'a str, components: &'a Value) -> Result<()> {
        for (kind, _) in json::object(components, "/components")? {
            let kind_at = below("/components", kind);
            for (name, value) in json::section(components, kind, "/components")? {
                let at = below(&kind_at, name);
                if self.fold(&at, &at, file, value)? {
                    member(member(&mut self.out, "components"), kind).insert(name.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    /// Paths, or webhooks.
    fn items(&mut self, section: &str, file: &'a str, fragment: &'a Value, own: &[&str]) -> Result<()> {
        for (path, item) in json::section(fragment, section, "")? {
            let item_at = below(&below("", section), path);
            for (key, value) in json::object(item, &item_at)? {
                let at = below(&item_at, key);
                let is_operation = METHODS.contains(&key.as_str());
                if !self.fold(&at, &at, file, value)? && is_operation {
                    let (other, _) = self.seen[&at];
                    bail!("{at}: the same operation is in openapi/fragments/{other}");
                }
                let mut value = value.clone();
                if is_operation {
                    take_over(own, &mut value, fragment);
                }
                member(member(&mut self.out, section), path).insert(key.clone(), value);
            }
        }
        Ok(())
    }

    fn tags(&mut self, file: &'a str, tags: &'a Value) -> Result<()> {
        for (index, tag) in tags.as_array().context("/tags: expected an array")?.iter().enumerate() {
            let name = tag.get("name").and_then(Value::as_str);
            let name = name.with_context(|| format!("/tags/{index} has no name"))?;
            if self.fold(&format!("the tag \"{name}\""), &format!("/tags/{index}"), file, tag)? {
                let all = self.out.entry("tags").or_insert_with(|| json!([]));
                all.as_array_mut().context("/tags: expected an array")?.push(tag.clone());
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Value {
        let mut out = Map::new();
        for key in self.head.take().unwrap_or_default() {
            if let Some(value) = self.out.shift_remove(&key) {
                out.insert(key, value);
            }
        }
        out.extend(self.out);
        Value::Object(out)
    }
}

/// Gives an operation these members of the document that it comes from. A document without `security` asks for none.
fn take_over(own: &[&str], operation: &mut Value, fragment: &Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    for key in own {
        match fragment.get(key) {
            Some(value) => drop(operation.entry(*key).or_insert_with(|| value.clone())),
            None if *key == "security" => drop(operation.entry(*key).or_insert_with(|| json!([]))),
            None => {}
        }
    }
}

/// The object `key` of `holder`, made if need be; only called for members that this module made itself.
fn member<'m>(holder: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let value = holder.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("made an object above")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(title: &str, path: &str, schemas: Value) -> Value {
        json!({
            "openapi": "3.1.0", "info": {"title": title, "version": "1"}, "tags": [{"name": title}],
            "servers": [{"url": format!("https://{title}.example")}], "security": [{"bearer": []}],
            "components": {"schemas": schemas}, "paths": {path: {"get": {"operationId": path}}}
        })
    }

    fn merged(parts: &[(&str, Value)]) -> Result<Value> {
        let fragments = parts.iter().map(|(file, value)| ((*file).to_owned(), value.clone())).collect();
        merge(&fragments, Some("A"))
    }

    fn error(parts: &[(&str, Value)]) -> String {
        format!("{:#}", merged(parts).expect_err("a conflict"))
    }

    #[test]
    fn equal_things_fold_and_order_stays() {
        let one = fragment("A", "/z", json!({"S": {"type": "string"}}));
        let two = fragment("A", "/a", json!({"S": {"type": "string"}, "R": {}}));
        let out = merged(&[("1.json", one), ("2.json", two)]).expect("merged");
        assert_eq!(out["paths"].as_object().expect("paths").keys().collect::<Vec<_>>(), ["/z", "/a"]);
        assert_eq!(out["components"]["schemas"], json!({"S": {"type": "string"}, "R": {}}));
        assert_eq!(out["tags"], json!([{"name": "A"}]));
        let keys: Vec<_> = out.as_object().expect("object").keys().collect();
        assert_eq!(keys, ["openapi", "info", "tags", "servers", "security", "components", "paths"]);
    }

    #[test]
    fn another_document_keeps_its_servers_on_its_operations() {
        let out =
            merged(&[("1.json", fragment("A", "/a", json!({}))), ("2.json", fragment("B", "/b", json!({})))])
                .expect("merged");
        assert_eq!(out["info"]["title"], "A");
        assert_eq!(out["servers"], json!([{"url": "https://A.example"}]));
        assert_eq!(out["paths"]["/a"]["get"].get("servers"), None);
        assert_eq!(out["paths"]["/b"]["get"]["servers"], json!([{"url": "https://B.example"}]));
    }

    #[test]
    fn differing_definitions_name_both_files_and_the_place() {
        let one = fragment("A", "/a", json!({"S": {"type": "string"}}));
        let two = fragment("A", "/b", json!({"S": {"type": "integer"}}));
        let text = error(&[("1.json", one), ("2.json", two)]);
        assert!(text.contains("2.json") && text.contains("1.json"), "{text}");
        assert!(text.contains("first at /components/schemas/S/type"), "{text}");
    }

    #[test]
    fn one_operation_twice_is_an_error_even_if_equal() {
        let one = fragment("A", "/a", json!({}));
        let text = error(&[("1.json", one.clone()), ("2.json", one)]);
        assert!(
            text.contains("2.json: /paths/~1a/get: the same operation is in openapi/fragments/1.json"),
            "{text}"
        );
    }

    #[test]
    fn a_document_uses_the_components_of_the_one_that_it_names() {
        let lender = fragment("A", "/a", json!({"S": {"type": "string"}}));
        let mut user = fragment("B", "/b", json!({}));
        user["paths"]["/b"]["get"]["responses"] =
            json!({"200": {"content": {"a": {"schema": {"$ref": "#/components/schemas/S"}}}}});
        let alone = error(&[("1.json", lender.clone()), ("2.json", user.clone())]);
        assert!(alone.contains("2.json") && alone.contains("#/components/schemas/S"), "{alone}");
        user[COMPONENTS_OF] = json!("C");
        error(&[("1.json", lender.clone()), ("2.json", user.clone())]);
        user[COMPONENTS_OF] = json!("A");
        let out = merged(&[("1.json", lender), ("2.json", user)]).expect("merged");
        assert_eq!(out.get(COMPONENTS_OF), None);
        assert_eq!(out["components"]["schemas"], json!({"S": {"type": "string"}}));
    }

    fn webhook(title: &str, name: &str) -> Value {
        json!({
            "openapi": "3.1.0", "info": {"title": title, "version": "1"}, "security": [],
            "components": {"schemas": {"S": {"type": "string"}}}, "webhooks": {name: {"post": {}}}
        })
    }

    #[test]
    fn webhooks_fold_like_paths() {
        let schemas = json!({"S": {"type": "string"}});
        let parts = [
            ("1.json", fragment("A", "/a", schemas)),
            ("2.json", webhook("B", "event")),
            ("3.json", webhook("B", "again")),
        ];
        let out = merged(&parts).expect("merged");
        assert_eq!(
            out["webhooks"],
            json!({"event": {"post": {"security": []}}, "again": {"post": {"security": []}}})
        );
        assert_eq!(out["security"], json!([{"bearer": []}]));
        let text = error(&[("1.json", webhook("A", "event")), ("2.json", webhook("A", "event"))]);
        assert!(
            text.contains("2.json: /webhooks/event/post: the same operation is in openapi/fragments/1.json"),
            "{text}"
        );
    }

    #[test]
    fn two_versions_of_one_document_are_an_error() {
        let one = fragment("A", "/a", json!({}));
        let mut two = fragment("A", "/b", json!({}));
        two["info"]["version"] = "2".into();
        let text = error(&[("1.json", one), ("2.json", two)]);
        assert!(text.contains("/info of \"A\" differs") && text.contains("first at /info/version"), "{text}");
    }

    #[test]
    fn a_missing_version_and_an_old_openapi_are_errors() {
        let mut one = fragment("A", "/a", json!({}));
        one["info"] = json!({"title": "A"});
        assert!(error(&[("1.json", one)]).ends_with("1.json: /info/version is missing"));
        let mut old = fragment("A", "/a", json!({}));
        old["openapi"] = "2.0".into();
        assert!(error(&[("1.json", old)]).contains("1.json: /openapi is \"2.0\""));
    }

    #[test]
    fn a_dangling_reference_names_file_and_place() {
        let one = fragment("A", "/a", json!({"S": {"$ref": "#/components/schemas/T"}}));
        let text = error(&[("1.json", one)]);
        assert!(
            text.contains("1.json: /components/schemas/S/$ref: #/components/schemas/T does not exist"),
            "{text}"
        );
    }

    #[test]
    fn pages_of_two_minor_versions_fold() {
        let one = fragment("A", "/a", json!({"S": {"type": ["string", "null"]}}));
        let mut two = fragment("A", "/b", json!({"S": {"type": "string", "nullable": true}}));
        two["openapi"] = "3.0.3".into();
        let out = merged(&[("1.json", two), ("2.json", one)]).expect("merged");
        assert_eq!(out["openapi"], "3.1.0");
        assert_eq!(out["components"]["schemas"], json!({"S": {"type": ["string", "null"]}}));
    }

    #[test]
    fn a_page_with_another_security_scheme_keeps_it_on_its_operations() {
        let one = fragment("A", "/a", json!({}));
        let mut two = fragment("A", "/b", json!({}));
        two["security"] = json!([{"OAuth2": ["cards:write"]}]);
        two["components"]["securitySchemes"] = json!({"OAuth2": {"type": "oauth2"}});
        let mut three = fragment("A", "/c", json!({}));
        three["paths"]["/c"]["get"]["security"] = json!([{"OAuth2": ["cards:read"]}]);
        let mut four = fragment("A", "/d", json!({}));
        four.as_object_mut().expect("an object").shift_remove("security");
        let out =
            merged(&[("1.json", one), ("2.json", two), ("3.json", three), ("4.json", four)]).expect("merged");
        assert_eq!(out["security"], json!([{"bearer": []}]));
        assert_eq!(out["paths"]["/a"]["get"].get("security"), None);
        assert_eq!(out["paths"]["/b"]["get"]["security"], json!([{"OAuth2": ["cards:write"]}]));
        assert_eq!(out["paths"]["/c"]["get"]["security"], json!([{"OAuth2": ["cards:read"]}]));
        assert_eq!(out["paths"]["/d"]["get"]["security"], json!([]));
        assert!(out["components"]["securitySchemes"].get("OAuth2").is_some());
    }

    #[test]
    fn what_operations_of_a_large_file_share_is_found_where_it_is() {
        let mut one = fragment("A", "/a", json!({}));
        one["paths"]["/a"]["get"]["responses"] = json!({"200": {"$ref": "#/components/schemas/S"}});
        let mut shared = fragment("A", "/b", json!({"S": {"type": "string"}}));
        shared.as_object_mut().expect("an object").shift_remove("paths");
        let other = fragment("A", "/c", json!({"S": {"type": "string"}}));
        merged(&[("1.json", one.clone()), ("2.json", other)]).expect_err("no fragment stands on another");
        shared[SHARED] = true.into();
        let out = merged(&[("1.json", one), ("2.json", shared)]).expect("merged");
        assert_eq!(out["components"]["schemas"], json!({"S": {"type": "string"}}));
        assert_eq!(out.get(SHARED), None);
    }
}
