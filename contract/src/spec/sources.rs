//! `openapi/sources.toml`: where each fragment comes from.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

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
    /// Where the page can be fetched, for `spec update`; written by hand, and kept by imports.
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
