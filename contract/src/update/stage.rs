//! A copy of the workspace, in which an update first runs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use fs4::FileExt;

use crate::spec::files::Layout;

/// Files with their new content, or `None` for a file to delete.
pub(super) type Files = Vec<(PathBuf, Option<String>)>;

/// The names of files and folders that the copy leaves out.
const LEFT_OUT: [&str; 3] = [".git", "target", ".update"];
/// The files and folders from which an update makes what it writes. They must not change during the update.
const READ: [&str; 3] = ["openapi", "README.md", "cmp/src"];

/// The copy of the workspace. It is locked while this process works in it.
pub(super) struct Stage {
    layout: Layout,
    folder: PathBuf,
    read: BTreeMap<PathBuf, Vec<u8>>,
    /// The system releases the lock when the process ends.
    _lock: File,
}

impl Stage {
    /// Copies the workspace into a folder below cargo's target folder. The folder is always the same, so only changed
    /// files are copied and compiled again.
    pub(super) fn of(layout: &Layout) -> Result<Self> {
        let root = layout.root.canonicalize().context("the workspace's folder")?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |t| root.join(t));
        let folder = target.join("spec-update");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let running = folder.join("running");
        let lock = File::create(&running).with_context(|| running.display().to_string())?;
        ensure!(FileExt::try_lock(&lock).is_ok(), "another update runs in this target folder");
        let read = read(&root, &target)?;
        let stage = Self { layout: Layout::new(&folder.join("workspace")), folder, read, _lock: lock };
        stage.copy(&root, &target)?;
        Ok(stage)
    }

    /// Returns the layout of the copy.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns cargo's target folder for the copy. It differs from the workspace's folder: cargo distinguishes packages
    /// only by their place below the workspace. In a shared folder, cargo would use a build of the copy for the
    /// workspace.
    pub(super) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Returns the folder for temporary files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a file that the update has read, and that has changed in the workspace since then.
    pub(super) fn changed(&self, root: &Path) -> Result<Option<PathBuf>> {
        let root = root.canonicalize().context("the workspace's folder")?;
        let now = read(&root, &self.folder)?;
        let mut paths = self.read.keys().chain(now.keys());
        Ok(paths.find(|path| self.read.get(*path) != now.get(*path)).cloned())
    }

    /// Changes the files' paths from the copy to the workspace.
    pub(super) fn moved_to(&self, root: &Path, files: Files) -> Result<Files> {
        let moved = files
            .into_iter()
            .map(|(path, text)| Ok((root.join(path.strip_prefix(&self.layout.root)?), text)));
        moved.collect()
    }

    fn copy(&self, root: &Path, target: &Path) -> Result<()> {
        let wanted = files(root, root, target)?;
        let copy = &self.layout.root;
        let present = if copy.exists() { files(copy, copy, target)? } else { BTreeMap::new() };
        for gone in present.keys().filter(|path| !wanted.contains_key(*path)) {
            fs::remove_file(copy.join(gone)).with_context(|| gone.display().to_string())?;
        }
        for (path, content) in wanted {
            if present.get(&path) != Some(&content) {
                let to = copy.join(&path);
                fs::create_dir_all(to.parent().unwrap_or(copy))?;
                fs::write(&to, content).with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }
}

/// Returns the content of the files that an update reads, by their paths below `root`.
fn read(root: &Path, target: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for name in READ {
        let path = root.join(name);
        if path.is_dir() {
            found.extend(files(root, &path, target)?);
        } else if path.is_file() {
            found.insert(PathBuf::from(name), fs::read(&path).with_context(|| name.to_owned())?);
        }
    }
    Ok(found)
}

/// Returns the content of the files below `folder`, by their paths below `root`.
fn files(root: &Path, folder: &Path, target: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if LEFT_OUT.iter().any(|name| entry.file_name() == *name) || path == target {
            continue;
        }
        if path.is_dir() {
            found.extend(files(root, &path, target)?);
        } else if path.exists() {
            let content = fs::read(&path).with_context(|| path.display().to_string())?;
            found.insert(path.strip_prefix(root)?.to_owned(), content);
        }
    }
    Ok(found)
}
