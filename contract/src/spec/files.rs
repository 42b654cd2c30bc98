//! Where the files are, and what is read from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::correct::Correction;
use super::facts::Facts;
use super::lower::Rules;
use super::read;
use super::sources::Sources;

/// The places of the contract's files in a workspace.
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
}

/// What `import` writes.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) fragments: BTreeMap<String, Value>,
    pub(crate) sources: Sources,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn fragments(&self) -> PathBuf {
        self.root.join("openapi/fragments")
    }

    /// Documents written down by hand from pages that have none.
    pub(crate) fn transcriptions(&self) -> PathBuf {
        self.root.join("openapi/transcribed")
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.root.join("openapi/sources.toml")
    }

    pub(crate) fn contract(&self) -> PathBuf {
        self.root.join("openapi/cmp.json")
    }

    pub(crate) fn lowered(&self) -> PathBuf {
        self.root.join("cmp-generated/openapi.json")
    }

    /// The fragments and their sources, which must agree; both empty before the first import.
    pub(crate) fn tree(&self) -> Result<Tree> {
        let tree = self.tree_to_import_into()?;
        if let Some(missing) = tree.sources.0.keys().find(|file| !tree.fragments.contains_key(*file)) {
            bail!("openapi/sources.toml names {missing}, which openapi/fragments does not hold");
        }
        Ok(tree)
    }

    /// The same, but fragments that were taken away are for the import to bring back.
    pub(crate) fn tree_to_import_into(&self) -> Result<Tree> {
        let fragments = self.json_files(&self.fragments())?;
        let sources = match read::text(&self.sources()) {
            Ok(text) => Sources::parse(&text)?,
            Err(_) if fragments.is_empty() => Sources::default(),
            Err(error) => return Err(error).context("openapi/sources.toml"),
        };
        if let Some(unnoted) = fragments.keys().find(|file| !sources.0.contains_key(*file)) {
            bail!("openapi/fragments holds {unnoted}, which openapi/sources.toml does not name");
        }
        Ok(Tree { fragments, sources })
    }

    pub(crate) fn corrections(&self) -> Result<Vec<Correction>> {
        let files = self.json_files(&self.root.join("openapi/corrections"))?;
        files.into_iter().map(|(file, value)| Correction::parse(&file, value)).collect()
    }

    pub(crate) fn rules(&self) -> Result<Rules> {
        Rules::parse(&self.text("openapi/lowering.toml")?, &self.text("openapi/operations.toml")?)
    }

    pub(crate) fn facts(&self) -> Result<Facts> {
        Facts::parse(&self.text("openapi/operations.toml")?)
    }

    fn text(&self, path: &'static str) -> Result<String> {
        read::text(&self.root.join(path)).context(path)
    }

    fn json_files(&self, folder: &Path) -> Result<BTreeMap<String, Value>> {
        let mut files = BTreeMap::new();
        if !folder.exists() {
            return Ok(files);
        }
        for path in visible(folder)? {
            let shown = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
            ensure!(path.extension().is_some_and(|e| e == "json"), "{shown}: expected only .json files here");
            let value = read::json_file(&path).with_context(|| shown)?;
            files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), value);
        }
        Ok(files)
    }
}

/// The entries of `folder` in order, but for those that begin with a dot: no editor's files, and none of a write that
/// was cut off.
pub(crate) fn visible(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
