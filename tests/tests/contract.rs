//! The facade's operations, the contract's and the simulator's are the same.

use std::{collections::BTreeSet, env, fs, path::Path};

use cmp::operation::Operation;
use serde_json::Value;

fn repository(file: &str) -> String {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let path = Path::new(&package).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `POST /cards` and so on, from the contract.
fn documented() -> BTreeSet<String> {
    let contract: Value =
        serde_json::from_str(&repository("openapi/cmp.json")).expect("the contract is JSON");
    let paths = contract["paths"].as_object().expect("the contract has paths");
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path is an object");
        let methods = item.keys().filter(|key| methods.contains(&key.as_str()));
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn every_documented_operation_is_in_the_facade_and_no_other() {
    let facade: BTreeSet<_> =
        Operation::ALL.iter().map(|op| format!("{} {}", op.method(), op.path())).collect();
    assert_eq!(facade, documented());
}

#[test]
fn the_readme_has_a_call_for_every_operation() {
    let readme = repository("README.md");
    for operation in Operation::ALL {
        let request = format!("`{} {}`", operation.method(), operation.path());
        let row = readme.lines().find(|line| line.starts_with('|') && line.contains(&request));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for {request}"));
        assert!(row.starts_with("| `"), "no call: {row}");
        assert!(row.ends_with(&format!("| `{}` |", operation.scope())), "{row}");
    }
}

#[test]
fn the_simulator_has_every_operation_by_the_same_name() {
    let simulated: BTreeSet<_> =
        cmp_simulator::Operation::ALL.iter().map(|operation| operation.name()).collect();
    for operation in Operation::ALL {
        assert!(simulated.contains(operation.name()), "{operation}");
    }
}
