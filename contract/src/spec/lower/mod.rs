//! Lowers the corrected contract from OpenAPI 3.1 to the 3.0.3 that the generator reads.
//!
//! Lowering is mechanical and total: a construct that no step knows is an error with the construct's place. Each step
//! is a function from a document to a document. [`lower_with_places`] runs the steps in order.

mod by_hand;
mod convert;
mod enums;
mod errors;
mod flatten;
mod graph;
mod hoist;
mod names;
mod operations;
mod parameters;
mod plain;
mod references;
mod relax;
mod rules;
mod scalars;
pub(crate) mod schema;
mod sensitive;
mod separate;
mod vocabulary;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
pub(crate) use names::{field_name, type_name};
pub(crate) use rules::{Rules, Unsettled};
pub(crate) use schema::bare;
use serde_json::Value;

pub(crate) fn lower(contract: Value, rules: &Rules) -> Result<Value> {
    Ok(lower_with_places(contract, rules)?.0)
}

/// Returns the lowered document, and for each type that the generator will make, its place in the contract.
pub(crate) fn lower_with_places(contract: Value, rules: &Rules) -> Result<(Value, BTreeMap<String, String>)> {
    let document = step("references", references::settle(contract))?;
    let document = step("replace", by_hand::placeholders(document, &rules.replaced))?;
    step("vocabulary", vocabulary::check(&document))?;
    let document = step("webhooks", graph::webhooks(document))?;
    let document = step("plain", plain::schemas(document))?;
    let document = step("errors", errors::union(document))?;
    let document = step("operations", operations::simplify(document, &rules.operations))?;
    let document = step("prune", graph::unreachable(document))?;
    let document = step("scalars", scalars::mark(document, &rules.scalars))?;
    let document = step("sensitive", sensitive::check(document, &rules.plain))?;
    let document = step("flatten", flatten::all_of(document))?;
    let document = step("convert", convert::to_3_0(document))?;
    let document = step("nullable", convert::null_to_references(document))?;
    let document = step("free form", by_hand::free_form(document))?;
    let document = step("hoist", hoist::inline_types(document, &rules.types))?;
    let document = step("unions", hoist::string_or_object(document))?;
    let document = step("separate", separate::requests_from_answers(document))?;
    let document = step("separate", separate::unmarked(document))?;
    let document = step("enums", enums::open(document))?;
    let document = step("relax", relax::answers(document))?;
    let document = step("parameters", parameters::as_text(document))?;
    let document = step("prune", graph::unreachable(document))?;
    step("names", names::check(document))
}

fn step<T>(name: &str, result: Result<T>) -> Result<T> {
    result.with_context(|| format!("lowering the contract, step {name}"))
}
