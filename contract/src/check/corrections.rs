//! The files of `openapi/corrections`, and the contract as it would be without one of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use serde_json::Value;

use super::contract::Contract;
use crate::spec::correct::Correction;
use crate::spec::files::Layout;
use crate::spec::merge;

pub(crate) struct Corrections {
    uncorrected: Value,
    files: Vec<Correction>,
    without: Mutex<HashMap<String, Arc<Contract>>>,
}

impl Corrections {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let layout = Layout::new(root);
        let uncorrected = merge::merge(&layout.tree()?.fragments, Some(&layout.rules()?.primary))?;
        Ok(Self { uncorrected, files: layout.corrections()?, without: Mutex::default() })
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
