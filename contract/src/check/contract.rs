//! Compares requests and responses with `openapi/cmp.json`, or with the contract that lacks one correction.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use cmp_simulator::Operation;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{
    answer::{Answer, media_type},
    explain::explain,
    masked,
    outcome::Violation,
};
use crate::spec::{
    correct::Correction,
    files::Layout,
    json, merge,
    split::{self, SECTIONS},
};

const HTML: &str = "text/html";
const NO_CONTENT: u16 = 204;
const SEE_OTHER: u16 = 303;
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "PATCH"];
const TOO_MANY_REQUESTS: u16 = 429;

/// Returns `true` if a response with this status comes from a gateway in front of the application. Such a response
/// proves nothing about the contract.
pub(crate) fn is_from_the_gateway(status: u16) -> bool {
    matches!(status, TOO_MANY_REQUESTS | 502..=504)
}

pub(crate) struct Contract {
    document: Value,
    is_built_in: bool,
    /// The names of all members in the contract. Reports mask other names.
    names: HashSet<String>,
    /// Validators by the text of their schema. Making a validator takes far longer than using it.
    validators: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl Contract {
    pub(crate) fn new(mut document: Value) -> Self {
        settle(&mut document);
        let mut names = HashSet::new();
        collect_names(&document, &mut names);
        Self { document, is_built_in: false, names, validators: Mutex::default() }
    }

    /// Masks each name in a JSON pointer, unless the contract has a member with this name.
    pub(crate) fn shown(&self, pointer: &str) -> String {
        masked::pointer(pointer, &self.names)
    }

    pub(crate) fn read(layout: &Layout) -> Result<Self> {
        let text = layout.text("openapi/cmp.json")?;
        let contract = Self::new(serde_json::from_str(&text).context("openapi/cmp.json")?);
        Ok(Self { is_built_in: layout.is_built_in, ..contract })
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the name and version of the documents, and where they come from if not from a workspace.
    pub(crate) fn title(&self) -> String {
        let text = |key: &str| self.document["info"][key].as_str().unwrap_or_default().to_owned();
        let built_in = concat!(", built into cmp-contract ", env!("CARGO_PKG_VERSION"));
        let origin = if self.is_built_in { built_in } else { "" };
        format!("{}, {}{origin}", text("title"), text("version"))
    }

    fn operation(&self, operation: Operation) -> &Value {
        &self.document["paths"][operation.path_template()][operation.method().as_str().to_lowercase()]
    }

    fn validator(&self, schema: &Value) -> Option<Arc<Validator>> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(schema.to_string()).or_insert_with(|| {
            let root = json!({"allOf": [schema], "components": self.document["components"]});
            // A test checks that every schema of the contract compiles.
            jsonschema::options().should_validate_formats(true).build(&root).ok().map(Arc::new)
        });
        made.clone()
    }

    fn errors(&self, operation: &str, schema: &Value, at: &str, instance: &Value) -> Vec<Violation> {
        if schema.is_null() {
            return Vec::new();
        }
        let Some(validator) = self.validator(schema) else {
            // A check against nothing would pass always.
            return vec![Violation {
                operation: operation.to_owned(),
                path: format!("{at}/schema"),
                expected: "a schema of the contract that can be used".to_owned(),
                came: "one that is no JSON schema".to_owned(),
            }];
        };
        let errors = validator.iter_errors(instance);
        errors.map(|error| explain(operation, at, &error, &self.names)).collect()
    }

    /// Returns the operations that the simulator and the checks don't know, by method and path.
    pub(crate) fn unknown_operations(&self) -> Vec<(String, String)> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        let all = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
            methods.filter(|method| METHODS.contains(&method.as_str())).map(|method| (method, path.clone()))
        });
        let known = |(method, path): &(String, String)| {
            Operation::ALL
                .into_iter()
                .any(|known| known.method() == method.as_str() && known.path_template() == path)
        };
        all.filter(|operation| !known(operation)).collect()
    }

    /// Returns the violations in a response of an operation that only the contract knows.
    pub(crate) fn violations_at(
        &self,
        method: &str,
        path: &str,
        name: &str,
        answer: &Answer,
    ) -> Vec<Violation> {
        if is_from_the_gateway(answer.status) {
            return Vec::new();
        }
        self.judged(name, &self.document["paths"][path][method.to_lowercase()], answer)
    }

    /// Returns the violations of the request schema in a request's body.
    pub(crate) fn request_violations(&self, operation: Operation, body: &Value) -> Vec<Violation> {
        let content = &self.operation(operation)["requestBody"]["content"];
        let sent = media_type(operation);
        if let Some(known) = content.as_object().filter(|known| !known.contains_key(sent)) {
            return vec![Violation {
                operation: operation.name().to_owned(),
                path: "request/content-type".to_owned(),
                expected: known.keys().cloned().collect::<Vec<_>>().join(" or "),
                came: sent.to_owned(),
            }];
        }
        self.errors(operation.name(), &content[sent]["schema"], "request", body)
    }

    /// Returns the violations in a response. A response of the gateway has none.
    pub(crate) fn answer_violations(&self, answer: &Answer) -> Vec<Violation> {
        if is_from_the_gateway(answer.status) { Vec::new() } else { self.differences(answer) }
    }

    /// Returns the differences between a response and the contract.
    pub(crate) fn differences(&self, answer: &Answer) -> Vec<Violation> {
        self.judged(answer.operation.name(), self.operation(answer.operation), answer)
    }

    fn judged(&self, operation: &str, described: &Value, answer: &Answer) -> Vec<Violation> {
        let violation = |path: &str, expected: String, came: String| {
            vec![Violation { operation: operation.to_owned(), path: path.to_owned(), expected, came }]
        };
        let statuses = statuses(described);
        let Some(response) = entry(&statuses, answer.status).map(|name| statuses[name]) else {
            let known: Vec<_> = statuses.into_keys().collect();
            return violation("status", format!("one of {}", known.join(", ")), answer.status.to_string());
        };
        let Some(content) = response["content"].as_object() else {
            return match answer.announced_body() {
                None => Vec::new(),
                Some(came) => violation("body", format!("{} has no body", answer.status), came),
            };
        };
        if answer.bytes.is_empty() {
            let may_be = is_from_the_gateway(answer.status)
                || (answer.status == SEE_OTHER && answer.header("location").is_some());
            return if may_be {
                Vec::new()
            } else {
                violation("body", "a body".to_owned(), "none".to_owned())
            };
        }
        let media_type = answer.media_type();
        let Some(described) = content.get(media_type) else {
            let known: Vec<_> = content.keys().cloned().collect();
            let came = if media_type.is_empty() { "none".to_owned() } else { masked::media_type(media_type) };
            return violation("content-type", known.join(" or "), came);
        };
        if media_type == HTML {
            return Vec::new();
        }
        let Some(document) = &answer.json else {
            return violation("body", "JSON".to_owned(), format!("{} other bytes", answer.bytes.len()));
        };
        let mut violations = self.errors(operation, &described["schema"], "", document);
        if answer.status >= 400 {
            violations.extend(error_document(operation, document));
        }
        violations
    }
}

/// Replaces references to request bodies and responses by their targets.
fn settle(document: &mut Value) {
    let source = document.clone();
    let settled = |value: &mut Value| {
        if let Ok(target) = json::resolved(&source, value, "").cloned() {
            *value = target;
        }
    };
    for section in SECTIONS {
        let items = document.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten();
        let operations = items.filter_map(|(_, item)| item.as_object_mut()).flatten();
        for (_, operation) in operations.filter(|(method, _)| split::METHODS.contains(&method.as_str())) {
            operation.get_mut("requestBody").into_iter().for_each(settled);
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            responses.into_iter().flatten().for_each(|(_, response)| settled(response));
        }
    }
}

/// Returns the responses that an operation documents: each by its status, by a range such as `4XX`, or as `default`.
pub(crate) fn statuses(operation: &Value) -> BTreeMap<String, &Value> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let name = |status: &str| match status {
        "default" => status.to_owned(),
        status => status.to_ascii_uppercase(),
    };
    let responses = responses.filter(|(status, _)| !status.starts_with("x-"));
    responses.map(|(status, response)| (name(status), response)).collect()
}

/// Returns the name by which the documented responses cover a status. The status itself counts more than its range.
pub(crate) fn entry<'s>(statuses: &'s BTreeMap<String, &Value>, status: u16) -> Option<&'s str> {
    let names = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
    names.iter().find_map(|name| Some(statuses.get_key_value(name)?.0.as_str()))
}

fn collect_names(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if key == "properties" {
                    names.extend(member.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
                }
                collect_names(member, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

/// Reports an error document without an error. The error schemas would allow any object.
fn error_document(operation: &str, document: &Value) -> Option<Violation> {
    let says_something = document["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    (!says_something).then(|| Violation {
        operation: operation.to_owned(),
        path: "/errors".to_owned(),
        expected: "at least one error".to_owned(),
        came: document.get("errors").map_or_else(|| "absent".to_owned(), masked::describe),
    })
}

impl Answer {
    /// Describes a body that the status does not allow. HTTP clients ignore what follows a 204, so headers count too.
    fn announced_body(&self) -> Option<String> {
        if !self.bytes.is_empty() {
            return Some(format!("{} bytes", self.bytes.len()));
        }
        if self.status != NO_CONTENT {
            return None;
        }
        match self.header("content-length") {
            Some(length) if length != "0" => Some("a body by its content-length".to_owned()),
            _ => self.header("transfer-encoding").map(|_| "a body by its transfer-encoding".to_owned()),
        }
    }
}

pub(crate) struct Corrections {
    uncorrected: Value,
    files: Vec<Correction>,
    without: Mutex<HashMap<String, Arc<Contract>>>,
}

impl Corrections {
    pub(crate) fn read(layout: &Layout) -> Result<Self> {
        let uncorrected = merge::merge(&layout.tree()?.fragments, Some(&layout.rules()?.primary))?;
        Ok(Self { uncorrected, files: layout.corrections()?, without: Mutex::default() })
    }

    pub(crate) fn files(&self) -> &[Correction] {
        &self.files
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Returns `true` if the documents still say what the correction corrects.
    pub(crate) fn applies(&self, name: &str) -> bool {
        let mut document = self.uncorrected.clone();
        for file in &self.files {
            let applied = json_patch::patch(&mut document, &file.patch).is_ok();
            if file.name == name {
                return applied;
            }
        }
        false
    }

    /// Returns the contract without this correction, and without the corrections that build on it.
    pub(crate) fn without(&self, name: &str) -> Arc<Contract> {
        let mut made = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(name.to_owned()).or_insert_with(|| {
            let mut document = self.uncorrected.clone();
            for file in self.files.iter().filter(|file| file.name != name) {
                // A correction that builds on it fails, and leaves the document as it was.
                let _ = json_patch::patch(&mut document, &file.patch);
            }
            Arc::new(Contract::new(document))
        }))
    }

    /// Changes the documents, as VGS could do.
    #[cfg(test)]
    pub(crate) fn mend(&mut self, pointer: &str, value: Value) {
        *self.uncorrected.pointer_mut(pointer).unwrap() = value;
    }
}
