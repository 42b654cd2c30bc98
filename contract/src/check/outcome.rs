//! How a check ends.

use cmp_simulator::Operation;
use serde::Serialize;

/// One disagreement between the service and the contract. No value of an answer is ever in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    pub(crate) operation: String,
    /// A JSON pointer into the answer's body, or `status`, `content-type`, `body`; after `request` one into the request.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) came: String,
}

impl Violation {
    /// What it has in common with others of one cause: of a status, the one that came, whatever was asked for.
    fn cause(&self) -> String {
        let Self { path, expected, came, .. } = self;
        if path == "status" {
            format!("status: came {came}")
        } else {
            format!("{path}: expected {expected}; came {came}")
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Passed,
    /// The service broke the contract.
    Broken {
        violations: Vec<Violation>,
    },
    /// The documents, or the service, no longer need the correction.
    CorrectionUnneeded {
        reason: String,
    },
    /// No whole answer came.
    NetworkFailed {
        reason: String,
    },
    Skipped {
        reason: String,
    },
}

impl Outcome {
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Broken { .. } => "BROKEN",
            Self::CorrectionUnneeded { .. } => "unneeded",
            Self::NetworkFailed { .. } => "NETWORK",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// Why a check ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The violations are in the session.
    Broken,
    Unneeded(String),
    Network(String),
    /// The token endpoint knows the client id and secret not, or not together.
    Refused(String),
    Skipped(String),
    /// Somebody wants the run to stop.
    Interrupted,
}

const INTERRUPTED: &str = "the run was interrupted";

pub(crate) type Checked<T = ()> = Result<T, Stop>;

pub(crate) fn skip<T>(reason: impl Into<String>) -> Checked<T> {
    Err(Stop::Skipped(reason.into()))
}

impl Outcome {
    pub(crate) fn of(result: Checked, violations: Vec<Violation>) -> Self {
        // What was found before the network failed, or before a check had to be skipped, was found all the same.
        match result {
            _ if !violations.is_empty() => Self::Broken { violations },
            Ok(()) => Self::Passed,
            Err(Stop::Broken) => Self::Broken { violations },
            Err(Stop::Unneeded(reason)) => Self::CorrectionUnneeded { reason },
            Err(Stop::Network(reason) | Stop::Refused(reason)) => Self::NetworkFailed { reason },
            Err(Stop::Skipped(reason)) => Self::Skipped { reason },
            Err(Stop::Interrupted) => Self::Skipped { reason: INTERRUPTED.to_owned() },
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finished {
    pub(crate) check: String,
    pub(crate) group: &'static str,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    pub(crate) milliseconds: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) target: String,
    pub(crate) document: String,
    pub(crate) checks: Vec<Finished>,
    /// Test cards that the run stored, or may have, and could not delete.
    pub(crate) left: Vec<String>,
    pub(crate) interrupted: bool,
}

/// One cause, and every check that it shows in.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) places: Vec<String>,
}

impl Report {
    pub(crate) fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.checks.iter().filter(|check| is(&check.outcome)).count()
    }

    /// What is wrong, each cause once, in the order in which they showed.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut found =
            |what: String, place: String| match findings.iter_mut().find(|finding| finding.what == what) {
                Some(finding) if finding.places.contains(&place) => {}
                Some(finding) => finding.places.push(place),
                None => findings.push(Finding { what, places: vec![place] }),
            };
        for Finished { check, outcome, .. } in &self.checks {
            match outcome {
                Outcome::Broken { violations } => {
                    for violation in violations {
                        found(violation.cause(), format!("{check} ({})", violation.operation));
                    }
                }
                Outcome::NetworkFailed { reason } => {
                    let (operation, cause) = reason.split_once(": ").unwrap_or(("", reason));
                    let is_named = Operation::ALL.into_iter().any(|known| known.name() == operation);
                    found(if is_named { cause } else { reason }.to_owned(), check.clone());
                }
                _ => {}
            }
        }
        findings
    }

    /// 0: nothing to see; 1: the contract is broken; 3: a correction is no longer needed; 4: the network failed, or a test
    /// card is left. The gravest counts, in the order 1, 4, 3. (2 is for what can't be run.) 130: interrupted.
    pub(crate) fn exit_status(&self) -> u8 {
        if self.interrupted {
            130
        } else if self.count(|outcome| matches!(outcome, Outcome::Broken { .. })) > 0 {
            1
        } else if self.count(|outcome| matches!(outcome, Outcome::NetworkFailed { .. })) > 0
            || !self.left.is_empty()
        {
            4
        } else if self.count(|outcome| matches!(outcome, Outcome::CorrectionUnneeded { .. })) > 0 {
            3
        } else {
            0
        }
    }
}
