//! Reports what a change of the contract means for callers, for readers, and for the Rust items of this workspace.
//!
//! This module walks the documents itself. `drift` 0.2 yields "Unhandled" for every new member, enum value, limit and
//! requiredness of the lowered documents (tried on them). Also, the lowered documents no longer have media types,
//! statuses or security.
//!
//! A change has oasdiff's id if oasdiff has one. Other ids are formed like oasdiff's. A webhook is judged like a
//! response: the service sends it, and users read it.
//!
//! `equal` decides whether two contracts mean the same. `compare` has the rules. It reports a difference without a rule
//! as changed, not classified. So contracts that are not equal always have a change.

pub(crate) mod change;
pub(crate) mod compare;
pub(crate) mod comparison;
mod equal;
pub(crate) mod items;
pub(crate) mod prepare;
pub(crate) mod report;
mod source;

use anyhow::Result;
use change::Level;
use clap::{Args, ValueEnum};
use comparison::Comparison;
pub(crate) use items::Facade;
use report::Format;

use crate::spec::{files::Layout, write};

/// Arguments of `spec diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "The exit status says what the heaviest change is: 0 none, or lighter than --fail-on; \
                        10 documentation; 20 additive; 25 changed, not classified: no rule knows what it means; \
                        30 breaking. 1 and 2 are errors."
)]
pub struct Arguments {
    /// The old contract: an OpenAPI file, a folder of fragments or pages, a page, or a git revision (`rev:NAME` to be sure).
    old: String,
    /// The new contract, given in the same ways. A page is laid over the fragments of this workspace.
    new: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The lightest change that gives an exit status other than 0.
    #[arg(long, value_enum, default_value = "additive")]
    fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Breaking changes, and changes that no rule classifies, since they may break.
    Breaking,
    Additive,
    /// Changes of the documentation too.
    Any,
}

/// Compares the contracts, prints the report, and ends the process with the status that the arguments ask for.
pub(crate) fn run(arguments: &Arguments, layout: &Layout) -> Result<()> {
    let (old, new) = (source::load(layout, &arguments.old)?, source::load(layout, &arguments.new)?);
    let comparison = Comparison::of(&old, &new, &Facade::read(&layout.root)?)?;
    write::to_stdout(&report::render(&comparison, arguments.format)?)?;
    match status(comparison.level(), arguments.fail_on) {
        0 => Ok(()),
        status => std::process::exit(status),
    }
}

fn status(level: Option<Level>, fail_on: FailOn) -> i32 {
    let least = match fail_on {
        FailOn::Breaking => Level::Unclassified,
        FailOn::Additive => Level::Additive,
        FailOn::Any => Level::Documentation,
    };
    match level {
        Some(level) if level >= least => match level {
            Level::Documentation => 10,
            Level::Additive => 20,
            Level::Unclassified => 25,
            Level::Breaking => 30,
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_that_of_the_heaviest_change_unless_it_is_too_light() {
        assert_eq!(status(None, FailOn::Any), 0);
        assert_eq!(status(Some(Level::Documentation), FailOn::Any), 10);
        assert_eq!(status(Some(Level::Documentation), FailOn::Additive), 0);
        assert_eq!(status(Some(Level::Additive), FailOn::Additive), 20);
        assert_eq!(status(Some(Level::Additive), FailOn::Breaking), 0);
        assert_eq!(status(Some(Level::Unclassified), FailOn::Additive), 25);
        assert_eq!(status(Some(Level::Unclassified), FailOn::Breaking), 25);
        assert_eq!(status(Some(Level::Breaking), FailOn::Breaking), 30);
    }
}
