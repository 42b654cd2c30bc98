//! Updates the workspace after the documents changed: `cargo xtask spec update PAGE…`.
//!
//! An update first runs in a copy of the workspace (`stage`). It fetches the pages unless they are given (`fetch`). It
//! imports, merges, corrects and lowers them, and compares the result with the contract. Then it compiles the facade
//! and runs the contract's tests (`build`). `report` lists what a person has to review, and `version` proposes the next
//! version. If nothing failed, the update replaces the workspace's files, all at once.

mod build;
mod fetch;
mod report;
mod stage;
mod version;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use report::{Ending, Outcome};
use stage::{Files, Stage};

use crate::{
    derived,
    diff::{
        comparison::Comparison,
        items::Facade,
        prepare::{Prepared, prepare},
    },
    spec::{
        files::{Layout, Tree},
        import::{self, Note},
        write,
    },
};

/// Arguments of `spec update`.
#[derive(Debug, Args)]
#[command(after_help = "Without pages, those with a `url` in openapi/sources.toml are fetched with curl.\n\
                        The exit status is 0 if the workspace is updated, or could be (--dry-run), and 1 if \
                        something has to be settled first.")]
pub struct Arguments {
    /// Pages or OpenAPI files, as for `spec import`.
    #[arg(value_name = "PAGE")]
    pages: Vec<PathBuf>,
    /// The day on which the pages were downloaded (YYYY-MM-DD), noted beside fragments that changed; today unless given.
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// Report what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take the documents over even if the facade does not compile or a test fails.
    #[arg(long)]
    accept_broken_build: bool,
    /// Don't run the contract's tests.
    #[arg(long)]
    no_tests: bool,
}

pub(crate) fn run(arguments: &Arguments, layout: &Layout) -> Result<()> {
    let stage = Stage::of(layout)?;
    let (fetched, unreached) = match arguments.pages.is_empty() {
        false => (BTreeMap::new(), Vec::new()),
        true => fetch::all(&layout.tree()?.sources, stage.folder())?,
    };
    let pages: Vec<PathBuf> = arguments.pages.iter().chain(fetched.keys()).cloned().collect();
    let today = || chrono::Local::now().date_naive().to_string();
    let note = Note { date: Some(arguments.date.clone().unwrap_or_else(today)), fetched };
    let outcome = Outcome { unreached, ..update(arguments, layout, &stage, &pages, &note)? };
    write::to_stdout(&report::render(&outcome)?)?;
    if outcome.ending == Ending::Untouched {
        // After a failed build, the code can be repaired only once the documents are in the workspace.
        let is_settled_after = outcome.build.is_some();
        bail!(
            "the workspace is untouched; {}",
            if is_settled_after {
                "run the update again with --accept-broken-build to take the documents over all the same, and mend there \
                 what is listed above"
            } else {
                "settle what is listed above, then run the update again"
            }
        );
    }
    Ok(())
}

fn update(
    arguments: &Arguments,
    layout: &Layout,
    stage: &Stage,
    pages: &[PathBuf],
    note: &Note,
) -> Result<Outcome> {
    let old = layout.tree()?;
    let new = import::checked(&old, pages, note)?;
    let (before, after) = (prepare(layout, &old.fragments)?, prepare(layout, &new.fragments)?);
    let comparison = Comparison::of(&before, &after, &Facade::read(&layout.root)?)?;
    let version = version::proposed(layout, &comparison, &before, &after)?;
    let mut outcome = Outcome {
        unreached: Vec::new(),
        comparison,
        obstacles: Vec::new(),
        build: None,
        version,
        left: Vec::new(),
        ending: Ending::Untouched,
    };
    outcome.left = report::left_to_do(&outcome.comparison, &after);
    if old.fragments == new.fragments && old.sources == new.sources && is_fresh(layout) {
        outcome.ending = Ending::NothingNew;
        return Ok(outcome);
    }
    let Some(files) = rehearse(stage, (&old, &new), &after, &mut outcome)? else { return Ok(outcome) };
    let build = build::run(stage, !arguments.no_tests, !outcome.left.is_empty())?;
    let may_write = build.is_good() || arguments.accept_broken_build;
    outcome.build = Some(build);
    outcome.ending = match (may_write, arguments.dry_run) {
        (false, _) => Ending::Untouched,
        (true, true) => Ending::DryRun,
        (true, false) => {
            let _turn = write::Turn::take(&layout.root)?;
            if let Some(path) = stage.changed(&layout.root)? {
                bail!("{} changed while the update ran: run it again", path.display());
            }
            write::apply(&layout.root, &stage.moved_to(&layout.root, files)?)?;
            Ending::Updated
        }
    };
    Ok(outcome)
}

/// Returns `true` if all derived files are up to date. They are not up to date after only an import.
fn is_fresh(layout: &Layout) -> bool {
    let files = derived::files(layout);
    files.is_ok_and(|files| {
        files.iter().all(|(path, text)| std::fs::read(path).is_ok_and(|now| now == text.as_bytes()))
    })
}

/// Writes the new documents into the copy. Returns the written files, or `None` if the documents can't be derived.
fn rehearse(
    stage: &Stage,
    (old, new): (&Tree, &Tree),
    after: &Prepared,
    outcome: &mut Outcome,
) -> Result<Option<Files>> {
    let layout = stage.layout();
    let mut files = write::of_tree(layout, old, new)?;
    write::apply(&layout.root, &files)?;
    match derived::files(layout) {
        Ok(derived) => {
            files.extend(derived.into_iter().map(|(path, text)| (path, Some(text))));
            write::apply(&layout.root, &files)?;
            Ok(Some(files))
        }
        Err(error) => {
            outcome.obstacles.clone_from(&after.problems);
            let first = format!("{error:#}");
            if outcome.obstacles.is_empty() {
                outcome.obstacles.push(first);
            }
            Ok(None)
        }
    }
}
