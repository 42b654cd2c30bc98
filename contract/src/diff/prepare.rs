//! Builds a contract that can be compared, even if `spec merge` would refuse it. Its problems are noted, because the
//! comparison shows a maintainer how to solve them.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use super::compare::template;
use crate::spec::{
    correct::{Correction, correct, remains_of},
    facts::Operation,
    files::Layout,
    lower::{Rules, Unsettled, field_name, lower},
    merge,
    split::METHODS,
};

/// A corrected contract, and its lowered form for the names of Rust items.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) contract: Value,
    pub(crate) lowered: Option<Value>,
    /// The problems for which `cargo xtask spec merge` would refuse the contract.
    pub(crate) problems: Vec<String>,
}

/// Merges and corrects the fragments and lowers the result.
pub(crate) fn prepare(layout: &Layout, fragments: &BTreeMap<String, Value>) -> Result<Prepared> {
    let rules = layout.rules()?;
    let merged = merge::merge(fragments, Some(&rules.primary))?;
    corrected(merged, &layout.corrections()?, rules)
}

impl Prepared {
    /// Prepares a whole document. Applies the corrections unless `spec merge` or `spec show` wrote the document. A
    /// document in OpenAPI 3.0 counts as lowered and stays as it is.
    pub(crate) fn whole(layout: &Layout, mut document: Value) -> Result<Self> {
        let is_ours =
            document.as_object_mut().is_some_and(|members| members.shift_remove("x-generated").is_some());
        if document["openapi"].as_str().is_some_and(|version| version.starts_with("3.0.")) {
            return Ok(Self { lowered: Some(document.clone()), contract: document, problems: Vec::new() });
        }
        let corrections = if is_ours { Vec::new() } else { layout.corrections()? };
        corrected(document, &corrections, layout.rules()?)
    }
}

fn corrected(merged: Value, corrections: &[Correction], rules: Rules) -> Result<Prepared> {
    let mut problems = Vec::new();
    let contract = match correct(merged.clone(), corrections) {
        Ok(contract) => contract,
        Err(_) => those_that_apply(merged, corrections, &mut problems),
    };
    let lowered = lowered(&contract, rules, &mut problems);
    Ok(Prepared { contract, lowered, problems })
}

fn those_that_apply(merged: Value, corrections: &[Correction], problems: &mut Vec<String>) -> Value {
    let mut contract = merged;
    for correction in corrections {
        match correct(contract.clone(), std::slice::from_ref(correction)) {
            Ok(better) => contract = better,
            Err(error) => {
                problems.push(format!("{error:#}"));
                contract = remains_of(contract, correction);
            }
        }
    }
    contract
}

/// Returns the lowered contract. An operation without an entry in `operations.toml` gets a temporary name.
fn lowered(contract: &Value, mut rules: Rules, problems: &mut Vec<String>) -> Option<Value> {
    settle_names(contract, &mut rules, problems);
    loop {
        let error = match lower(contract.clone(), &rules) {
            Ok(lowered) => return Some(lowered),
            Err(error) => error,
        };
        problems.push(format!("{error:#}"));
        match error.downcast_ref::<Unsettled>() {
            Some(unsettled) => rules.settle(unsettled),
            None => break,
        }
    }
    // Lowering refuses `deprecated`, which changes no type.
    let mut plain = contract.clone();
    without_deprecation(&mut plain);
    lower(plain, &rules).ok()
}

fn settle_names(contract: &Value, rules: &mut Rules, problems: &mut Vec<String>) {
    let operations = operations(contract);
    let stale: Vec<String> =
        rules.operations.keys().filter(|key| !operations.contains_key(*key)).cloned().collect();
    let mut named: BTreeMap<String, Operation> = BTreeMap::new();
    for key in stale {
        problems.push(format!("openapi/operations.toml has an entry for \"{key}\", which is gone"));
        named.extend(rules.operations.remove(&key).map(|operation| (template(&key), operation)));
    }
    for (key, made) in
        operations.into_iter().filter(|(key, _)| !rules.operations.contains_key(key)).collect::<Vec<_>>()
    {
        let operation = named.get(&template(&key)).cloned().unwrap_or_else(|| Operation::named(made));
        problems.push(format!(
            "openapi/operations.toml has no entry for \"{key}\": add one, for instance with the name \"{}\"",
            operation.name
        ));
        rules.operations.insert(key, operation);
    }
}

fn without_deprecation(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, member| key != "deprecated" || !member.is_boolean());
            members.values_mut().for_each(without_deprecation);
        }
        Value::Array(items) => items.iter_mut().for_each(without_deprecation),
        _ => {}
    }
}

/// Returns each operation by its key, such as `POST /cards`, with a name made from its id.
fn operations(contract: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (path, item) in contract.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                let id = operation.get("operationId").and_then(Value::as_str);
                let name = id.map_or_else(|| format!("{method}{path}"), str::to_owned);
                out.insert(format!("{} {path}", method.to_uppercase()), field_name(&name));
            }
        }
    }
    out
}
