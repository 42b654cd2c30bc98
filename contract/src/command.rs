//! The commands that both `cmp-contract` and `cargo xtask` have.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use crate::{
    derived,
    diff::{Arguments as DiffArguments, run as compare},
    spec::{files::Layout, import, pipeline, write},
    update,
};

/// The commands of `spec`.
#[derive(Debug, Subcommand)]
pub enum Spec {
    /// Read documentation pages (Markdown) or whole OpenAPI files (JSON or YAML) into openapi/fragments.
    Import {
        /// Pages or OpenAPI files; a page replaces everything imported from that page before.
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<PathBuf>,
        /// The day on which the pages were downloaded (YYYY-MM-DD), noted beside fragments that changed.
        #[arg(long, value_name = "DATE")]
        date: Option<String>,
    },
    /// Merge, correct and lower the fragments, and write every file that follows from them.
    Merge,
    /// Fail, with a diff, unless every derived file is up to date.
    Check,
    /// Print the corrected contract.
    Show {
        /// Print the merged documents before any correction.
        #[arg(long, conflicts_with = "lowered")]
        uncorrected: bool,
        /// Print what the generator reads.
        #[arg(long)]
        lowered: bool,
    },
    /// Report what a change of the contract means for callers, for readers and for the Rust items of this workspace.
    Diff(DiffArguments),
    /// Import pages into a copy of the workspace, and take them over if everything still builds and passes.
    Update(update::Arguments),
}

/// Finishes or takes back what a killed run has left half done.
///
/// # Errors
/// A file that can't be read or written, or that has changed since.
pub fn settle(root: &Path) -> Result<()> {
    write::Turn::settle(root)
}

/// Runs a command on the workspace at `root`.
///
/// # Errors
/// Input that the command refuses, with its file and place; or a file that can't be read or written.
pub fn spec(command: &Spec, root: &Path) -> Result<()> {
    let layout = Layout::new(root);
    match command {
        Spec::Import { pages, date } => {
            let _turn = write::Turn::take(root)?;
            import::run(&layout, pages, &import::Note { date: date.clone(), ..import::Note::default() })
        }
        Spec::Merge => {
            let _turn = write::Turn::take(root)?;
            write::replace_all(root, &derived::files(&layout)?)
        }
        Spec::Diff(arguments) => compare(arguments, &layout),
        Spec::Update(arguments) => update::run(arguments, &layout),
        Spec::Check => derived::check(&layout),
        Spec::Show { uncorrected, lowered } => {
            let rendered = pipeline::unchecked(&layout)?;
            let text = match (uncorrected, lowered) {
                (true, _) => rendered.merged,
                (_, true) => rendered.lowered,
                _ => rendered.contract,
            };
            write::to_stdout(&text)
        }
    }
}

/// Reports what a change of the contract means. The exit status of the process says how much it is.
///
/// # Errors
/// A document that can't be read.
pub fn diff(arguments: &DiffArguments, root: &Path) -> Result<()> {
    compare(arguments, &Layout::new(root))
}
