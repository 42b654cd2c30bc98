//! The files of `openapi/corrections`, and the contract as it would be without one of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use json_patch::Patch;
use serde::Deserialize;
use serde_json::Value;

use super::contract::Contract;
use crate::spec::files::Layout;
use crate::spec::merge;

#[derive(Deserialize)]
pub(crate) struct Correction {
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reason: String,
    pub(crate) evidence: String,
    patch: Patch,
}

pub(crate) struct Corrections {
    uncorrected: Value,
    files: Vec<Correction>,
    without: Mutex<HashMap<String, Arc<Contract>>>,
}

impl Corrections {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let layout = Layout::new(root);
        let uncorrected = merge::merge(&layout.tree()?.fragments, Some(&layout.rules()?.primary))?;
        let folder = root.join("openapi/corrections");
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .context("openapi/corrections")?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        let files = names.iter().map(|file| {
            let text = std::fs::read_to_string(folder.join(file))?;
            let mut correction: Correction = serde_json::from_str(&text).with_context(|| file.clone())?;
            file.trim_end_matches(".json").clone_into(&mut correction.name);
            Ok(correction)
        });
        Ok(Self { uncorrected, files: files.collect::<Result<_>>()?, without: Mutex::default() })
    }

    pub(crate) fn files(&self) -> &[Correction] {
        &self.files
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Whether the documents still say what the correction corrects.
    pub(crate) fn applies(&self, name: &str) -> bool {
        let mut document = self.uncorrected.clone();
        for file in &self.files {
            let applied = json_patch::patch(&mut document, &file.patch).is_ok();
            if file.name == name {
                return applied;
            }
        }
        false
    }

    /// The contract without this correction, and without those that build on it.
    pub(crate) fn without(&self, name: &str) -> Arc<Contract> {
        let mut made = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(name.to_owned()).or_insert_with(|| {
            let mut document = self.uncorrected.clone();
            for file in self.files.iter().filter(|file| file.name != name) {
                // One that builds on it fails, and leaves the document as it was.
                let _ = json_patch::patch(&mut document, &file.patch);
            }
            Arc::new(Contract::new(document))
        }))
    }

    /// Changes the documents, as VGS might.
    #[cfg(test)]
    pub(crate) fn mend(&mut self, pointer: &str, value: Value) {
        *self.uncorrected.pointer_mut(pointer).unwrap() = value;
    }
}
