//! Documents written down by hand from pages that have no OpenAPI document.
//!
//! They stand in `openapi/transcribed`, and `import` makes fragments of them. Each of their operations says where it was
//! read, in an extension that stays on it in the contract.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::split::{METHODS, SECTIONS};

/// The extension on an operation that says where it was read.
pub(crate) const MARK: &str = "x-transcribed-from";

/// What [`MARK`] holds.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) page: String,
    pub(crate) section: String,
}

/// Where a fragment's operation was read; `None` for a published one, which has no such mark.
pub(crate) fn place(fragment: &Value) -> Result<Option<Place>> {
    let sections = SECTIONS.iter().filter_map(|section| fragment.get(section)?.as_object());
    for (path, item) in sections.flatten() {
        for method in METHODS {
            if let Some(mark) = item.get(method).and_then(|operation| operation.get(MARK)) {
                let place = Place::deserialize(mark);
                return place.map(Some).with_context(|| format!("{} {path}: {MARK}", method.to_uppercase()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fragment(operation: Value) -> Value {
        json!({"paths": {"/a": {"get": operation}}})
    }

    #[test]
    fn the_mark_says_where_an_operation_was_read() {
        let found = place(&fragment(json!({MARK: {"page": "P", "section": "S"}}))).expect("a place");
        let read = Place { page: "P".to_owned(), section: "S".to_owned() };
        assert_eq!(found, Some(read));
        let webhook = json!({"webhooks": {"event": {"post": {MARK: {"page": "P", "section": "S"}}}}});
        assert_eq!(place(&webhook).expect("a place"), found);
        assert_eq!(place(&fragment(json!({}))).expect("published"), None);
        let error = place(&fragment(json!({MARK: "P"}))).expect_err("no section");
        assert_eq!(error.to_string(), "GET /a: x-transcribed-from");
    }
}
