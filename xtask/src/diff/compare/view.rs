//! A schema as a comparison wants it: references followed, `allOf` merged, null and open lists of values recognised.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::spec::json::below;

const ANNOTATIONS: [&str; 2] = ["description", "title"];

/// A schema and where it stands in its document.
pub(super) type At<'d> = (String, &'d Value);

#[derive(Debug, Default)]
pub(super) struct View<'d> {
    /// Where the keywords stand.
    pub(super) at: String,
    /// The component that a reference led to.
    pub(super) component: Option<String>,
    pub(super) nullable: bool,
    pub(super) properties: BTreeMap<String, At<'d>>,
    pub(super) required: BTreeSet<String>,
    /// The listed values, and whether others may come.
    pub(super) values: Option<(Vec<Value>, bool)>,
    /// `oneOf` or `anyOf`, and its branches.
    pub(super) choices: Option<(&'static str, Vec<At<'d>>)>,
    /// What stands beside a reference: it describes this use of the component, not the component.
    pub(super) beside: Map<String, Value>,
    /// Everything else.
    pub(super) keywords: Map<String, Value>,
}

impl<'d> View<'d> {
    pub(super) fn of(document: &'d Value, (at, schema): At<'d>) -> Self {
        let mut view = Self { at, ..Self::default() };
        view.read(document, schema, 0);
        view
    }

    pub(super) fn branches(&self) -> &[At<'d>] {
        self.choices.as_ref().map_or(&[], |(_, branches)| branches)
    }

    pub(super) fn keyword(&self, key: &str) -> Option<&Value> {
        self.keywords.get(key)
    }

    /// The types that a value may have; empty for any.
    pub(super) fn types(&self) -> BTreeSet<String> {
        let mut types: BTreeSet<String> = match self.keywords.get("type") {
            Some(Value::String(name)) => BTreeSet::from([name.clone()]),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => BTreeSet::new(),
        };
        types.remove("null");
        types
    }

    fn read(&mut self, document: &'d Value, schema: &'d Value, depth: usize) {
        // A reference that leads back to itself says nothing more.
        if depth > 16 {
            return;
        }
        let Some(members) = schema.as_object() else { return };
        if let Some((at, name, target)) = reference(document, schema) {
            self.annotate(members);
            self.component = Some(name);
            self.at = at;
            return self.read(document, target, depth + 1);
        }
        let at = self.at.clone();
        self.keep(members, &at);
        self.all_of(document, members, depth);
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = members.get(key).and_then(Value::as_array) {
                self.choice(document, key, branches, &at, depth);
            }
        }
        if let Some(values) = list_of(schema) {
            self.values = Some((values, false));
        }
    }

    fn annotate(&mut self, members: &Map<String, Value>) {
        for key in ANNOTATIONS {
            if let Some(value) = members.get(key) {
                self.beside.insert(key.to_owned(), value.clone());
            }
        }
    }

    fn keep(&mut self, members: &'d Map<String, Value>, at: &str) {
        for (key, value) in members {
            match key.as_str() {
                "properties" => {
                    for (name, property) in value.as_object().into_iter().flatten() {
                        self.properties.insert(name.clone(), (below(&below(at, key), name), property));
                    }
                }
                "required" => {
                    let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    self.required.extend(names.map(str::to_owned));
                }
                "nullable" => self.nullable |= value == true,
                "allOf" | "anyOf" | "oneOf" | "enum" | "const" => {}
                _ => {
                    self.keywords.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        self.nullable |= members.get("type").is_some_and(has_null);
    }

    /// Several branches make one type of their own; a single one is the type that it refers to.
    fn all_of(&mut self, document: &'d Value, members: &'d Map<String, Value>, depth: usize) {
        let branches = members.get("allOf").and_then(Value::as_array);
        let (component, at) = (self.component.clone(), self.at.clone());
        for (index, branch) in branches.into_iter().flatten().enumerate() {
            self.at = below(&below(&at, "allOf"), &index.to_string());
            self.read(document, branch, depth + 1);
        }
        if branches.is_some_and(|branches| branches.len() > 1) {
            self.component = component;
        }
        self.at = if branches.is_some_and(|branches| branches.len() == 1) { self.at.clone() } else { at };
    }

    fn choice(
        &mut self,
        document: &'d Value,
        key: &'static str,
        branches: &'d [Value],
        at: &str,
        depth: usize,
    ) {
        let at = below(at, key);
        let is_null = |branch: &Value| branch.get("type").is_some_and(|types| types == "null");
        self.nullable |= branches.iter().any(is_null);
        let rest: Vec<At<'d>> = branches
            .iter()
            .enumerate()
            .filter(|(_, branch)| !is_null(branch))
            .map(|(index, branch)| (below(&at, &index.to_string()), branch))
            .collect();
        if let Some(values) = open_list(&rest) {
            self.values = Some((values, true));
            self.keywords.entry("type").or_insert_with(|| "string".into());
        } else if let [(at, only)] = &rest[..] {
            self.at.clone_from(at);
            self.read(document, only, depth + 1);
        } else {
            self.choices = Some((key, rest));
        }
    }
}

/// The place, name and schema of the component that a schema refers to.
fn reference<'d>(document: &'d Value, schema: &Value) -> Option<(String, String, &'d Value)> {
    let at = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    let name = at.rsplit('/').next().unwrap_or_default();
    Some((at.to_owned(), name.to_owned(), document.pointer(at)?))
}

/// What a reference leads to, or the value itself: for parameters, bodies and answers.
pub(super) fn resolved<'d>(document: &'d Value, (at, value): At<'d>) -> At<'d> {
    match reference(document, value) {
        Some((at, _, target)) => (at, target),
        None => (at, value),
    }
}

fn has_null(types: &Value) -> bool {
    types.as_array().is_some_and(|types| types.iter().any(|name| name == "null"))
}

fn list_of(schema: &Value) -> Option<Vec<Value>> {
    let constant = schema.get("const").map(|value| vec![value.clone()]);
    let values = schema.get("enum").and_then(Value::as_array).cloned().or(constant)?;
    Some(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// The contract writes "these values, and others may come" as a choice of a list and any string.
fn open_list(branches: &[At<'_>]) -> Option<Vec<Value>> {
    let [(_, one), (_, other)] = branches else { return None };
    let any = |schema: &Value| {
        schema.as_object().is_some_and(|members| members.len() == 1) && schema["type"] == "string"
    };
    if any(other) { list_of(one) } else { any(one).then(|| list_of(other))? }
}
