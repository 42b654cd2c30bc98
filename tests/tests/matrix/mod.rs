//! The cases, and what must hold in each of them.

mod faults;
mod log;
mod place;
mod scripts;

use cmp::{
    Delivery, Error,
    operation::{Operation, RetryClass},
};
use cmp_simulator::{Operation as Simulated, Protocol};
use futures_util::future::join_all;

use faults::Case;
pub(crate) use place::Place;
pub(crate) use scripts::run as run_scripts;
use workspace_tests::marks::{MARKS, Search, found};

/// What a failed call never says, beside the marked secrets.
const FOREIGN: [&str; 3] = [faults::FOREIGN_TEXT, "Bearer ", "authorization"];

/// The attempts of a call, with the replay after a 401.
const MOST_ATTEMPTS: u32 = place::ATTEMPTS + 1;

pub(crate) async fn run(protocol: Protocol) {
    log::keep();
    let operations = Simulated::ALL.into_iter();
    let broken: Vec<String> =
        join_all(operations.map(|operation| row(protocol, operation))).await.into_iter().flatten().collect();
    let logged = log::kept();
    assert!(logged.contains("create_card"), "nothing is logged");
    for text in FOREIGN {
        assert!(!logged.contains(text), "{text} is in the log");
    }
    Search::of(&MARKS).assert_none(&logged, "the log");
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

/// One operation and every fault, on one client: a fault must not spoil what comes after it.
async fn row(protocol: Protocol, operation: Simulated) -> Vec<String> {
    let mut broken = Vec::new();
    let mut place = Place::new(protocol, operation).await;
    for case in faults::all() {
        for times in [Some(1), None] {
            let name = format!(
                "{protocol:?} {operation} {} {}",
                serde_json::json!(case.fault),
                times.map_or("for ever", |_| "once")
            );
            let outcome = place.meet(&case, times).await;
            broken.extend(
                check(protocol, operation, &case, times.is_some(), &outcome)
                    .into_iter()
                    .map(|wrong| format!("{name}: {wrong}; {}", outcome.describe())),
            );
        }
    }
    broken
}

/// What a call ended with, and what the simulator saw of it.
pub(crate) struct Outcome {
    pub(crate) error: Option<Error>,
    /// How the preparation of the call failed: the fault before it has spoilt the client
    pub(crate) unprepared: Option<String>,
    pub(crate) received: u32,
    pub(crate) carried_out: u32,
    pub(crate) operation: Operation,
}

impl Outcome {
    fn describe(&self) -> String {
        if let Some(error) = &self.unprepared {
            return error.clone();
        }
        let error = match &self.error {
            Some(error) => format!("{error} [{:?}, {} attempts]", error.delivery(), error.attempts()),
            None => "it succeeded".to_owned(),
        };
        format!("{} received, {} carried out, {error}", self.received, self.carried_out)
    }
}

fn check(
    protocol: Protocol,
    operation: Simulated,
    case: &Case,
    is_once: bool,
    outcome: &Outcome,
) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let mut hold = |is_so: bool, rule: &'static str| {
        if !is_so {
            broken.push(rule);
        }
    };
    let Outcome { received, carried_out, .. } = *outcome;
    let class = outcome.operation.retry_class();
    hold(outcome.unprepared.is_none(), "the client does not recover");
    hold(received <= MOST_ATTEMPTS, "more requests than the policy allows");
    if class == RetryClass::Unsafe {
        hold(carried_out <= 1, "an unsafe operation took effect twice");
    }
    match &outcome.error {
        Some(error) => {
            hold(received <= error.attempts(), "more requests at the server than attempts()");
            if error.delivery() == Delivery::NotSent {
                hold(received == 0, "NotSent, and a request reached the server");
            }
            if carried_out > 0 && class != RetryClass::Safe && !case.lies {
                hold(error.delivery() == Delivery::OutcomeUnknown, "carried out, and not OutcomeUnknown");
            }
            let shown = everything(error);
            let is_clean =
                !FOREIGN.iter().any(|text| shown.contains(text)) && found(&shown, &MARKS).is_empty();
            hold(is_clean, "the error shows what it must not");
        }
        None => hold(carried_out >= 1 || !case.is_true_answer, "it succeeded, and nothing was carried out"),
    }
    if is_once && operation != Simulated::Token {
        let is_settled = match class {
            RetryClass::Unsafe => case.says_nothing_happened(protocol),
            _ => case.is_transient,
        };
        if is_settled {
            hold(outcome.error.is_none(), "a retry would have settled it");
        }
    }
    broken
}

/// All texts of an error and its sources.
fn everything(error: &Error) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        shown += &format!(" {error} {error:?}");
        source = error.source();
    }
    shown
}
