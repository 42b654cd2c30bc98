//! Merges documents into one. Equal definitions fold, and different definitions of one name are an error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    json::{self, below},
    split::{COMPONENTS_OF, METHODS, SECTIONS, SHARED, WEBHOOKS, is_extension},
    upgrade,
};

/// Members of a document that apply to each of its operations, and what a document without them means. The service
/// sends webhooks to the receiver's server.
const OF_OPERATIONS: [&str; 2] = ["servers", "security"];
/// Members of a path item that apply to each of its operations.
const OF_PATH: [&str; 2] = ["parameters", "servers"];

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
    merging.divided = divided(upgraded.iter().map(|(_, fragment)| &**fragment));
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

/// Returns the pointers of the path items whose fragments state other parameters or servers for all operations.
fn divided<'a>(fragments: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    let mut known: BTreeMap<String, [Option<&Value>; 2]> = BTreeMap::new();
    let mut divided = BTreeSet::new();
    for fragment in fragments {
        for section in SECTIONS {
            for (path, item) in fragment.get(section).and_then(Value::as_object).into_iter().flatten() {
                let at = below(&below("", section), path);
                let stated = OF_PATH.map(|key| item.get(key));
                if *known.entry(at.clone()).or_insert(stated) != stated {
                    divided.insert(at);
                }
            }
        }
    }
    divided
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
    /// The path items whose parameters and servers go to the operations of their own fragment.
    divided: BTreeSet<String>,
}

impl<'a> Merging<'a> {
    fn new(primary: &'a str) -> Self {
        Self {
            primary,
            head: None,
            out: Map::new(),
            seen: BTreeMap::new(),
            shared: BTreeMap::new(),
            divided: BTreeSet::new(),
        }
    }

    /// `lenders` have the components that the fragment uses without having them.
    fn add(&mut self, file: &'a str, fragment: &'a Value, lenders: &[&Value]) -> Result<()> {
        let title = title(fragment).context("/info/title is missing")?;
        let lenders: Vec<_> = self.shared.get(title).into_iter().chain(lenders).copied().collect();
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
        let is_alike = |key: &&str| is_head || is_primary && fragment.get(*key) == self.out.get(*key);
        let own: Vec<&str> = OF_OPERATIONS.into_iter().filter(|key| !is_alike(key)).collect();
        for (key, value) in json::object(fragment, "")? {
            let at = below("", key);
            match key.as_str() {
                "components" => self.components(file, value)?,
                section if SECTIONS.contains(&section) => {
                    self.items(section, file, (fragment, &lenders), &own)?;
                }
                "tags" => self.tags(file, value)?,
                SHARED | COMPONENTS_OF => {}
                // Versions 3.1.0 and 3.1.1 mean the same.
                "openapi" | "security" | "servers" => {
                    if key == "servers" {
                        self.fold(&format!("{at} of \"{title}\""), &at, file, value)?;
                    }
                    if is_head || key == "openapi" && !self.out.contains_key(key) {
                        self.out.insert(key.clone(), value.clone());
                    }
                }
                "info" => {
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
            if is_extension("components", kind) {
                self.fold(&kind_at, &kind_at, file, &components[kind])?;
                member(&mut self.out, "components").insert(kind.clone(), components[kind].clone());
                continue;
            }
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
    fn items(
        &mut self,
        section: &str,
        file: &'a str,
        (fragment, lenders): (&'a Value, &[&Value]),
        own: &[&str],
    ) -> Result<()> {
        for (path, item) in json::section(fragment, section, "")? {
            let item_at = below(&below("", section), path);
            if is_extension(section, path) {
                self.fold(&item_at, &item_at, file, item)?;
                member(&mut self.out, section).insert(path.clone(), item.clone());
                continue;
            }
            let is_divided = self.divided.contains(&item_at);
            for (key, value) in json::object(item, &item_at)? {
                let at = below(&item_at, key);
                if is_divided && OF_PATH.contains(&key.as_str()) {
                    continue;
                }
                let is_operation = METHODS.contains(&key.as_str());
                if !self.fold(&at, &at, file, value)? && is_operation {
                    let (other, _) = self.seen[&at];
                    bail!("{at}: the same operation is in openapi/fragments/{other}");
                }
                let mut value = value.clone();
                if let (true, Some(operation)) = (is_operation, value.as_object_mut()) {
                    if is_divided {
                        of_item(operation, item, fragment, lenders);
                    }
                    let is_stated = |key: &&&str| **key == "servers" && item.get(**key).is_some();
                    for key in own.iter().filter(|key| !is_stated(key)) {
                        take_over(section, key, operation, fragment);
                    }
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

/// Gives an operation this member of the document that it comes from. A document without `security` asks for none, and
/// one without `servers` is on its own server.
fn take_over(section: &str, key: &str, operation: &mut Map<String, Value>, fragment: &Value) {
    let value = match (fragment.get(key), key) {
        (Some(value), _) => value.clone(),
        (None, "security") => json!([]),
        (None, _) if section == WEBHOOKS => return,
        (None, _) => json!([{"url": "/"}]),
    };
    operation.entry(key).or_insert(value);
}

/// Gives an operation what its path item states for all operations. The operation's own parameters and servers count
/// more.
fn of_item(operation: &mut Map<String, Value>, item: &Value, fragment: &Value, lenders: &[&Value]) {
    if let Some(servers) = item.get("servers") {
        operation.entry("servers").or_insert_with(|| servers.clone());
    }
    let list = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let identity = |parameter: &Value| {
        let mut documents = std::iter::once(fragment).chain(lenders.iter().copied());
        let found = documents.find_map(|document| {
            let parameter = json::resolved(document, parameter, "").ok()?;
            let text = |key: &str| Some(parameter.get(key)?.as_str()?.to_owned());
            Some((text("in")?, text("name")?))
        });
        found.map(
            |(kind, name)| if kind == "header" { (kind, name.to_ascii_lowercase()) } else { (kind, name) },
        )
    };
    let own = list(operation.get("parameters"));
    let known: Vec<_> = own.iter().map(identity).collect();
    let mut all = list(item.get("parameters"));
    all.retain(|parameter| {
        let identity = identity(parameter);
        identity.is_none() || !known.contains(&identity)
    });
    if !all.is_empty() {
        all.extend(own);
        operation.insert("parameters".to_owned(), all.into());
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

    fn item(title: &str, method: &str, more: &Value) -> Value {
        let mut document = fragment(title, "/a/{id}", json!({}));
        let item = &mut document["paths"]["/a/{id}"];
        *item = more.clone();
        item[method] = json!({"parameters": [{"in": "path", "name": "id"}]});
        document
    }

    #[test]
    fn what_one_page_states_for_a_path_stays_with_its_operations() {
        let must = json!({"in": "header", "name": "X-Must", "required": true});
        let id = json!({"in": "path", "name": "id", "description": "of the path"});
        let more = json!({"parameters": [id, must], "servers": [{"url": "https://only-get"}]});
        for titles in [["A", "A"], ["A", "B"]] {
            let (one, two) = (item(titles[0], "get", &more), item(titles[1], "delete", &json!({})));
            let out = merged(&[("1.json", one.clone()), ("2.json", two)]).expect("merged");
            let path = &out["paths"]["/a/{id}"];
            assert_eq!(path["get"]["parameters"], json!([must, {"in": "path", "name": "id"}]));
            assert_eq!(path["get"]["servers"], more["servers"]);
            assert_eq!(path["delete"]["parameters"], json!([{"in": "path", "name": "id"}]));
            let servers = if titles[1] == "B" { json!([{"url": "https://B.example"}]) } else { Value::Null };
            assert_eq!(path["delete"].get("servers").unwrap_or(&Value::Null), &servers);
            assert_eq!((path.get("parameters"), path.get("servers")), (None, None));
            // Where all pages state the same, it stays where it is.
            let two = item(titles[0], "delete", &more);
            let out = merged(&[("1.json", one), ("2.json", two)]).expect("merged");
            assert_eq!(out["paths"]["/a/{id}"]["servers"], more["servers"]);
            assert_eq!(out["paths"]["/a/{id}"]["get"].get("servers"), None);
        }
    }

    #[test]
    fn the_servers_of_a_path_count_more_than_those_of_its_document() {
        let more = json!({"servers": [{"url": "https://path"}]});
        let two = item("B", "get", &more);
        let out = merged(&[("1.json", fragment("A", "/a", json!({}))), ("2.json", two)]).expect("merged");
        assert_eq!(out["paths"]["/a/{id}"]["servers"], more["servers"]);
        assert_eq!(out["paths"]["/a/{id}"]["get"].get("servers"), None);
    }

    #[test]
    fn a_document_without_servers_is_not_served_at_another_ones() {
        for title in ["A", "B"] {
            let mut two = fragment(title, "/b", json!({}));
            two.as_object_mut().expect("an object").shift_remove("servers");
            let out = merged(&[("1.json", fragment("A", "/a", json!({}))), ("2.json", two)]).expect("merged");
            assert_eq!(out["paths"]["/b"]["get"]["servers"], json!([{"url": "/"}]), "{title}");
            assert_eq!(out["servers"], json!([{"url": "https://A.example"}]));
        }
        let mut one = fragment("A", "/a", json!({}));
        one.as_object_mut().expect("an object").shift_remove("servers");
        let out = merged(&[("1.json", one), ("2.json", fragment("A", "/b", json!({})))]).expect("merged");
        assert_eq!((out.get("servers"), out["paths"]["/a"]["get"].get("servers")), (None, None));
        assert_eq!(out["paths"]["/b"]["get"]["servers"], json!([{"url": "https://A.example"}]));
    }

    #[test]
    fn extensions_beside_paths_and_components_are_kept() {
        let mut one = fragment("A", "/a", json!({}));
        one["paths"]["x-note"] = "a text".into();
        one["components"]["x-more"] = json!(["a list"]);
        let out = merged(&[("1.json", one), ("2.json", fragment("A", "/b", json!({})))]).expect("merged");
        assert_eq!(out["paths"]["x-note"], "a text");
        assert_eq!(out["components"]["x-more"], json!(["a list"]));
    }
}
