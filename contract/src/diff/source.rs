//! One side of a comparison: a git revision, an OpenAPI file, a folder of fragments, or documentation pages.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::prepare::{Prepared, prepare};
use crate::spec::{
    files::{Layout, Tree},
    import::{self, Note},
    json,
    read::{self, Language},
    split::SECTIONS,
};

/// The prefix that marks an argument as a git revision.
const REVISION: &str = "rev:";

/// Reads the contract that `argument` names.
pub(super) fn load(layout: &Layout, argument: &str) -> Result<Prepared> {
    let path = Path::new(argument);
    if let Some(revision) = argument.strip_prefix(REVISION) {
        return at_revision(layout, revision);
    }
    if path.is_dir() {
        return folder(layout, path);
    }
    if path.is_file() {
        return file(layout, path).with_context(|| argument.to_owned());
    }
    ensure!(is_revision(layout, argument), "{argument}: neither a file, nor a folder, nor a git revision");
    at_revision(layout, argument)
}

/// Reads the two written documents of a revision. `cargo xtask spec check` ensures at every commit that they match their
/// fragments.
fn at_revision(layout: &Layout, revision: &str) -> Result<Prepared> {
    let show = |path: &str| -> Result<Value> {
        let output = git(layout, &["show", &format!("{revision}:./{path}")])?;
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "{revision}: {error}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("{path} at {revision}"))
    };
    let contract = show("openapi/cmp.json")?;
    Ok(Prepared { contract, lowered: Some(show("cmp-generated/openapi.json")?), problems: Vec::new() })
}

fn is_revision(layout: &Layout, name: &str) -> bool {
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
    git(layout, &arguments).is_ok_and(|output| output.status.success())
}

fn git(layout: &Layout, arguments: &[&str]) -> Result<std::process::Output> {
    Command::new("git").args(arguments).current_dir(&layout.root).output().context("git can't be started")
}

/// Reads a folder. Fragments (`.json`) are a whole contract. Pages are laid over the workspace's fragments.
fn folder(layout: &Layout, folder: &Path) -> Result<Prepared> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        paths.push(entry?.path());
    }
    paths.sort();
    let with = |extension: &str| -> Vec<PathBuf> {
        let of = paths.iter().filter(|path| path.extension().is_some_and(|e| e == extension));
        of.cloned().collect()
    };
    let (fragments, pages) = (with("json"), with("md"));
    match (fragments.is_empty(), pages.is_empty()) {
        (false, true) => {
            let mut documents = BTreeMap::new();
            for path in fragments {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                documents.insert(name, read_json(&path)?);
            }
            prepare(layout, &documents)
        }
        (true, false) => with_pages(layout, &pages),
        _ => bail!("{}: expected either fragments (.json) or pages (.md)", folder.display()),
    }
}

fn file(layout: &Layout, path: &Path) -> Result<Prepared> {
    let Some(language) = Language::of(path) else { return with_pages(layout, &[path.to_owned()]) };
    let document = read::parse(&read::text(path)?, language)?;
    for section in SECTIONS {
        json::section(&document, section, "")?;
    }
    Prepared::whole(layout, document)
}

/// Returns the contract after an import of the pages, so that one page can be compared with a whole contract.
fn with_pages(layout: &Layout, pages: &[PathBuf]) -> Result<Prepared> {
    let note = Note::default();
    let tree: Tree = import::imported(&layout.tree()?, pages, &note)?;
    prepare(layout, &tree.fragments)
}

fn read_json(path: &Path) -> Result<Value> {
    read::json_file(path).with_context(|| path.display().to_string())
}
