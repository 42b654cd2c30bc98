//! The facade's operations, the contract's and the simulator's are the same.

use std::{collections::BTreeSet, env, fs, path::Path};

use cmp::operation::{Operation, RetryClass};
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
fn the_readme_lists_every_operation_with_its_class_and_scope() {
    let readme = repository("README.md");
    for operation in Operation::ALL {
        let request = format!("`{} {}`", operation.method(), operation.path());
        let row = readme.lines().find(|line| line.starts_with('|') && line.contains(&request));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for {request}"));
        assert!(row.contains(&format!("`{}`", operation.scope())), "{row}");
        let repeated = row.split('|').nth(3).expect("a third column").trim();
        let expected = if operation.retry_class() == RetryClass::Unsafe { "no" } else { "yes" };
        assert!(repeated.starts_with(expected), "{row}");
        // The table of card data has each call too.
        let call = row.split('`').nth(1).and_then(|call| Some(call.rsplit_once('(')?.0)).expect("a call");
        let has_call = |line: &str| line.starts_with('|') && line.contains(&format!("`{call}`"));
        assert!(readme.lines().any(has_call), "README.md: no row in the table of card data has `{call}`");
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
