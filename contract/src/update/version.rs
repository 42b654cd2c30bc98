//! Proposes the next version. It follows <https://semver.org>, with cargo's rules for versions below 1.0.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    diff::{change::Level, comparison::Comparison, prepare::Prepared},
    spec::files::Layout,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bump {
    Breaking,
    Feature,
    Fix,
}

/// Returns a line with the next version and the reason.
pub(super) fn proposed(
    layout: &Layout,
    comparison: &Comparison,
    before: &Prepared,
    after: &Prepared,
) -> Result<String> {
    let Some(level) = comparison.level() else { return Ok("none: nothing changed".to_owned()) };
    let version = version(layout)?;
    let same_types = match (&before.lowered, &after.lowered) {
        (Some(before), Some(after)) => shape(before) == shape(after),
        _ => false,
    };
    let (bump, why) = match (level, same_types) {
        (Level::Breaking, _) => (Bump::Breaking, "the contract breaks"),
        (Level::Unclassified, _) => (Bump::Breaking, "the contract may break: see what is not classified"),
        // `cmp` re-exports the generated types, so a program can construct them and match on them.
        (_, false) => (Bump::Breaking, "generated types change, which can be built and matched whole"),
        (Level::Additive, true) => (Bump::Feature, "the contract grows, and no generated type changes"),
        (Level::Documentation, true) => (Bump::Fix, "only words change"),
    };
    Ok(format!("{} → {}: {why}", shown(version), shown(next(version, bump))))
}

fn next([major, minor, patch]: [u64; 3], bump: Bump) -> [u64; 3] {
    match (major, bump) {
        (0, Bump::Breaking) => [0, minor + 1, 0],
        (0, Bump::Feature | Bump::Fix) => [0, minor, patch + 1],
        (_, Bump::Breaking) => [major + 1, 0, 0],
        (_, Bump::Feature) => [major, minor + 1, 0],
        (_, Bump::Fix) => [major, minor, patch + 1],
    }
}

/// Returns the version that all crates share.
fn version(layout: &Layout) -> Result<[u64; 3]> {
    let text = std::fs::read_to_string(layout.root.join("Cargo.toml")).context("Cargo.toml")?;
    let manifest: toml::Table = toml::from_str(&text).context("Cargo.toml")?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package.and_then(|package| package.get("version")).and_then(toml::Value::as_str);
    let version = version.context("Cargo.toml: [workspace.package] has no version")?;
    let parts: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).collect();
    parts.try_into().map_err(|_| anyhow::anyhow!("Cargo.toml: the version {version} is not of three numbers"))
}

fn shown(version: [u64; 3]) -> String {
    version.map(|part| part.to_string()).join(".")
}

/// Returns the types and operations of the lowered documents, without the text for human readers.
fn shape(lowered: &Value) -> (Vec<(String, Value)>, Value) {
    let schemas = lowered.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    let types = schemas.map(|(name, schema)| (name.clone(), crate::spec::lower::bare(schema))).collect();
    let mut paths = lowered["paths"].clone();
    without_words(&mut paths);
    (types, paths)
}

fn without_words(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, member| {
                !(member.is_string() && matches!(key.as_str(), "summary" | "description" | "title"))
            });
            members.values_mut().for_each(without_words);
        }
        Value::Array(items) => items.iter_mut().for_each(without_words),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_one_a_break_is_a_minor_version() {
        assert_eq!(next([0, 1, 4], Bump::Breaking), [0, 2, 0]);
        assert_eq!(next([0, 1, 4], Bump::Feature), [0, 1, 5]);
        assert_eq!(next([1, 1, 4], Bump::Breaking), [2, 0, 0]);
        assert_eq!(next([1, 1, 4], Bump::Feature), [1, 2, 0]);
        assert_eq!(next([1, 1, 4], Bump::Fix), [1, 1, 5]);
    }
}
