//! The checks, as data: the name of each check, the simulator's settings for it, and its steps.

mod behaviour;
mod corrections;
mod examples;
mod requests;
mod statuses;
mod v1;

use cmp_simulator::Settings;
pub(crate) use corrections::{PROBES, Probe};
pub(crate) use examples::EXAMPLES;

use super::{
    contract::{Contract, Corrections},
    outcome::Checked,
    session::{Session, Written, as_it_is},
};

enum What {
    Status(cmp_simulator::provoke::Row),
    Written(&'static Written),
    Example(&'static examples::Example),
    Correction(String),
    /// An operation that is new in the contract, as method and path.
    New(String, String),
}

pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) group: &'static str,
    pub(crate) set_up: fn(&mut Settings),
    what: What,
}

/// Returns every check, in the order in which they run.
pub(crate) fn all(contract: &Contract, corrections: &Corrections) -> Vec<Check> {
    let statuses = statuses::rows().map(|row| Check {
        name: format!("{}/{}", row.operation, row.status),
        group: "statuses",
        set_up: statuses::set_up(row),
        what: What::Status(row),
    });
    let written = |group: &'static str, table: &'static [Written]| {
        table.iter().map(move |check| Check {
            name: check.name.to_owned(),
            group,
            set_up: check.set_up,
            what: What::Written(check),
        })
    };
    let examples = EXAMPLES.iter().map(|example| Check {
        name: format!("example/{}", example.file),
        group: "examples",
        set_up: example.set_up,
        what: What::Example(example),
    });
    let corrections = corrections.names().map(|name| Check {
        name: format!("correction/{name}"),
        group: "corrections",
        set_up: corrections::set_up(name),
        what: What::Correction(name.to_owned()),
    });
    let new = contract.unknown_operations().into_iter().map(|(method, path)| Check {
        name: format!("new/{method} {path}"),
        group: "new operations",
        set_up: as_it_is,
        what: What::New(method, path),
    });
    statuses
        .chain(written("behaviour", behaviour::TABLE))
        .chain(written("requests", requests::TABLE))
        .chain(examples)
        .chain(corrections)
        .chain(new)
        .collect()
}

impl Check {
    pub(crate) async fn run(&self, session: &mut Session<'_>, corrections: &Corrections) -> Checked {
        match &self.what {
            What::Status(row) => statuses::check(session, *row).await,
            What::Written(check) => (check.run)(session).await,
            What::Example(example) => example.check(session).await,
            What::New(method, path) => session.try_unauthorized(method, path).await,
            What::Correction(name) => corrections::check(session, name, corrections).await,
        }
    }
}
