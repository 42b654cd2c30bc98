//! Proves the checks with mutations of the simulator.
//!
//! The checks must find each mutation and name it correctly. They must find nothing on the unbroken simulator, behind a
//! proxy that changes nothing.

mod proxy;
mod table;

use std::thread;

use cmp_simulator::{Operation, Settings};
use proxy::Break;
use table::{Mutation, TABLE};

use super::{
    contract::{Contract, Corrections},
    outcome::{Finished, Outcome, Report},
    report,
    run::Run,
    runner::{Runner, Watch},
    target::{Place, Target, simulated},
};

struct Checked {
    contract: Contract,
    corrections: Corrections,
}

impl Checked {
    fn read() -> Self {
        let layout = &crate::spec::files::Layout::of_tests();
        Self { contract: Contract::read(layout).unwrap(), corrections: Corrections::read(layout).unwrap() }
    }

    fn report(&self, how: Break, only: Option<&str>) -> Report {
        let target = Target::Simulator(Box::new(move |settings| Box::pin(behind_proxy(settings, how))));
        let run = Run::undisturbed();
        let runner =
            Runner { target: &target, contract: &self.contract, corrections: &self.corrections, run: &run };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(runner.all(only, &mut Unwatched)).unwrap()
    }
}

struct Unwatched;

impl Watch for Unwatched {
    fn begins(&mut self, _: &str, _: usize, _: usize) {}

    fn ended(&mut self, _: &Finished, _: usize, _: usize) {}
}

async fn behind_proxy(settings: Settings, how: Break) -> anyhow::Result<Place> {
    let place = simulated(settings).await?;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        place.client_id, place.client_secret
    );
    let front = proxy::start(place.base_url.clone(), form, how).await;
    Ok(Place { token_url: place.token_url.replace(&place.base_url, &front), base_url: front, ..place })
}

fn not_passed(report: &Report) -> Vec<String> {
    let checks = report.checks.iter().filter(|check| check.outcome != Outcome::Passed);
    checks.map(|check| format!("{}: {:?}", check.check, check.outcome)).collect()
}

#[test]
fn there_is_nothing_to_find_on_the_unbroken_simulator() {
    let report = Checked::read().report(Break::Nothing, None);
    assert_eq!(not_passed(&report), [""; 0]);
    assert_eq!(report.exit_status(), 0);
    assert!(report.checks.len() > 100, "{}", report.checks.len());
}

#[test]
fn every_mutation_is_found_and_named() {
    let checked = Checked::read();
    let failures: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = TABLE.iter().map(|mutation| scope.spawn(|| missed(&checked, mutation))).collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });
    assert!(TABLE.len() >= 20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_is_not_broken_is_not_called_found() {
    let (checked, mutation) = (Checked::read(), &TABLE[0]);
    let elsewhere = Mutation { how: TABLE[1].how, name: "another", ..*mutation };
    for unfound in [Mutation { how: Break::Nothing, name: "none", ..*mutation }, elsewhere] {
        assert!(missed(&checked, &unfound).is_some(), "{}", unfound.name);
    }
}

/// Returns the problem, if the checks do not report the mutation as they must.
fn missed(checked: &Checked, mutation: &Mutation) -> Option<String> {
    // Each check has a session of its own, so other checks can't change the result of this one.
    let report = checked.report(mutation.how, Some(mutation.check));
    let (operation, path, word) = mutation.says;
    let outcome = report.checks.iter().find(|done| done.check == mutation.check).map(|done| &done.outcome);
    let named = match outcome {
        Some(Outcome::Broken { violations }) => violations.iter().any(|violation| {
            violation.operation == operation
                && violation.path == path
                && (violation.expected.contains(word) || violation.came.contains(word))
        }),
        _ => false,
    };
    let written =
        [report::json, report::junit, report::markdown].map(|render| render(&report).unwrap()).concat();
    match (named, report.exit_status()) {
        (true, 1) if !written.contains("5100260000019206") => None,
        (true, 1) => Some(format!("{}: a report shows the card number", mutation.name)),
        (_, status) => Some(format!("{}: exit status {status}, and {outcome:?}", mutation.name)),
    }
}

#[test]
fn a_broken_connection_is_no_broken_contract() {
    let report = Checked::read().report(Break::Drop(Operation::GetCard), Some("get_card/200"));
    assert!(matches!(report.checks[0].outcome, Outcome::NetworkFailed { .. }), "{:?}", report.checks[0]);
    assert_eq!(report.exit_status(), 4);
}
