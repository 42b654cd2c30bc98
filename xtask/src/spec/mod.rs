//! From the published pages to the documents that the client is generated from.
//!
//! `import` fills `openapi/fragments`; `merge` runs fragments → merged → corrected → lowered and writes the last
//! two. Every step is a function from values to values: files are read at the start and written at the end, all
//! or none.

mod check;
pub(crate) mod correct;
pub(crate) mod files;
pub(crate) mod generated;
pub(crate) mod import;
pub(crate) mod json;
pub(crate) mod lower;
pub(crate) mod merge;
mod page;
pub(crate) mod pipeline;
pub(crate) mod read;
pub(crate) mod sources;
pub(crate) mod split;
mod summary;
mod transcribed;
mod upgrade;
pub(crate) mod write;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use crate::{diff, update};
use files::Layout;

/// What `cargo xtask spec` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read documentation pages (Markdown) or whole OpenAPI files (JSON or YAML) into openapi/fragments.
    Import {
        /// Pages or OpenAPI files; a page replaces everything imported from that page before.
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<PathBuf>,
        /// The day on which the pages were downloaded (YYYY-MM-DD), noted beside fragments that changed.
        #[arg(long, value_name = "DATE")]
        date: Option<String>,
    },
    /// Merge, correct and lower the fragments into openapi/cmp.json and cmp-generated/openapi.json.
    Merge,
    /// Fail, with a diff, unless both written documents are what the fragments and corrections give.
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
    /// Say what a change of the contract means for callers, for readers and for the Rust items of this workspace.
    Diff(diff::Arguments),
    /// Import pages into a copy of the workspace, and take them over if everything still builds and passes.
    Update(update::Arguments),
}

pub(crate) fn run(command: &Command, root: &Path) -> Result<()> {
    let layout = Layout::new(root);
    match command {
        Command::Import { pages, date } => {
            let _turn = write::Turn::take(root)?;
            import::run(&layout, pages, &import::Note { date: date.clone() })
        }
        Command::Merge => {
            let _turn = write::Turn::take(root)?;
            write::replace_all(root, &pipeline::render(&layout)?.documents(&layout))
        }
        Command::Diff(arguments) => diff::run(arguments, &layout),
        Command::Update(arguments) => update::run(arguments, &layout),
        Command::Check => check::run(&layout),
        Command::Show { uncorrected, lowered } => {
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
