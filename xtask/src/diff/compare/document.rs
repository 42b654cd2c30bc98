//! What holds for the contract as a whole.

use serde_json::{Map, Value};

use super::Compare;
use crate::diff::change::{Level, Side};
use crate::spec::json::below;

impl Compare<'_> {
    pub(super) fn document(&mut self) {
        self.info();
        self.servers();
        self.global_security();
        self.schemes();
    }

    fn info(&mut self) {
        for key in ["title", "version", "description"] {
            let at = format!("/info/{key}");
            let (old, new) = (self.old.pointer(&at), self.new.pointer(&at));
            if old != new {
                let shown = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), super::short);
                let text = format!("the contract has another {key}: {} → {}", shown(old), shown(new));
                let verdict = (Level::Documentation, Side::Both);
                self.contract(&format!("info-{key}-changed"), verdict, &at, text);
            }
        }
    }

    fn servers(&mut self) {
        let urls = |document: &Value| -> Vec<String> {
            let servers = document.get("servers").and_then(Value::as_array).into_iter().flatten();
            servers.filter_map(|server| server.get("url")?.as_str()).map(str::to_owned).collect()
        };
        let (old, new) = (urls(self.old), urls(self.new));
        for url in new.iter().filter(|url| !old.contains(url)) {
            let verdict = (Level::Additive, Side::Callers);
            self.contract("api-server-added", verdict, "/servers", format!("there is a server {url}"));
        }
        for url in old.iter().filter(|url| !new.contains(url)) {
            let verdict = (Level::Breaking, Side::Callers);
            self.contract("api-server-removed", verdict, "/servers", format!("the server {url} is gone"));
        }
    }

    fn schemes(&mut self) {
        let at = "/components/securitySchemes";
        let of = |document: &Value| -> Map<String, Value> {
            document.pointer(at).and_then(Value::as_object).cloned().unwrap_or_default()
        };
        let (old, new) = (of(self.old), of(self.new));
        for (name, scheme) in &new {
            let (id, level, verb) = match old.get(name) {
                None => ("api-security-component-added", Level::Additive, "is new"),
                Some(before) if before["type"] != scheme["type"] => {
                    ("api-security-component-type-changed", Level::Breaking, "is of another type")
                }
                Some(before) if before != scheme => {
                    ("api-security-component-changed", Level::Breaking, "works in another way")
                }
                Some(_) => continue,
            };
            let text = format!("the security scheme {name} {verb}");
            self.contract(id, (level, Side::Callers), &below(at, name), text);
        }
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            let text = format!("the security scheme {name} is gone");
            let verdict = (Level::Breaking, Side::Callers);
            self.contract("api-security-component-removed", verdict, &below(at, name), text);
        }
    }
}
