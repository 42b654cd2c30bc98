//! Writes all files or none, even if the process is killed in between.
//!
//! The journal is one file with the old and the new content of all files. It is written first. Then the files are replaced,
//! one by one, and the journal is removed. A run that finds a journal finishes the change, or takes it back.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use fs4::FileExt;
use serde::{Deserialize, Serialize};

use super::{
    files::{Layout, Tree},
    json,
};

/// The folder of the journal: on the same file system as the files, and ignored by git.
pub(crate) const FOLDER: &str = "openapi/.update";
const JOURNAL: &str = "journal.json";

/// A file that is about to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// The path below the workspace.
    path: PathBuf,
    /// The old content. `None` for a new file.
    old: Option<String>,
    /// The new content. `None` for a file to remove.
    new: Option<String>,
}

/// The operations on files. A test's disk can fail, or stop, at each step.
trait Disk {
    fn create(&mut self, path: &Path, text: &str) -> io::Result<()>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&mut self, path: &Path) -> io::Result<()>;
}

struct RealDisk;

impl Disk for RealDisk {
    fn create(&mut self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// The right to change a workspace's contract. One process has it at a time, and loses it when it ends.
pub(crate) struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits for other processes, and settles an interrupted change.
    pub(crate) fn take(root: &Path) -> Result<Self> {
        let lock = lockable(root).with_context(|| root.display().to_string())?;
        if FileExt::try_lock(&lock).is_err() {
            say("waiting for another run that changes the contract");
            FileExt::lock(&lock).with_context(|| root.display().to_string())?;
        }
        settle(&mut RealDisk, root)?;
        Ok(Self { _lock: lock })
    }

    /// Settles an interrupted change, if there is one.
    pub(crate) fn settle(root: &Path) -> Result<()> {
        if root.join(FOLDER).exists() { Self::take(root).map(drop) } else { Ok(()) }
    }
}

/// The folder itself can be locked, so that no file is needed, which might be committed.
#[cfg(unix)]
fn lockable(root: &Path) -> io::Result<File> {
    File::open(root)
}

#[cfg(not(unix))]
fn lockable(root: &Path) -> io::Result<File> {
    fs::create_dir_all(root.join("target"))?;
    File::create(root.join("target/contract.lock"))
}

/// Replaces all `files`, or none of them. Files with the right content stay untouched.
pub(crate) fn replace_all(root: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    let files: Vec<_> = files.iter().map(|(path, text)| (path.clone(), Some(text.clone()))).collect();
    apply(root, &files)
}

/// Writes the fragments, their sources and `documents`, and removes the fragments that `new` no longer has.
pub(crate) fn replace_tree(
    layout: &Layout,
    old: &Tree,
    new: &Tree,
    documents: &[(PathBuf, String)],
) -> Result<()> {
    let mut files = of_tree(layout, old, new)?;
    files.extend(documents.iter().map(|(path, text)| (path.clone(), Some(text.clone()))));
    apply(&layout.root, &files)
}

/// Returns the files that turn `old` into `new`: each with its new content, or `None` to remove it.
pub(crate) fn of_tree(layout: &Layout, old: &Tree, new: &Tree) -> Result<Vec<(PathBuf, Option<String>)>> {
    let mut files = Vec::new();
    for (file, document) in &new.fragments {
        files.push((layout.fragments().join(file), Some(json::pretty(document)?)));
    }
    files.push((layout.sources(), Some(new.sources.render()?)));
    let kept: BTreeSet<_> = new.fragments.keys().collect();
    let gone = old.fragments.keys().filter(|file| !kept.contains(file));
    files.extend(gone.map(|file| (layout.fragments().join(file), None)));
    Ok(files)
}

/// Writes or removes each of `files` below `root`, all of them or none.
pub(crate) fn apply(root: &Path, files: &[(PathBuf, Option<String>)]) -> Result<()> {
    let changes = changes(root, files)?;
    if changes.is_empty() { Ok(()) } else { replace(&mut RealDisk, root, &changes) }
}

fn changes(root: &Path, files: &[(PathBuf, Option<String>)]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (path, new) in files {
        let old = content(path).with_context(|| path.display().to_string())?;
        if old != *new {
            let path = path.strip_prefix(root).context("a file outside of the workspace")?.to_owned();
            changes.push(Change { path, old, new: new.clone() });
        }
    }
    Ok(changes)
}

fn content(path: &Path) -> Result<Option<String>> {
    ensure!(!path.is_dir(), "a folder stands where a file is to be written");
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn replace(disk: &mut dyn Disk, root: &Path, changes: &[Change]) -> Result<()> {
    let folder = root.join(FOLDER);
    let (draft, journal) = (folder.join("draft"), folder.join(JOURNAL));
    let written = json::pretty(&serde_json::to_value(changes)?)?;
    disk.create(&folder.join(".gitignore"), "*\n")
        .and_then(|()| disk.create(&draft, &written))
        .and_then(|()| disk.rename(&draft, &journal))
        .with_context(|| format!("{FOLDER}: the journal of the change can't be written"))?;
    perform(disk, root, changes)
}

/// Makes all changes. If one fails, all are taken back.
fn perform(disk: &mut dyn Disk, root: &Path, changes: &[Change]) -> Result<()> {
    let forward = changes.iter().try_for_each(|change| put(disk, root, &change.path, change.new.as_deref()));
    let Err(error) = forward else {
        clear(disk, root);
        return Ok(());
    };
    for change in changes.iter().rev() {
        if let Err(stuck) = put(disk, root, &change.path, change.old.as_deref()) {
            return Err(anyhow!(
                "{error:#}; then, while it was taken back, {stuck:#}: run the command again"
            ));
        }
    }
    clear(disk, root);
    Err(error)
}

/// Writes a file in one step.
fn put(disk: &mut dyn Disk, root: &Path, path: &Path, text: Option<&str>) -> Result<()> {
    let target = root.join(path);
    // Most files already have their content when a change is taken back, or finished.
    if content(&target).is_ok_and(|now| now.as_deref() == text) {
        return Ok(());
    }
    let done = match text {
        // This tool made no folder in this place.
        None if target.is_dir() => Ok(()),
        None => disk.remove(&target),
        Some(text) => {
            let next = root.join(FOLDER).join("next");
            disk.create(&next, text).and_then(|()| disk.rename(&next, &target))
        }
    };
    done.with_context(|| path.display().to_string())
}

/// Removes the journal, then its folder. If that fails, the next run finds a finished change.
fn clear(disk: &mut dyn Disk, root: &Path) {
    let folder = root.join(FOLDER);
    if disk.remove(&folder.join(JOURNAL)).is_ok() {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Finishes an interrupted change, or takes it back.
fn settle(disk: &mut dyn Disk, root: &Path) -> Result<()> {
    let journal = root.join(FOLDER).join(JOURNAL);
    let Some(text) = content(&journal).context("the journal of an earlier run")? else {
        // There is no folder, or the run stopped before it changed anything.
        clear(disk, root);
        return Ok(());
    };
    let shown = format!("{FOLDER}/{JOURNAL}");
    let changes: Vec<Change> = serde_json::from_str(&text).context(shown.clone())?;
    let (mut done, mut open) = (0, 0);
    for change in &changes {
        let now = content(&root.join(&change.path)).unwrap_or_default();
        if now == change.new {
            done += 1;
        } else if now == change.old {
            open += 1;
        } else {
            let path = change.path.display();
            bail!(
                "an earlier run was cut off while it replaced files, and {path} has changed since then: put back what \
                 git has of the files that {shown} names, and remove {FOLDER}"
            );
        }
    }
    if done == 0 || open == 0 {
        clear(disk, root);
        return Ok(());
    }
    perform(disk, root, &changes).with_context(|| format!("{shown}, the change of an earlier run"))?;
    say(&format!(
        "an earlier run was cut off: {open} of the {} files that it replaced are done now",
        changes.len()
    ));
    Ok(())
}

/// Prints a line to standard error, beside the output of a command.
pub(crate) fn say(line: &str) {
    // A closed standard error has no reader.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints `text` to standard output. A reader that stops early (`| head`) is no error.
pub(crate) fn to_stdout(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Escapes text for a cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    plain(&text.replace('|', "\\|").replace('\n', " "))
}

/// Returns a text on one line. Characters that a terminal obeys, or that hide others, are escaped. Pages come from
/// outside.
pub(crate) fn plain(text: &str) -> String {
    // The same as in the client's errors.
    let is_hiding = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || is_hiding(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;

    /// Fails from one step on, as if the process had ended there.
    struct Ends {
        steps: usize,
    }

    impl Ends {
        fn step(&mut self) -> io::Result<()> {
            self.steps =
                self.steps.checked_sub(1).ok_or_else(|| io::Error::other("the process has ended"))?;
            Ok(())
        }
    }

    impl Disk for Ends {
        fn create(&mut self, path: &Path, text: &str) -> io::Result<()> {
            self.step()?;
            RealDisk.create(path, text)
        }

        fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
            self.step()?;
            RealDisk.rename(from, to)
        }

        fn remove(&mut self, path: &Path) -> io::Result<()> {
            self.step()?;
            RealDisk.remove(path)
        }
    }

    /// The files of a folder, without those of the journal.
    fn files(root: &Path) -> BTreeMap<String, String> {
        let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with(FOLDER) {
                    continue;
                } else if path.is_dir() {
                    open.push(path);
                } else {
                    found.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
                }
            }
        }
        found
    }

    /// A folder with two files to change, one to remove, and one to make.
    fn folder() -> (TempDir, Vec<(PathBuf, Option<String>)>) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["openapi/changed", "docs/changed", "removed"] {
            RealDisk.create(&path(name), "old").unwrap();
        }
        let new = |name: &str| (path(name), Some("new".to_owned()));
        let files =
            vec![new("openapi/changed"), new("docs/changed"), (path("removed"), None), new("made/made")];
        (folder, files)
    }

    #[test]
    fn changes_are_made_and_leave_nothing_behind() {
        let (folder, wanted) = folder();
        apply(folder.path(), &wanted).unwrap();
        let now = files(folder.path());
        assert_eq!(now.len(), 3);
        assert!(now.values().all(|text| text == "new"), "{now:?}");
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[test]
    fn a_change_that_fails_takes_those_before_it_back() {
        let (folder, wanted) = folder();
        let before = files(folder.path());
        let changes = changes(folder.path(), &wanted).unwrap();
        fs::create_dir_all(folder.path().join("made/made")).unwrap();
        let error = format!("{:#}", replace(&mut RealDisk, folder.path(), &changes).unwrap_err());
        assert!(error.starts_with("made/made: "), "{error}");
        assert_eq!(before, files(folder.path()));
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[test]
    fn a_run_that_ends_at_any_step_is_finished_or_undone_by_the_next() {
        let after = {
            let (folder, wanted) = folder();
            apply(folder.path(), &wanted).unwrap();
            files(folder.path()).into_values().collect::<Vec<_>>()
        };
        let (mut undone, mut finished) = (0, 0);
        for steps in 0.. {
            let (folder, wanted) = folder();
            let before = files(folder.path());
            let changes = changes(folder.path(), &wanted).unwrap();
            let ended = replace(&mut Ends { steps }, folder.path(), &changes);
            if ended.is_ok() && !folder.path().join(FOLDER).exists() {
                break;
            }
            // The run that settles it can end as well.
            for again in 0..3 {
                let _ = settle(&mut Ends { steps: again }, folder.path());
            }
            settle(&mut RealDisk, folder.path()).unwrap();
            assert!(!folder.path().join(FOLDER).exists(), "after {steps} steps");
            let now = files(folder.path());
            if now == before {
                undone += 1;
            } else {
                assert_eq!(now.into_values().collect::<Vec<_>>(), after, "after {steps} steps");
                finished += 1;
            }
        }
        assert!(undone >= 3 && finished >= 3, "{undone} undone, {finished} finished");
    }

    #[test]
    fn what_was_changed_since_a_run_was_cut_off_is_not_overwritten() {
        let (folder, wanted) = folder();
        let changes = changes(folder.path(), &wanted).unwrap();
        // Two files for the journal, a rename, and the first change.
        replace(&mut Ends { steps: 5 }, folder.path(), &changes).unwrap_err();
        fs::write(folder.path().join("docs/changed"), "by hand").unwrap();
        let error = settle(&mut RealDisk, folder.path()).unwrap_err().to_string();
        assert!(error.contains("docs/changed has changed since then"), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("docs/changed")).unwrap(), "by hand");
    }
}
