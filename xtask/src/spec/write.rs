//! Writing: all files or none.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::files::{Layout, Tree};
use super::json;

/// Writes each file beside its place, then renames them all into place; files that are right already stay untouched.
pub(crate) fn replace_all(files: &[(PathBuf, String)]) -> Result<()> {
    let mut ready = Vec::new();
    for (path, text) in files {
        if fs::read_to_string(path).is_ok_and(|old| old == *text) {
            continue;
        }
        let shown = path.display().to_string();
        ready.push((beside(path, text).with_context(|| shown.clone())?, path, shown));
    }
    for (file, path, shown) in ready {
        file.persist(path).with_context(|| shown)?;
    }
    Ok(())
}

fn beside(path: &Path, text: &str) -> Result<NamedTempFile> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// Writes the fragments, their sources and `documents`, and removes the fragments that `new` no longer has.
pub(crate) fn replace_tree(
    layout: &Layout,
    old: &Tree,
    new: &Tree,
    documents: &[(PathBuf, String)],
) -> Result<()> {
    let mut files = documents.to_vec();
    for (file, document) in &new.fragments {
        files.push((layout.fragments().join(file), json::pretty(document)?));
    }
    files.push((layout.sources(), new.sources.render()?));
    replace_all(&files)?;
    let kept: BTreeSet<_> = new.fragments.keys().collect();
    for gone in old.fragments.keys().filter(|file| !kept.contains(file)) {
        fs::remove_file(layout.fragments().join(gone)).with_context(|| gone.clone())?;
    }
    Ok(())
}

/// Prints `text`; a reader that stops early (`| head`) is no error.
pub(crate) fn to_stdout(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
