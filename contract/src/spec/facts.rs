//! `openapi/operations.toml`: the facts about each operation and notification.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use syn::Ident;

use super::split::METHODS as HTTP_METHODS;

const FILE: &str = "openapi/operations.toml";

/// The extension that carries the facts in the lowered contract. `cmp-generated/operations.rs` reads it.
pub(crate) const EXTENSION: &str = "x-facts";

/// What the generated client can do besides the operations, and what its stand-in server can.
const METHODS: [&str; 12] = [
    "new",
    "new_with_client",
    "api_version",
    "baseurl",
    "client",
    "inner",
    "pre",
    "post",
    "exec",
    "clone",
    "mock",
    "fmt",
];

/// Operations by `METHOD /path`.
pub(crate) type Operations = BTreeMap<String, Operation>;

#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) operations: Operations,
    /// By the name of the webhook in the contract.
    pub(crate) notifications: BTreeMap<String, Notification>,
}

/// An operation's name, and its facts if they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The method of the generated client.
    pub(crate) name: String,
    pub(crate) known: Option<Known>,
}

/// What the client has to know about an operation to call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) class: Class,
    /// The reason for the class.
    pub(crate) because: String,
    pub(crate) scope: String,
    /// The advice for a call whose outcome is unknown.
    pub(crate) when_unknown: String,
}

/// What repeating an operation can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    Safe,
    Idempotent,
    Unsafe,
}

/// An operation of the lowered contract.
pub(crate) struct Lowered {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) facts: Operation,
}

/// How the client reads the details of a notification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notification {
    name: String,
    pub(crate) read_as: String,
    pub(crate) secrets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    operations: Vec<Entry>,
    #[serde(default)]
    notifications: Vec<Notification>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    request: String,
    class: Option<Class>,
    because: Option<String>,
    scope: Option<String>,
    when_unknown: Option<String>,
}

impl Facts {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).context(FILE)?;
        let mut facts = Self::default();
        for entry in file.operations {
            let (request, operation) = entry.checked().context(FILE)?;
            let known = facts.operations.iter().find(|(_, known)| known.name == operation.name);
            if let Some((other, _)) = known {
                bail!("{FILE}: \"{request}\" and \"{other}\" both have the name \"{}\"", operation.name);
            }
            if facts.operations.insert(request.clone(), operation).is_some() {
                bail!("{FILE}: \"{request}\" is there twice");
            }
        }
        for notification in file.notifications {
            let name = notification.name.clone();
            if facts.notifications.insert(name.clone(), notification).is_some() {
                bail!("{FILE}: the notification \"{name}\" is there twice");
            }
        }
        Ok(facts)
    }
}

impl Entry {
    fn checked(self) -> Result<(String, Operation)> {
        let Self { name, request, class, because, scope, when_unknown } = self;
        ensure!(is_snake_case(&name), "\"{request}\", name = \"{name}\": expected a Rust name in snake_case");
        ensure!(
            !METHODS.contains(&name.as_str()),
            "\"{request}\", name = \"{name}\": the generated client has a method of that name"
        );
        let known = match (class, because, scope, when_unknown) {
            (None, None, None, None) => None,
            (Some(class), Some(because), Some(scope), Some(when_unknown)) => {
                ensure!(
                    is_scope(&scope),
                    "\"{request}\", scope = \"{scope}\": expected a scope such as \"cards:read\""
                );
                Some(Known { class, because, scope, when_unknown })
            }
            _ => bail!("\"{request}\": class, because, scope and when_unknown are only valid together"),
        };
        Ok((request, Operation { name, known }))
    }
}

impl Operation {
    /// An operation without facts.
    pub(crate) fn named(name: String) -> Self {
        Self { name, known: None }
    }

    /// The facts of an operation of the lowered contract.
    pub(crate) fn of_lowered(operation: &Value) -> Option<Self> {
        let name = operation.get("operationId")?.as_str()?.to_owned();
        let known = operation.get(EXTENSION).and_then(|facts| Known::deserialize(facts).ok());
        Some(Self { name, known })
    }
}

/// The operations of the lowered contract, by path and method.
pub(crate) fn of_lowered(lowered: &Value) -> Vec<Lowered> {
    let items = lowered["paths"].as_object().into_iter().flatten();
    let all = items.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        let methods = methods.filter(|(method, _)| HTTP_METHODS.contains(&method.as_str()));
        methods.filter_map(move |(method, operation)| {
            let facts = Operation::of_lowered(operation)?;
            Some(Lowered { method: method.to_uppercase(), path: path.clone(), facts })
        })
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| (&a.path, &a.method).cmp(&(&b.path, &b.method)));
    all
}

fn is_scope(scope: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    scope.split_once(':').is_some_and(|(what, right)| is_word(what) && is_word(right))
}

fn is_snake_case(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_whole = !name.contains("__") && !name.ends_with('_');
    is_identifier(name)
        && is_whole
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
}

/// Whether `name` can be a name in Rust. The parser knows the keywords up to Rust 2021; `gen` came with 2024.
pub(crate) fn is_identifier(name: &str) -> bool {
    syn::parse_str::<Ident>(name).is_ok() && name != "gen"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, request: &str, more: &str) -> String {
        format!("[[operations]]\nname = \"{name}\"\nrequest = \"{request}\"\n{more}\n")
    }

    fn error(text: &str) -> String {
        format!("{:#}", Facts::parse(text).expect_err("bad facts"))
    }

    #[test]
    fn a_name_that_is_not_a_rust_name_is_refused() {
        for name in ["get card", "getCard", "_get", "get_", "get__card", "9lives", "", "await", "gen"] {
            let expected = format!(
                "openapi/operations.toml: \"GET /a\", name = \"{name}\": expected a Rust name in snake_case"
            );
            assert_eq!(error(&entry(name, "GET /a", "")), expected);
        }
    }

    #[test]
    fn a_method_that_every_client_has_is_refused() {
        for name in ["new", "client", "baseurl", "inner", "exec", "mock"] {
            let text = error(&entry(name, "GET /a", ""));
            assert!(
                text.ends_with(&format!("\"{name}\": the generated client has a method of that name")),
                "{text}"
            );
        }
    }

    #[test]
    fn one_name_for_two_operations_is_refused() {
        assert_eq!(
            error(&[entry("x", "GET /a", ""), entry("x", "POST /a", "")].concat()),
            "openapi/operations.toml: \"POST /a\" and \"GET /a\" both have the name \"x\""
        );
        assert_eq!(
            error(&[entry("x", "GET /a", ""), entry("y", "GET /a", "")].concat()),
            "openapi/operations.toml: \"GET /a\" is there twice"
        );
    }

    #[test]
    fn the_four_facts_stand_together() {
        let all = "class = \"safe\"\nbecause = \"b\"\nscope = \"cards:read\"\nwhen_unknown = \"w\"";
        let facts = Facts::parse(&entry("x", "GET /a", all)).expect("facts");
        assert_eq!(facts.operations["GET /a"].known.as_ref().map(|known| known.class), Some(Class::Safe));
        assert_eq!(Facts::parse(&entry("x", "GET /a", "")).expect("facts").operations["GET /a"].known, None);
        for missing in all.lines() {
            let text = error(&entry("x", "GET /a", &all.replace(missing, "")));
            assert!(text.contains("\"GET /a\": class, because, scope and when_unknown"), "{text}");
        }
        for (old, new, expected) in [
            ("safe", "harmless", "unknown variant `harmless`"),
            ("cards:read", "Cards", "scope = \"Cards\": expected a scope such as"),
        ] {
            let text = error(&entry("x", "GET /a", &all.replace(old, new)));
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn facts_come_back_from_the_lowered_contract() {
        let known = Known {
            class: Class::Unsafe,
            because: "b".to_owned(),
            scope: "a:b".to_owned(),
            when_unknown: "w".to_owned(),
        };
        let operation = Operation { name: "x".to_owned(), known: Some(known.clone()) };
        let lowered = serde_json::json!({"operationId": "x", EXTENSION: known});
        assert_eq!(Operation::of_lowered(&lowered), Some(operation));
    }
}
