//! Where the documents and the service disagree: one reviewable file a disagreement.

use anyhow::{Context, Result, bail, ensure};
use json_patch::{Patch, PatchOperation};
use serde::Deserialize;
use serde_json::Value;

use super::json;

/// One file of `openapi/corrections`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    /// Why the documents can't be taken at their word here.
    reason: String,
    /// Where that was seen.
    evidence: String,
    patch: Patch,
}

/// A correction that is complete: it says what, why and how it is known, and pins what it replaces.
#[derive(Debug)]
pub(crate) struct Correction {
    file: String,
    /// The file's name without its extension.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reason: String,
    pub(crate) evidence: String,
    pub(crate) patch: Vec<PatchOperation>,
}

impl Correction {
    pub(crate) fn parse(file: &str, value: Value) -> Result<Self> {
        let name = file.trim_end_matches(".json").to_owned();
        let file = format!("openapi/corrections/{file}");
        let File { title, reason, evidence, patch } =
            serde_json::from_value(value).with_context(|| file.clone())?;
        for (key, text) in [("title", &title), ("reason", &reason), ("evidence", &evidence)] {
            ensure!(!text.trim().is_empty(), "{file}: \"{key}\" is empty");
        }
        let tests = patch.iter().filter(|op| matches!(op, PatchOperation::Test(_))).count();
        ensure!(tests > 0, "{file}: no \"test\" operation, so nothing would tell that it no longer applies");
        Ok(Self { file, name, title, reason, evidence, patch: patch.0 })
    }
}

/// Applies the corrections in order.
pub(crate) fn correct(mut document: Value, corrections: &[Correction]) -> Result<Value> {
    for Correction { file, patch, .. } in corrections {
        let before = document.clone();
        for (index, operation) in patch.iter().enumerate() {
            json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
                let (name, path) = (verb(operation), operation.path());
                anyhow::anyhow!("{file} no longer applies: operation {index}, {name} {path}: {}", error.kind)
            })?;
        }
        if document == before {
            bail!("{file} changes nothing");
        }
    }
    json::check_references(&document).context("the corrected contract")?;
    Ok(document)
}

/// What a correction that no longer applies still does: each of its tests guards what follows, up to the next test.
pub(crate) fn remains_of(mut document: Value, correction: &Correction) -> Value {
    let mut guarded = false;
    for operation in &correction.patch {
        let is_test = matches!(operation, PatchOperation::Test(_));
        if guarded && !is_test {
            continue;
        }
        let applied = json_patch::patch(&mut document, std::slice::from_ref(operation)).is_ok();
        guarded = is_test && !applied;
    }
    document
}

fn verb(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn correction(patch: Value) -> Result<Correction> {
        let file = json!({"title": "t", "reason": "r", "evidence": "e", "patch": patch});
        Correction::parse("010-x.json", file)
    }

    #[test]
    fn a_correction_is_applied_after_its_test() {
        let patch =
            json!([{"op": "test", "path": "/a", "value": 1}, {"op": "replace", "path": "/a", "value": 2}]);
        let out = correct(json!({"a": 1}), &[correction(patch).expect("whole")]).expect("applies");
        assert_eq!(out, json!({"a": 2}));
    }

    #[test]
    fn one_that_no_longer_applies_names_file_operation_and_pointer() {
        let patch = json!([{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}]);
        let error =
            correct(json!({"a": 3}), &[correction(patch).expect("whole")]).expect_err("mended upstream");
        let text = error.to_string();
        assert!(
            text.starts_with("openapi/corrections/010-x.json no longer applies: operation 0, test /a"),
            "{text}"
        );
    }

    #[test]
    fn one_without_a_test_or_without_effect_is_refused() {
        let error = correction(json!([{"op": "remove", "path": "/a"}])).expect_err("no test");
        assert!(error.to_string().contains("no \"test\" operation"), "{error}");
        let idle = correction(json!([{"op": "test", "path": "/a", "value": 1}])).expect("whole");
        let error = correct(json!({"a": 1}), &[idle]).expect_err("no effect");
        assert!(error.to_string().ends_with("changes nothing"), "{error}");
    }

    #[test]
    fn a_failed_test_stops_what_it_guards_and_no_more() {
        let patch = json!([
            {"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"},
            {"op": "test", "path": "/b", "value": 1}, {"op": "remove", "path": "/b"}
        ]);
        let out = remains_of(json!({"a": 3, "b": 1}), &correction(patch).expect("whole"));
        assert_eq!(out, json!({"a": 3}));
    }

    #[test]
    fn one_without_reason_is_refused() {
        let file = json!({"title": "t", "reason": " ", "evidence": "e", "patch": []});
        let error = Correction::parse("010-x.json", file).expect_err("no reason");
        assert_eq!(error.to_string(), "openapi/corrections/010-x.json: \"reason\" is empty");
    }
}
