//! A copy of the workspace to rehearse in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::spec::files::Layout;

/// What a copy leaves out.
const LEFT_OUT: [&str; 2] = [".git", "target"];

/// The copy, for as long as this process works in it.
pub(super) struct Stage {
    layout: Layout,
    target: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
}

impl Stage {
    /// Copies the workspace below cargo's target folder, always to the same place: only what changed since the last
    /// time is copied, and compiled, again.
    pub(super) fn of(layout: &Layout) -> Result<Self> {
        let root = layout.root.canonicalize().context("the workspace's folder")?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |t| root.join(t));
        let folder = target.join("spec-update");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = folder.join("running");
        fs::File::create_new(&lock).with_context(|| {
            format!("another update runs, or one was cut off: remove {} then", lock.display())
        })?;
        let stage = Self { layout: Layout::new(&folder.join("workspace")), target, folder, lock };
        stage.copy(&root)?;
        Ok(stage)
    }

    /// The copy.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Cargo's target folder, of the workspace and of the copy.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Room for other files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn copy(&self, root: &Path) -> Result<()> {
        let wanted = self.files(root, root)?;
        let copy = &self.layout.root;
        let present = if copy.exists() { self.files(copy, copy)? } else { BTreeSet::new() };
        for gone in present.difference(&wanted) {
            fs::remove_file(copy.join(gone)).with_context(|| gone.display().to_string())?;
        }
        for path in &wanted {
            let (from, to) = (root.join(path), copy.join(path));
            let content = fs::read(&from).with_context(|| path.display().to_string())?;
            if fs::read(&to).is_ok_and(|old| old == content) {
                continue;
            }
            fs::create_dir_all(to.parent().unwrap_or(copy))?;
            fs::write(&to, content).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// The files below `folder`, relative to `root`.
    fn files(&self, root: &Path, folder: &Path) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = entry.path();
            if LEFT_OUT.iter().any(|name| entry.file_name() == *name) || path == self.target {
                continue;
            }
            if path.is_dir() {
                found.extend(self.files(root, &path)?);
            } else if path.exists() {
                found.insert(path.strip_prefix(root)?.to_owned());
            }
        }
        Ok(found)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // If it can't be removed, the next run says what to do.
        let _ = fs::remove_file(&self.lock);
    }
}
