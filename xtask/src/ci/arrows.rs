//! Which package of the workspace may depend on which. `ARCHITECTURE.md` gives the reasons.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::run::{Done, packages};

/// Each package with the workspace's packages that it may use outside of tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cmp-generated", &[]),
    ("cmp", &["cmp-generated"]),
    ("cmp-simulator", &[]),
    ("cmp-store", &["cmp"]),
    ("cmp-contract", &["cmp-simulator"]),
    ("xtask", &["cmp-contract", "cmp-simulator"]),
    // It is not published, and nothing may depend on it.
    ("workspace-tests", &["cmp", "cmp-contract", "cmp-simulator", "cmp-store"]),
    ("workspace-at-rest", &[]),
    ("workspace-refused", &[]),
    // A workspace of its own, for the job queue.
    ("cmp-fleet", &["cmp", "cmp-store"]),
    // A workspace of its own, to measure the client.
    ("cmp-bench", &["bench-work"]),
    ("bench-work", &[]),
    ("bench-cmp", &["bench-work", "cmp"]),
    ("bench-generated", &["bench-work", "cmp-generated"]),
    ("bench-hyper", &["bench-work"]),
    ("bench-reqwest", &["bench-work"]),
    ("minimal-cmp", &["cmp"]),
    ("minimal-reqwest", &[]),
    ("minimal-tls", &[]),
];

pub(super) fn check(root: &Path) -> Result<Done> {
    let packages = packages(root)?;
    let wrong = wrong_arrows(&packages);
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(Done::Passed)
}

fn wrong_arrows(packages: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("`{name}` is new: say in xtask/src/ci/arrows.rs what it may depend on"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let ours = ALLOWED.iter().any(|(known, _)| *known == target);
            if ours && dependency["kind"] != "dev" && !allowed.contains(&target) {
                wrong.push(format!("`{name}` must not depend on `{target}`"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arrow_that_points_backwards_is_found() {
        let package = |name: &str, target: &str, kind: Value| json!({"name": name, "dependencies": [{"name": target, "kind": kind}]});
        assert_eq!(wrong_arrows(&[package("cmp", "cmp-generated", Value::Null)]), [""; 0]);
        assert_eq!(wrong_arrows(&[package("cmp", "cmp-simulator", json!("dev"))]), [""; 0]);
        assert_eq!(
            wrong_arrows(&[package("cmp-generated", "cmp", json!("build"))]),
            ["`cmp-generated` must not depend on `cmp`"]
        );
        assert_eq!(wrong_arrows(&[package("other", "serde", Value::Null)]).len(), 1);
    }
}
