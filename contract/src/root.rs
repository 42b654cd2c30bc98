//! The workspace that a run is for.
//!
//! The folder comes from the run and never from the build: two copies of a workspace that share a target folder share
//! this program too, and the program of one would otherwise answer for the other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The file by which a workspace is known.
const MARK: &str = "openapi/lowering.toml";

/// The folder given, or this run's workspace: the one that cargo runs this program from, or else the one around the
/// current folder.
///
/// # Errors
/// There is no such folder, or no workspace around the current one.
pub fn of_run(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(root) = given {
        ensure!(root.is_dir(), "--root {}: there is no such folder", root.display());
        return Ok(root);
    }
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let current = std::env::current_dir().context("the current folder")?;
    by_cargo
        .iter()
        .chain([&current])
        .find_map(|folder| around(folder))
        .context("this folder is in no workspace of the client: give one with --root")
}

fn around(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(MARK).is_file()).map(Path::to_owned)
}

/// The workspace whose tests run.
#[cfg(test)]
pub(crate) fn of_tests() -> PathBuf {
    of_run(None).expect("tests run in the workspace")
}
