//! What is left to do by hand for an operation that is new.

use crate::diff::comparison::Comparison;
use crate::diff::prepare::Prepared;

/// What to do, and where.
const STEPS: [(&str, &str); 7] = [
    ("its facts: retry class, scope, advice", "openapi/operations.toml"),
    ("a method of the facade, with its request and its answer", "cmp/src (such as cmp/src/cards/mod.rs)"),
    ("a row in the table of operations", "README.md"),
    ("its name, method and path in the simulator", "cmp-simulator/src/operation.rs"),
    ("its route in the simulator", "cmp-simulator/src/api"),
    ("how each of its statuses is provoked", "cmp-simulator/src/provoke.rs, cmp-simulator/STATUSES.md"),
    ("what the service does, as a check", "contract/src/check/checks/behaviour.rs"),
];

/// The steps for each new operation. Until then it can be called by `cmp.raw()` with `Operation::Unlisted`.
pub(super) fn to_do(comparison: &Comparison, after: &Prepared) -> Vec<String> {
    let new = comparison.changes.iter().filter(|change| change.id == "endpoint-added");
    let operations = new.flat_map(|change| &change.operations);
    operations.flat_map(|operation| steps(operation, &name(operation, after))).collect()
}

fn steps(operation: &str, name: &str) -> Vec<String> {
    let steps = STEPS.iter().map(|(what, place)| format!("  {place}: {what}"));
    let head = format!("{operation} ({name}; until then by `cmp.raw()` with `Operation::Unlisted`)");
    std::iter::once(head).chain(steps).collect()
}

/// The name that the generated client has for `METHOD /path`.
fn name(operation: &str, after: &Prepared) -> String {
    let (method, path) = operation.split_once(' ').unwrap_or_default();
    let lowered =
        after.lowered.as_ref().map(|lowered| &lowered["paths"][path][method.to_lowercase()]["operationId"]);
    lowered.and_then(|name| name.as_str()).unwrap_or("without a name yet").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_steps_are_there() {
        let root = crate::root::of_tests();
        for (step, places) in STEPS {
            let example =
                places.split_once("such as ").map_or(places, |(_, example)| example.trim_end_matches(')'));
            for place in example.split(", ") {
                assert!(root.join(place).exists(), "{place}: {step}");
            }
        }
    }
}
