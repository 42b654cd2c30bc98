//! Compares what applies to the contract as a whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    finding::{Compare, Fields, Target},
    left::short,
};
use crate::{
    diff::{
        change::{Level, Side},
        equal::{Component, Id, Root, UNUSED},
    },
    spec::json::below,
};

const SCHEMES: &str = "/components/securitySchemes";

impl Compare<'_> {
    pub(super) fn document(&mut self) {
        let mut fields = self.fields(self.old.node, self.new.node);
        let whole = Target::Contract;
        self.rule(&mut fields, &whole, "info", |this, old, new| {
            if let (Some(old), Some(new)) = (old, new) {
                this.info(old, new);
            }
        });
        self.rule(&mut fields, &whole, "openapi", |this, old, new| {
            let [old, new] = [old, new].map(|id| id.map_or(&Value::Null, |id| this.graph.value(id)));
            let minor =
                |version: &Value| version.as_str().and_then(|text| Some(text.rsplit_once('.')?.0.to_owned()));
            if minor(old).is_some() && minor(old) == minor(new) {
                let text = format!("the contract is written in OpenAPI {} → {}", short(old), short(new));
                this.say(
                    &Target::Contract,
                    "openapi-version-changed",
                    Level::Documentation,
                    "/openapi",
                    text,
                );
            }
        });
        self.rule(&mut fields, &whole, "servers", |this, old, new| {
            this.servers(&Target::Contract, "/servers", old, new);
        });
        self.rule(&mut fields, &whole, "security", Self::global_security);
        self.schemes();
        self.unused(&mut fields);
        self.operations(&mut fields);
        self.rest(fields, &whole);
    }

    fn info(&mut self, old: Id, new: Id) {
        for (key, (old, new)) in self.fields(old, new).open {
            let shown =
                |id: Option<Id>| id.map_or_else(|| "none".to_owned(), |id| short(self.graph.value(id)));
            let text = format!("the contract has another {key}: {} → {}", shown(old), shown(new));
            let id = format!("info-{key}-changed");
            self.say(&Target::Contract, &id, Level::Documentation, &below("/info", &key), text);
        }
    }

    /// Compares the servers of the contract or of an operation.
    pub(super) fn servers(&mut self, target: &Target, at: &str, old: Option<Id>, new: Option<Id>) {
        let servers = |list: Option<Id>| {
            let all = list.map(|list| self.graph.elements(list)).unwrap_or_default().iter();
            let url = |id: &Id| Some((self.graph.value(*id).get("url")?.as_str()?.to_owned(), *id));
            all.filter_map(url).collect::<Vec<(String, Id)>>()
        };
        let (old, new) = (servers(old), servers(new));
        let who = match target {
            Target::Operation(operation) => format!("{}: ", operation.label()),
            _ => String::new(),
        };
        let find =
            |url: &str, all: &[(String, Id)]| all.iter().find(|(other, _)| other == url).map(|(_, id)| *id);
        for (url, id) in &new {
            match find(url, &old) {
                None => {
                    let text = format!("{who}there is a server {url}");
                    self.say_to(target, Side::Callers, "api-server-added", Level::Additive, at, text);
                }
                Some(other) if !self.graph.same(other, *id) => {
                    let fields = self.fields(other, *id);
                    self.rest(fields, target);
                }
                Some(_) => {}
            }
        }
        for (url, _) in old.iter().filter(|(url, _)| find(url, &new).is_none()) {
            let text = format!("{who}the server {url} is gone");
            self.say_to(target, Side::Callers, "api-server-removed", Level::Breaking, at, text);
        }
        let sorted = |all: &[(String, Id)]| all.iter().map(|(url, _)| url.clone()).collect::<BTreeSet<_>>();
        let is_same_set = old.len() == new.len() && sorted(&old) == sorted(&new);
        if is_same_set && old.iter().zip(&new).any(|((one, _), (other, _))| one != other) {
            let text = format!("{who}the servers are in another order");
            self.say(target, "api-server-order-changed", Level::Documentation, at, text);
        }
    }

    fn schemes(&mut self) {
        let at = SCHEMES;
        let schemes = |root: &Root| -> Vec<(String, Id)> {
            let all = root.components.iter().filter(|component| component.at.starts_with(SCHEMES));
            all.filter_map(|component| Some((component.at.rsplit_once('/')?.1.to_owned(), component.id)))
                .collect()
        };
        let (old, new) = (schemes(&self.old), schemes(&self.new));
        let find =
            |name: &str, all: &[(String, Id)]| all.iter().find(|(other, _)| other == name).map(|(_, id)| *id);
        let target = Target::Contract;
        for (name, scheme) in &new {
            let Some(before) = find(name, &old) else {
                let renamed = old
                    .iter()
                    .find(|(other, id)| find(other, &new).is_none() && self.graph.same(*id, *scheme));
                let (id, level, what) = match renamed {
                    Some((other, _)) => ("renamed", Level::Documentation, format!("was called {other}")),
                    None => ("added", Level::Additive, "is new".to_owned()),
                };
                let id = format!("api-security-component-{id}");
                let text = format!("the security scheme {name} {what}");
                self.say_to(&target, Side::Callers, &id, level, &below(at, name), text);
                continue;
            };
            if self.graph.same(before, *scheme) {
                continue;
            }
            let fields = self.fields(before, *scheme);
            let kinds = |(one, other): (Option<Id>, Option<Id>)| {
                one.into_iter().chain(other).all(|id| self.graph.kind(id).is_words())
            };
            let (id, level, verb) = match fields.open.contains_key("type") {
                true => ("api-security-component-type-changed", Level::Breaking, "is of another type"),
                false if fields.open.values().all(|pair| kinds(*pair)) => {
                    ("api-security-component-words-changed", Level::Documentation, "has other words")
                }
                false => ("api-security-component-changed", Level::Breaking, "works in another way"),
            };
            let text = format!("the security scheme {name} {verb}");
            self.say_to(&target, Side::Callers, id, level, &below(at, name), text);
        }
        for (name, scheme) in old.iter().filter(|(name, _)| find(name, &new).is_none()) {
            let is_renamed =
                new.iter().any(|(other, id)| find(other, &old).is_none() && self.graph.same(*id, *scheme));
            if !is_renamed {
                let text = format!("the security scheme {name} is gone");
                let id = "api-security-component-removed";
                self.say_to(&target, Side::Callers, id, Level::Breaking, &below(at, name), text);
            }
        }
    }

    /// Reports changes of components that nothing uses. They are documentation, because no message contains these
    /// components.
    fn unused(&mut self, fields: &mut Fields) {
        if fields.open.remove(UNUSED).is_none() {
            return;
        }
        let (old, new) = (self.old.components.clone(), self.new.components.clone());
        let unused = |all: &[Component]| -> Vec<Component> {
            let is_scheme = |component: &&Component| component.at.starts_with(SCHEMES);
            all.iter().filter(|component| !component.is_used && !is_scheme(component)).cloned().collect()
        };
        let find =
            |at: &str, all: &[Component]| all.iter().find(|component| component.at == at).map(|c| c.id);
        let (before, after) = (unused(&old), unused(&new));
        for (these, all_others, others, what) in
            [(&after, &old, &before, "added"), (&before, &new, &after, "removed")]
        {
            for Component { at, id, .. } in these {
                let is_renamed = others.iter().any(|other| self.graph.same(other.id, *id));
                let what = match (find(at, others), find(at, all_others)) {
                    (Some(other), _) if what == "added" && !self.graph.same(other, *id) => "changed",
                    // A component that the other contract uses is left out, because the comparison of the used parts
                    // covers it.
                    (None, None) if !is_renamed => what,
                    _ => continue,
                };
                let text = format!("{at}, which nothing uses, was {what}");
                let id = format!("unused-component-{what}");
                self.say(&Target::Contract, &id, Level::Documentation, at, text);
            }
        }
    }
}
