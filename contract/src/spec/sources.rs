//! Where each fragment comes from: `openapi/sources.toml`, and the mark on operations that are transcribed by hand.
//!
//! Transcriptions are in `openapi/transcribed`, and `import` makes fragments of them. The mark stays on the operation in the
//! contract.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::split::{METHODS, SECTIONS};

const HEADER: &str = "# Written by `cargo xtask spec import`: where each file in fragments/ comes from.\n\n";

/// How a fragment came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// An OpenAPI document on the page itself, unchanged but for the layout of its JSON.
    Published,
    /// Written down by hand from a page without an OpenAPI document.
    Transcribed,
}

/// Where one fragment comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The page's title, or the name of the OpenAPI file.
    pub(crate) page: String,
    /// The heading on the page; absent for an OpenAPI file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<String>,
    /// Where the page can be fetched, for `spec update`. Written by hand, and kept by updates, and by imports of a page
    /// with the same title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// `info.title` of the document.
    pub(crate) document: String,
    /// `info.version` of the document.
    pub(crate) version: String,
    pub(crate) origin: Origin,
    /// The day of the download, if the import was given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<String>,
    /// SHA-256 of the published text.
    pub(crate) sha256: String,
}

/// All sources by fragment file name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sources(pub(crate) BTreeMap<String, Source>);

impl Sources {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("openapi/sources.toml")
    }

    pub(crate) fn render(&self) -> Result<String> {
        Ok(HEADER.to_owned() + &toml::to_string(self)?)
    }

    /// Where a page is fetched from, if any of its fragments says so.
    pub(crate) fn url_of(&self, page: &str) -> Option<String> {
        self.0.values().filter(|source| source.page == page).find_map(|source| source.url.clone())
    }

    /// The date for a fragment imported again: the old one while the content is the same.
    pub(crate) fn date_for(&self, file: &str, sha256: &str, today: Option<&String>) -> Option<String> {
        match self.0.get(file) {
            Some(old) if old.sha256 == sha256 => old.imported.clone(),
            _ => today.cloned(),
        }
    }
}

/// The extension on an operation that says where it was read.
pub(crate) const TRANSCRIBED: &str = "x-transcribed-from";

/// What [`TRANSCRIBED`] holds.
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
            if let Some(mark) = item.get(method).and_then(|operation| operation.get(TRANSCRIBED)) {
                let place = Place::deserialize(mark);
                return place
                    .map(Some)
                    .with_context(|| format!("{} {path}: {TRANSCRIBED}", method.to_uppercase()));
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
        let found = place(&fragment(json!({TRANSCRIBED: {"page": "P", "section": "S"}}))).expect("a place");
        let read = Place { page: "P".to_owned(), section: "S".to_owned() };
        assert_eq!(found, Some(read));
        let webhook = json!({"webhooks": {"event": {"post": {TRANSCRIBED: {"page": "P", "section": "S"}}}}});
        assert_eq!(place(&webhook).expect("a place"), found);
        assert_eq!(place(&fragment(json!({}))).expect("published"), None);
        let error = place(&fragment(json!({TRANSCRIBED: "P"}))).expect_err("no section");
        assert_eq!(error.to_string(), "GET /a: x-transcribed-from");
    }
}
