//! Where the contract's files are, and what is read from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{correct::Correction, facts::Facts, lower::Rules, read, sources::Sources};

/// The file that marks a workspace.
const MARK: &str = "openapi/lowering.toml";
/// The error for a command that needs a workspace.
pub const NO_WORKSPACE: &str = "this folder is in no workspace of the client: give one with --root";
/// The files below `openapi` that this program was built with.
static BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Returns the folder given, or this run's workspace: the one that cargo runs this program from, or else the one around
/// the current folder. `None` if there is no workspace.
///
/// The folder comes from the run and never from the build: two copies of a workspace that share a target folder share this
/// program too.
///
/// # Errors
/// The folder given does not exist.
pub fn root_of_run(given: Option<PathBuf>) -> Result<Option<PathBuf>> {
    if let Some(root) = given {
        ensure!(root.is_dir(), "--root {}: there is no such folder", root.display());
        return Ok(Some(root));
    }
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let current = std::env::current_dir().context("the current folder")?;
    let around = |folder: &PathBuf| folder.ancestors().find(|f| f.join(MARK).is_file()).map(Path::to_owned);
    Ok(by_cargo.iter().chain([&current]).find_map(around))
}

/// The places of the contract's files: in a workspace, or in this program.
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) is_built_in: bool,
}

/// What `import` writes.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) fragments: BTreeMap<String, Value>,
    pub(crate) sources: Sources,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), is_built_in: false }
    }

    /// The contract that this program was built with, to read only.
    pub(crate) fn built_in() -> Self {
        Self { root: PathBuf::new(), is_built_in: true }
    }

    /// The workspace whose tests run.
    #[cfg(test)]
    pub(crate) fn of_tests() -> Self {
        Self::new(&root_of_run(None).expect("a folder").expect("tests run in the workspace"))
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
        let fragments = self.json_files("openapi/fragments")?;
        let sources = match self.text("openapi/sources.toml") {
            Ok(text) => Sources::parse(&text)?,
            Err(_) if fragments.is_empty() => Sources::default(),
            Err(error) => return Err(error),
        };
        if let Some(unnoted) = fragments.keys().find(|file| !sources.0.contains_key(*file)) {
            bail!("openapi/fragments holds {unnoted}, which openapi/sources.toml does not name");
        }
        Ok(Tree { fragments, sources })
    }

    pub(crate) fn corrections(&self) -> Result<Vec<Correction>> {
        let files = self.json_files("openapi/corrections")?;
        files.into_iter().map(|(file, value)| Correction::parse(&file, value)).collect()
    }

    pub(crate) fn rules(&self) -> Result<Rules> {
        Rules::parse(&self.text("openapi/lowering.toml")?, &self.text("openapi/operations.toml")?)
    }

    pub(crate) fn facts(&self) -> Result<Facts> {
        Facts::parse(&self.text("openapi/operations.toml")?)
    }

    pub(crate) fn text(&self, path: &'static str) -> Result<String> {
        if self.is_built_in {
            let file = BUILT_IN.iter().find(|(name, _)| *name == path);
            return file
                .map(|(_, text)| (*text).to_owned())
                .with_context(|| format!("{path} is not built in"));
        }
        read::text(&self.root.join(path)).context(path)
    }

    fn json_files(&self, folder: &str) -> Result<BTreeMap<String, Value>> {
        let mut files = BTreeMap::new();
        if self.is_built_in {
            for (path, text) in BUILT_IN {
                if let Some(name) = path.strip_prefix(folder).and_then(|name| name.strip_prefix('/')) {
                    files.insert(name.to_owned(), serde_json::from_str(text).context(*path)?);
                }
            }
            return Ok(files);
        }
        let folder = self.root.join(folder);
        if !folder.exists() {
            return Ok(files);
        }
        for path in visible(&folder)? {
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

/// What an import changed, one line for each fragment.
pub(crate) fn summary(old: &Tree, new: &Tree) -> String {
    let files: BTreeSet<_> = old.fragments.keys().chain(new.fragments.keys()).collect();
    let lines = files.into_iter().map(|file| format!("{:<14} {file}\n", verdict(old, new, file)));
    lines.collect()
}

fn verdict(old: &Tree, new: &Tree, file: &str) -> &'static str {
    match (old.fragments.get(file), new.fragments.get(file)) {
        (None, _) => "new",
        (_, None) => "removed",
        (before, after) if before != after => "changed",
        _ if old.sources.0.get(file) != new.sources.0.get(file) => "source changed",
        _ => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::sources::{Origin, Source};

    fn tree(fragments: &[(&str, u32, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (file, content, page) in fragments {
            let source = Source {
                page: (*page).to_owned(),
                section: None,
                url: None,
                document: "D".to_owned(),
                version: "1".to_owned(),
                origin: Origin::Published,
                imported: None,
                sha256: String::new(),
            };
            tree.fragments.insert((*file).to_owned(), json!(content));
            tree.sources.0.insert((*file).to_owned(), source);
        }
        tree
    }

    #[test]
    fn each_fragment_has_its_line() {
        let old = tree(&[("a", 1, "P"), ("b", 1, "P"), ("c", 1, "P"), ("d", 1, "P")]);
        let new = tree(&[("b", 2, "P"), ("c", 1, "Q"), ("d", 1, "P"), ("e", 1, "P")]);
        assert_eq!(
            summary(&old, &new),
            "removed        a\nchanged        b\nsource changed c\nunchanged      d\nnew            e\n"
        );
    }

    /// The built-in files are those of the build, so nothing else may be missing or stale.
    #[test]
    fn the_built_in_contract_is_the_one_of_the_workspace() {
        let (built_in, workspace) = (Layout::built_in(), Layout::of_tests());
        for path in ["openapi/cmp.json", "openapi/lowering.toml", "openapi/operations.toml"] {
            assert_eq!(
                built_in.text(path).expect("built in"),
                workspace.text(path).expect("a file"),
                "{path}"
            );
        }
        let (one, other) = (built_in.tree().expect("built in"), workspace.tree().expect("files"));
        assert_eq!((one.fragments, one.sources), (other.fragments, other.sources));
        let names = |layout: &Layout| -> Vec<String> {
            layout.corrections().expect("corrections").into_iter().map(|correction| correction.name).collect()
        };
        assert_eq!(names(&built_in), names(&workspace));
    }
}
