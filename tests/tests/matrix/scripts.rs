//! Random scripts of faults, one for each request in turn, under random policies. The client's report must agree with the
//! simulator's record, and its requests with the policy.
//!
//! `PROPTEST_CASES=5000` runs more of them. A failure prints the script that is left after shrinking, and the line that
//! reproduces it goes into `scripts.proptest-regressions` beside this file.

use std::time::Duration;

use cmp::{Delivery, operation::RetryClass};
use cmp_simulator::{Operation as Simulated, Protocol};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::runtime::Runtime;

use super::{
    Outcome, Place,
    faults::{self, Case},
    place::{Patience, TIMEOUT},
};

const CASES: u32 = 60;
/// The tokens of the budget that a retry takes
const COST_OF_A_RETRY: u32 = 5;
/// A card is read twice where it may have network tokens that did not come.
const REQUESTS_OF_A_CALL: u32 = 2;

#[derive(Debug, Clone)]
struct Script {
    operation: Simulated,
    /// Numbers of cases
    faults: Vec<usize>,
    patience: Patience,
}

fn scripts(cases: usize) -> impl Strategy<Value = Script> {
    let operations: Vec<_> = Simulated::ALL.into_iter().collect();
    let patience = (1..6_u32, prop_oneof![0..40_u32, Just(1_000_000)], 1..90_u32, 0.0..=1.0);
    let patience = patience.prop_map(|(attempts, budget, timeouts, jitter)| Patience {
        attempts,
        budget,
        deadline: TIMEOUT * timeouts,
        jitter,
    });
    (prop::sample::select(operations), prop::collection::vec(0..cases, 0..6), patience)
        .prop_map(|(operation, faults, patience)| Script { operation, faults, patience })
}

pub(crate) fn run(protocol: Protocol) {
    let runtime = Runtime::new().expect("a runtime");
    let cases = faults::with_lies();
    let config = Config { cases: CASES, max_shrink_iters: 200, ..Config::with_source_file(file!()) };
    // `PROPTEST_CASES` counts, if it is set.
    let config = if std::env::var_os("PROPTEST_CASES").is_some() {
        Config { cases: Config::default().cases, ..config }
    } else {
        config
    };
    let played = TestRunner::new(config).run(&scripts(cases.len()), |script| {
        let faults: Vec<&Case> = script.faults.iter().map(|number| &cases[*number]).collect();
        let (outcome, took) = runtime.block_on(async {
            let place = Place::with(protocol, script.operation, &script.patience).await;
            place.play(&faults).await
        });
        let broken = check(protocol, &script, &faults, &outcome, took);
        let faults: Vec<_> = faults.iter().map(|case| serde_json::json!(case.fault).to_string()).collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("{broken:?}; {faults:?}; {}; in {took:?}", outcome.describe())))
    });
    if let Err(failure) = played {
        panic!("{protocol:?}: {failure}");
    }
}

fn check(
    protocol: Protocol,
    script: &Script,
    faults: &[&Case],
    outcome: &Outcome,
    took: Duration,
) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let mut hold = |is_so: bool, rule: &'static str| {
        if !is_so {
            broken.push(rule);
        }
    };
    let Outcome { received, carried_out, .. } = *outcome;
    let Patience { attempts, budget, deadline, .. } = script.patience;
    let class = outcome.operation.retry_class();
    let lies = u32::try_from(faults.iter().filter(|case| case.lies).count()).expect("few");
    let requests = if class == RetryClass::Safe { REQUESTS_OF_A_CALL } else { 1 };
    // With one replay after a 401.
    hold(received <= requests * (attempts + 1), "more requests than the policy allows");
    hold(received <= requests * 2 + budget / COST_OF_A_RETRY, "more retries than the budget allows");
    // Where something hangs, the clock moves by a whole time-out.
    let late = if faults.iter().any(|case| case.hangs) { TIMEOUT } else { Duration::ZERO };
    hold(took <= deadline + late, "the call outlasts its deadline");
    if class == RetryClass::Unsafe {
        hold(carried_out <= 1 + lies, "an unsafe operation took effect twice");
    }
    let Some(error) = &outcome.error else {
        let is_true = faults.iter().all(|case| case.is_true_answer);
        hold(carried_out >= 1 || !is_true, "it succeeded, and nothing was carried out");
        return broken;
    };
    hold(received <= error.attempts(), "more requests at the server than attempts()");
    let loses_requests = faults.iter().any(|case| case.hangs || case.leaves_a_dead_connection);
    let is_counted = script.operation != Simulated::Token && error.delivery() != Delivery::NotSent;
    if is_counted && !loses_requests {
        hold(received == error.attempts(), "attempts() counts requests that the server did not get");
    }
    if error.delivery() == Delivery::NotSent {
        hold(received == 0, "NotSent, and a request reached the server");
    }
    if script.operation != Simulated::Token && !loses_requests {
        hold(received > 0 || error.delivery() == Delivery::NotSent, "nothing was sent, and not NotSent");
        if received > 0 && carried_out == 0 && faults.iter().all(|case| case.says_nothing_happened(protocol))
        {
            hold(
                error.delivery() == Delivery::Answered,
                "it is sure that nothing happened, and not Answered",
            );
        }
    }
    let is_settled = lies > 0 || faults.iter().any(|case| case.settles);
    if carried_out > 0 && class != RetryClass::Safe && !is_settled {
        hold(error.delivery() == Delivery::OutcomeUnknown, "carried out, and not OutcomeUnknown");
    }
    broken
}
