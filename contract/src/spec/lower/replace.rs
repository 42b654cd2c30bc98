//! Schemas that `cmp-generated` decodes by hand: the generator ignores what stands there, and still has to generate
//! the members.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::schema::{SCHEMAS, component, components};
use crate::spec::generated::generate;

/// Replaces each of `names`, a choice by discriminator, by an object that only refers to the choices.
pub(super) fn placeholders(mut document: Value, names: &[String]) -> Result<Value> {
    for name in names {
        let is_known = generate::REPLACED.iter().any(|(known, _)| known == name);
        ensure!(
            is_known,
            "openapi/lowering.toml, [replaced]: no type of cmp-generated takes the place of {name}"
        );
        let schema = component(&document, name).context("openapi/lowering.toml, [replaced]")?;
        let choices = schema.pointer("/discriminator/mapping").and_then(Value::as_object);
        let choices = choices.with_context(|| format!("{SCHEMAS}/{name} has no discriminator mapping"))?;
        ensure!(!choices.is_empty(), "{SCHEMAS}/{name}/discriminator/mapping is empty");
        let refer = |target: &Value| json!({ "$ref": target });
        let properties: Map<_, _> =
            choices.iter().map(|(kind, target)| (kind.clone(), refer(target))).collect();
        let placeholder = json!({"type": "object", "properties": properties});
        components(&mut document)?.insert(name.clone(), placeholder);
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choices_stay_reachable() {
        let document = json!({"components": {"schemas": {"IncludedResource": {"oneOf": [{}], "not": {},
            "discriminator": {"propertyName": "type", "mapping": {"a": "#/components/schemas/A"}}}, "A": {}}}});
        let out = placeholders(document, &["IncludedResource".to_owned()]).expect("replaced");
        assert_eq!(
            out["components"]["schemas"]["IncludedResource"],
            json!({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}})
        );
    }

    #[test]
    fn a_stale_name_is_an_error() {
        let error = placeholders(json!({}), &["IncludedResource".to_owned()]).expect_err("stale");
        assert!(
            format!("{error:#}").contains("/components/schemas/IncludedResource does not exist"),
            "{error:#}"
        );
        let error = placeholders(json!({}), &["X".to_owned()]).expect_err("unknown");
        assert!(error.to_string().ends_with("no type of cmp-generated takes the place of X"), "{error:#}");
    }
}
