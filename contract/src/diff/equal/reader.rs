//! Converts a document to nodes. References cause no recursion here: each node waits in a queue until it is read.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{
    graph::{Component, Graph, Id, Root, Schema, Shape, Symbol, canonical},
    kind::{Form, Kind},
};
use crate::spec::{
    json::below,
    split::{METHODS, SECTIONS},
};

/// The value of a node that the reader builds, if the document has no value for it.
pub(super) static NOTHING: Value = Value::Null;
/// The maximum number of references that are followed in a chain.
const DETOURS: usize = 100;

/// The key of the member that contains the components that nothing uses.
pub(crate) const UNUSED: &str = "$unused";

/// The sections of `components`, and the kind of component in each section.
const COMPONENTS: [(&str, Kind); 10] = [
    ("schemas", Kind::Schema),
    ("parameters", Kind::Parameter),
    ("headers", Kind::Header),
    ("requestBodies", Kind::Body),
    ("responses", Kind::Answer),
    ("examples", Kind::Example),
    ("links", Kind::Link),
    ("callbacks", Kind::Callback),
    ("pathItems", Kind::PathItem),
    ("securitySchemes", Kind::Scheme),
];

pub(super) struct Reader<'g, 'd> {
    pub(super) graph: &'g mut Graph<'d>,
    pub(super) document: &'d Value,
    /// For the pointer to a schema: the schemas that refer to it in their `allOf`.
    pub(super) heirs: HashMap<String, Vec<(&'d str, &'d Value)>>,
    /// The nodes, by the address in memory and the kind of their value.
    known: HashMap<(usize, Kind), Id>,
    queue: Vec<Id>,
    servers: Option<Id>,
    security: Option<Id>,
}

/// The target of a chain of references, and the members beside these references.
struct Target<'d> {
    at: String,
    value: &'d Value,
    beside: Vec<(String, &'d str, &'d Value)>,
}

pub(super) fn read<'d>(graph: &mut Graph<'d>, document: &'d Value) -> Root {
    let first = graph.nodes.len();
    let mut reader = Reader {
        graph,
        document,
        heirs: heirs(document),
        known: HashMap::new(),
        queue: Vec::new(),
        servers: None,
        security: None,
    };
    let mut members = reader.root();
    reader.work();
    let components = reader.components();
    reader.work();
    let reached = reached(reader.graph, first, members.iter().map(|(_, id)| *id));
    let components: Vec<Component> =
        components.into_iter().map(|(at, id)| Component { at, id, is_used: reached[id - first] }).collect();
    let unused = components.iter().filter(|component| !component.is_used).map(|component| component.id);
    let unused = Shape::Bag(unused.collect());
    let unused = reader.graph.add("/components".to_owned(), Kind::Group, &NOTHING, unused);
    members.push((reader.graph.symbol(UNUSED), unused));
    let node = reader.group(String::new(), members);
    Root { node, components }
}

/// Returns whether each node can be reached from the nodes `from`. The index of a node is its id minus `first`.
fn reached(graph: &Graph<'_>, first: Id, from: impl Iterator<Item = Id>) -> Vec<bool> {
    let mut reached = vec![false; graph.nodes.len() - first];
    let mut open: Vec<Id> = from.collect();
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut reached[id - first], true) {
            continue;
        }
        match &graph.nodes[id].shape {
            Shape::Leaf(_) => {}
            Shape::Map(members) => open.extend(members.iter().map(|(_, id)| *id)),
            Shape::List(ids) | Shape::Bag(ids) | Shape::Set(ids) => open.extend(ids),
            Shape::Schema(schema) => {
                open.extend(schema.own.iter().map(|(_, id)| *id));
                open.extend(&schema.parts);
            }
        }
    }
    reached
}

fn heirs(document: &Value) -> HashMap<String, Vec<(&str, &Value)>> {
    let mut heirs: HashMap<String, Vec<(&str, &Value)>> = HashMap::new();
    for (name, schema) in
        document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten()
    {
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            if let Some(pointer) = reference_of(part).and_then(pointer) {
                heirs.entry(pointer).or_default().push((name, schema));
            }
        }
    }
    heirs
}

/// Returns the reference of a schema, or the reference of its only branch.
pub(super) fn reference_of(schema: &Value) -> Option<&str> {
    let mut schema = schema;
    for _ in 0..DETOURS {
        if let Some(reference) = schema.get("$ref") {
            return reference.as_str();
        }
        let only = |key: &&str| schema.get(*key)?.as_array().filter(|list| list.len() == 1)?.first();
        schema = ["allOf", "anyOf", "oneOf"].iter().find_map(only)?;
    }
    None
}

/// Returns the pointer in a local reference, with its URL encoding decoded.
fn pointer(reference: &str) -> Option<String> {
    let text = reference.strip_prefix('#')?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

impl<'d> Reader<'_, 'd> {
    fn work(&mut self) {
        while let Some(id) = self.queue.pop() {
            let (at, value) = (self.graph.nodes[id].at.clone(), self.graph.nodes[id].value);
            let shape = match self.graph.nodes[id].kind {
                Kind::Schema => self.schema(&at, value),
                kind => self.shape(kind, at, value),
            };
            self.graph.nodes[id].shape = shape;
        }
    }

    fn root(&mut self) -> Vec<(Symbol, Id)> {
        let Some(members) = self.document.as_object() else {
            let leaf = self.json(String::new(), Kind::Json, self.document);
            return vec![(self.graph.symbol(""), leaf)];
        };
        self.servers = members.get("servers").and_then(|list| self.list_of_servers("/servers", list));
        self.security = members.get("security").and_then(|list| self.requirements("/security", list));
        let mut out = Vec::new();
        for (key, value) in members {
            let at = below("", key);
            let id = match key.as_str() {
                "components" if value.is_object() => continue,
                "x-generated" => continue,
                "servers" => self.servers,
                "security" => self.security,
                "info" => Some(self.child(at, Kind::Info, value)),
                "tags" => self.filled(at, Kind::Tags, value),
                section if SECTIONS.contains(&section) => self.filled(at, Kind::Paths, value),
                _ => Some(self.child(at, Kind::Operation.member(key), value)),
            };
            out.extend(id.map(|id| (self.graph.symbol(key), id)));
        }
        out
    }

    /// Returns all components, each with its pointer.
    fn components(&mut self) -> Vec<(String, Id)> {
        let mut out = Vec::new();
        for (section, members) in
            self.document.get("components").and_then(Value::as_object).into_iter().flatten()
        {
            let at = below("/components", section);
            let kind = COMPONENTS.iter().find(|(name, _)| name == section).map(|(_, kind)| *kind);
            match (kind, members.as_object()) {
                (Some(kind), Some(members)) => {
                    for (name, value) in members {
                        let at = below(&at, name);
                        let id = self.child(at.clone(), kind, value);
                        out.push((at, id));
                    }
                }
                _ => out.push((at.clone(), self.json(at, Kind::Json, members))),
            }
        }
        out
    }

    fn shape(&mut self, kind: Kind, at: String, value: &'d Value) -> Shape {
        let target = match kind.may_be_referenced() {
            true => self.follow(at, value),
            false => Target { at, value, beside: Vec::new() },
        };
        let mut shape = self.plain_shape(kind, &target.at, target.value);
        if let Shape::Map(members) = &mut shape {
            for (at, key, value) in target.beside {
                let overrides = matches!(key, "description" | "summary");
                let name = if overrides { key.to_owned() } else { format!("$ref/{key}") };
                let (symbol, id) = (self.graph.symbol(&name), self.json(at, kind.member(key), value));
                members.retain(|(other, _)| *other != symbol);
                members.push((symbol, id));
            }
        }
        shape
    }

    fn plain_shape(&mut self, kind: Kind, at: &str, value: &'d Value) -> Shape {
        let (members, items) = (value.as_object(), value.as_array());
        match (kind, kind.form(), members, items) {
            (Kind::PathItem, _, Some(members), _) => self.path_item(at, members),
            (_, Form::Object, Some(members), _) => Shape::Map(self.members(kind, at, members)),
            (_, Form::Map(of), Some(members), _) => {
                let mut out: BTreeMap<String, Id> = BTreeMap::new();
                for (key, member) in members {
                    let may_be_extended = at == "/paths" || matches!(kind, Kind::Statuses | Kind::Callback);
                    let of = if may_be_extended && key.starts_with("x-") { Kind::Words } else { of };
                    let id = self.child(below(at, key), of, member);
                    let name = kind.name(key);
                    // If two keys are spellings of one name, the second one stays a separate member.
                    let name = if out.contains_key(&name) { format!("{name} {key}") } else { name };
                    out.insert(name, id);
                }
                Shape::Map(out.into_iter().map(|(name, id)| (self.graph.symbol(&name), id)).collect())
            }
            (_, Form::List(of) | Form::Bag(of) | Form::Set(of), _, Some(items)) => {
                let ids = self.elements(at, of, items);
                match kind.form() {
                    Form::List(_) => Shape::List(ids),
                    Form::Bag(_) => Shape::Bag(ids),
                    _ => Shape::Set(ids),
                }
            }
            _ => Shape::Leaf(self.graph.symbol(&canonical(value))),
        }
    }

    fn elements(&mut self, at: &str, of: Kind, items: &'d [Value]) -> Vec<Id> {
        let all = items.iter().enumerate();
        all.map(|(index, item)| self.child(below(at, &index.to_string()), of, item)).collect()
    }

    fn members(&mut self, kind: Kind, at: &str, members: &'d Map<String, Value>) -> Vec<(Symbol, Id)> {
        let is_header = kind == Kind::Parameter && members.get("in").is_some_and(|place| place == "header");
        let mut out = Vec::new();
        for (key, value) in members {
            if kind.is_default(key, value, members) {
                continue;
            }
            let at = below(at, key);
            let id = match (key.as_str(), value) {
                ("name", Value::String(name)) if is_header => {
                    let text = canonical(&name.to_ascii_lowercase().into());
                    self.graph.leaf(at, Kind::Json, value, &text)
                }
                ("scheme", Value::String(name)) if kind == Kind::Scheme => {
                    let text = canonical(&name.to_ascii_lowercase().into());
                    self.graph.leaf(at, Kind::Json, value, &text)
                }
                _ => self.child(at, kind.member(key), value),
            };
            out.push((self.graph.symbol(key), id));
        }
        if kind == Kind::Media && !members.contains_key("schema") {
            let any = Shape::Schema(Schema::default());
            let id = self.graph.add(below(at, "schema"), Kind::Schema, &NOTHING, any);
            out.push((self.graph.symbol("schema"), id));
        }
        out
    }

    /// Adds the parameters and servers of a path to its operations. Those that no operation takes over stay in the
    /// path.
    fn path_item(&mut self, at: &str, members: &'d Map<String, Value>) -> Shape {
        let shared = members.get("parameters").and_then(Value::as_array);
        let shared = shared.map(|list| self.elements(&below(at, "parameters"), Kind::Parameter, list));
        let servers =
            members.get("servers").and_then(|list| self.list_of_servers(&below(at, "servers"), list));
        let mut left: Vec<Id> = shared.clone().unwrap_or_default();
        let (mut servers_are_used, mut out) = (false, Vec::new());
        for method in METHODS {
            let Some(value) = members.get(method) else { continue };
            let at = below(at, method);
            let Some(operation) = value.as_object() else {
                let leaf = self.json(at, Kind::Json, value);
                out.push((self.graph.symbol(method), leaf));
                continue;
            };
            let parameters = self.parameters(&at, operation, shared.as_deref().unwrap_or_default());
            if let Some(parameters) = parameters {
                left.retain(|id| !self.graph.elements(parameters).contains(id));
            }
            servers_are_used |= operation.get("servers").is_none();
            let servers = servers.or(self.servers);
            let id = self.operation(&at, operation, parameters, servers);
            self.graph.nodes[id].value = value;
            out.push((self.graph.symbol(method), id));
        }
        for (key, value) in members {
            let at = below(at, key);
            let id = match key.as_str() {
                method if METHODS.contains(&method) => continue,
                "parameters" if shared.is_some() => {
                    if left.is_empty() {
                        continue;
                    }
                    self.graph.add(at, Kind::Parameters, value, Shape::Set(std::mem::take(&mut left)))
                }
                "servers" => match servers {
                    Some(servers) if !servers_are_used => servers,
                    _ => continue,
                },
                _ => self.child(at, Kind::PathItem.member(key), value),
            };
            out.push((self.graph.symbol(key), id));
        }
        Shape::Map(out)
    }

    fn operation(
        &mut self,
        at: &str,
        members: &'d Map<String, Value>,
        parameters: Option<Id>,
        servers: Option<Id>,
    ) -> Id {
        let mut out = self.members(Kind::Operation, at, members);
        let [for_parameters, for_servers, for_security] =
            ["parameters", "servers", "security"].map(|key| self.graph.symbol(key));
        out.retain(|(key, _)| ![for_parameters, for_servers, for_security].contains(key));
        let servers = match members.get("servers") {
            Some(list) => self.list_of_servers(&below(at, "servers"), list),
            None => servers,
        };
        let security = match members.get("security") {
            Some(list) => self.requirements(&below(at, "security"), list),
            None => self.security,
        };
        for (key, id) in [(for_parameters, parameters), (for_servers, servers), (for_security, security)] {
            out.extend(id.map(|id| (key, id)));
        }
        self.graph.add(at.to_owned(), Kind::Operation, &NOTHING, Shape::Map(out))
    }

    /// Returns the operation's parameters, and those parameters of its path that the operation does not state itself.
    fn parameters(&mut self, at: &str, operation: &'d Map<String, Value>, shared: &[Id]) -> Option<Id> {
        let at = below(at, "parameters");
        let own = operation.get("parameters").unwrap_or(&NOTHING);
        let Some(list) = own.as_array().or(own.is_null().then_some(const { &Vec::new() })) else {
            return Some(self.json(at, Kind::Json, own));
        };
        let mut all = self.elements(&at, Kind::Parameter, list);
        let names: Vec<_> = all.iter().map(|id| self.name_of(*id)).collect();
        all.extend(shared.iter().filter(|id| !names.contains(&self.name_of(**id))));
        (!all.is_empty()).then(|| self.graph.add(at, Kind::Parameters, own, Shape::Set(all)))
    }

    fn name_of(&self, parameter: Id) -> (Option<&'d Value>, Option<&'d Value>) {
        let node = &self.graph.nodes[parameter];
        let target = self.follow(node.at.clone(), node.value).value;
        (target.get("in"), target.get("name"))
    }

    fn list_of_servers(&mut self, at: &str, list: &'d Value) -> Option<Id> {
        self.filled(at.to_owned(), Kind::Servers, list)
    }

    /// Returns a node, or `None` if the value is an empty list or map.
    fn filled(&mut self, at: String, kind: Kind, value: &'d Value) -> Option<Id> {
        let is_empty =
            value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        (!is_empty).then(|| self.child(at, kind, value))
    }

    /// Returns the alternatives of `security`, or `None` if no credentials are required.
    fn requirements(&mut self, at: &str, list: &'d Value) -> Option<Id> {
        let Some(list_of) = list.as_array() else { return Some(self.json(at.to_owned(), Kind::Json, list)) };
        if list_of.iter().all(|one| one.as_object().is_some_and(Map::is_empty)) {
            return None;
        }
        let mut alternatives = Vec::new();
        for (index, one) in list_of.iter().enumerate() {
            let at = below(at, &index.to_string());
            let Some(schemes) = one.as_object() else {
                alternatives.push(self.json(at, Kind::Json, one));
                continue;
            };
            let mut parts = Vec::new();
            for (name, scopes) in schemes {
                let at = below(&at, name);
                let scheme =
                    self.document.pointer("/components/securitySchemes").and_then(|all| all.get(name));
                let scheme = match scheme {
                    Some(scheme) => {
                        self.child(below("/components/securitySchemes", name), Kind::Scheme, scheme)
                    }
                    None => self.graph.leaf(at.clone(), Kind::Json, &NOTHING, name),
                };
                let scopes = self.child(at.clone(), Kind::Values, scopes);
                let part = vec![(self.graph.symbol("scheme"), scheme), (self.graph.symbol("scopes"), scopes)];
                parts.push(self.group(at, part));
            }
            alternatives.push(self.graph.add(at, Kind::Group, one, Shape::Set(parts)));
        }
        Some(self.graph.add(at.to_owned(), Kind::Security, list, Shape::Set(alternatives)))
    }

    pub(super) fn group(&mut self, at: String, members: Vec<(Symbol, Id)>) -> Id {
        self.graph.add(at, Kind::Group, &NOTHING, Shape::Map(members))
    }

    /// Adds a leaf with the canonical text of `value`.
    pub(super) fn json(&mut self, at: String, kind: Kind, value: &'d Value) -> Id {
        let text = canonical(value);
        self.graph.leaf(at, kind, value, &text)
    }

    /// Returns the node of `value`. A node that is not a leaf is read later.
    pub(super) fn child(&mut self, at: String, kind: Kind, value: &'d Value) -> Id {
        let (mut at, mut value) = (at, value);
        if kind.may_be_referenced() {
            let target = self.follow(at.clone(), value);
            if target.beside.is_empty() {
                (at, value) = (target.at, target.value);
            }
        }
        if matches!(kind.form(), Form::Leaf) {
            return self.json(at, kind, value);
        }
        let key = (std::ptr::from_ref(value) as usize, kind);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.graph.add(at, kind, value, Shape::Map(Vec::new()));
        self.known.insert(key, id);
        self.queue.push(id);
        id
    }

    fn follow(&self, at: String, value: &'d Value) -> Target<'d> {
        let mut target = Target { at, value, beside: Vec::new() };
        for _ in 0..DETOURS {
            let Some((at, value)) = self.target(target.value) else { break };
            for (key, value) in
                target.value.as_object().into_iter().flatten().filter(|(key, _)| *key != "$ref")
            {
                // If several references on the way have the same member beside them, the one nearest to the use
                // counts.
                if !target.beside.iter().any(|(_, known, _)| known == key) {
                    target.beside.push((below(&target.at, key), key, value));
                }
            }
            (target.at, target.value) = (at, value);
        }
        target
    }

    /// Returns the target of a schema that is only a reference. Returns any other schema itself.
    pub(super) fn schema_behind(&self, at: String, value: &'d Value) -> (String, &'d Value) {
        let (mut at, mut value) = (at, value);
        for _ in 0..DETOURS {
            if value.as_object().is_none_or(|members| members.len() != 1) {
                break;
            }
            let Some(target) = self.target(value) else { break };
            (at, value) = target;
        }
        (at, value)
    }

    pub(super) fn target(&self, value: &'d Value) -> Option<(String, &'d Value)> {
        self.at_reference(value.get("$ref")?.as_str()?)
    }

    pub(super) fn at_reference(&self, reference: &str) -> Option<(String, &'d Value)> {
        let pointer = pointer(reference)?;
        let value = self.document.pointer(&pointer)?;
        Some((pointer, value))
    }

    /// Returns the schema that a discriminator names, by reference or by the name of a component.
    pub(super) fn named_schema(&self, name: &str) -> Option<(String, &'d Value)> {
        self.at_reference(name)
            .or_else(|| self.at_reference(&format!("#{}", below("/components/schemas", name))))
    }
}
