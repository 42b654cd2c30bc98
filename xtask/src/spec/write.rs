//! Writing: all files or none.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use tempfile::NamedTempFile;

use super::files::{Layout, Tree};
use super::json;

/// A file that is about to change. What it will hold and what it held both stand beside it, so that changing it and
/// changing it back are one rename each.
struct Change {
    path: PathBuf,
    /// `None` for a file that goes.
    fresh: Option<NamedTempFile>,
    /// `None` for a file that is new.
    kept: Option<NamedTempFile>,
}

impl Change {
    fn prepare(path: &Path, fresh: Option<&str>) -> Result<Self> {
        ensure!(!path.is_dir(), "a folder stands where a file is to be written");
        let kept = match fs::read(path) {
            Ok(old) => Some(beside(path, &old)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let fresh = fresh.map(|text| beside(path, text.as_bytes())).transpose()?;
        Ok(Self { path: path.to_owned(), fresh, kept })
    }

    fn apply(&mut self) -> io::Result<()> {
        match self.fresh.take() {
            Some(fresh) => fresh.persist(&self.path).map(drop).map_err(|error| error.error),
            None => fs::remove_file(&self.path),
        }
    }

    fn undo(self) -> Result<()> {
        let shown = self.path.display().to_string();
        match self.kept {
            None => {
                fs::remove_file(&self.path).with_context(|| format!("{shown} could not be removed again"))
            }
            Some(kept) => match kept.persist(&self.path) {
                Ok(_) => Ok(()),
                Err(error) => {
                    let (_, copy) = error.file.keep()?;
                    let what =
                        format!("{shown} could not be put back; what it held is in {}", copy.display());
                    Err(error.error).context(what)
                }
            },
        }
    }
}

/// Replaces all `files`, or none of them; files that are right already stay untouched.
pub(crate) fn replace_all(files: &[(PathBuf, String)]) -> Result<()> {
    apply(prepare(files, &[])?)
}

fn prepare(files: &[(PathBuf, String)], gone: &[PathBuf]) -> Result<Vec<Change>> {
    let stale = files.iter().filter(|(path, text)| !fs::read(path).is_ok_and(|old| old == text.as_bytes()));
    let fresh = stale.map(|(path, text)| (path, Some(text.as_str())));
    let changes = fresh.chain(gone.iter().map(|path| (path, None)));
    changes
        .map(|(path, text)| Change::prepare(path, text).with_context(|| path.display().to_string()))
        .collect()
}

/// Makes all changes; where one fails, those before it are taken back.
fn apply(changes: Vec<Change>) -> Result<()> {
    let mut done = Vec::new();
    for mut change in changes {
        if let Err(error) = change.apply() {
            let mut error = anyhow!(error).context(change.path.display().to_string());
            for change in done.into_iter().rev() {
                if let Err(stuck) = Change::undo(change) {
                    error = error.context(format!("{stuck:#}"));
                }
            }
            return Err(error);
        }
        done.push(change);
    }
    Ok(())
}

/// A temporary file in the folder of `path`: a rename works only within one file system.
fn beside(path: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
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
    let kept: BTreeSet<_> = new.fragments.keys().collect();
    let gone = old.fragments.keys().filter(|file| !kept.contains(file));
    let gone: Vec<_> = gone.map(|file| layout.fragments().join(file)).collect();
    apply(prepare(&files, &gone)?)
}

/// Prints `text`; a reader that stops early (`| head`) is no error.
pub(crate) fn to_stdout(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and contents of all files in a folder.
    fn content(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries
            .filter(|path| path.is_file())
            .map(|path| (path.display().to_string(), fs::read_to_string(path).expect("a file")))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_change_that_fails_takes_those_before_it_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("changed"), "old").expect("written");
        fs::write(path("removed"), "old").expect("written");
        let before = content(folder.path());
        let files = ["changed", "made"].map(|name| (path(name), "new".to_owned()));
        let mut changes = prepare(&files, &[path("removed")]).expect("ready");
        changes.push(Change::prepare(&path("blocked"), Some("new")).expect("ready"));
        fs::create_dir(path("blocked")).expect("in the way since then");
        let error = format!("{:#}", apply(changes).expect_err("a folder"));
        assert_eq!(before, content(folder.path()));
        assert!(error.contains("blocked: "), "{error}");
        assert_eq!(error.matches("os error").count(), 1, "{error}");
    }

    #[test]
    fn changes_are_made_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("changed"), "old").expect("written");
        fs::write(path("removed"), "old").expect("written");
        let files = [(path("changed"), "new".to_owned())];
        apply(prepare(&files, &[path("removed")]).expect("ready")).expect("applied");
        assert_eq!(content(folder.path()), [(path("changed").display().to_string(), "new".to_owned())]);
    }
}
