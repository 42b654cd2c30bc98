//! How a check ends.

use cmp_simulator::Operation;
use serde::Serialize;

/// A difference between the service and the contract. It contains no value of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    pub(crate) operation: String,
    /// A JSON pointer into the response's body, or `status`, `content-type` or `body`. The prefix `request` marks a
    /// pointer into the request.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) came: String,
}

impl Violation {
    /// Returns a text that violations with one cause share. For a status, the text is the status that came.
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
    /// No complete response came.
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

/// Why a check stops early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The violations are in the session.
    Broken,
    Unneeded(String),
    Network(String),
    /// The token endpoint refuses the client id and secret.
    Refused(String),
    Skipped(String),
    /// The user interrupted the run.
    Interrupted,
}

const INTERRUPTED: &str = "the run was interrupted";

pub(crate) type Checked<T = ()> = Result<T, Stop>;

pub(crate) fn skip<T>(reason: impl Into<String>) -> Checked<T> {
    Err(Stop::Skipped(reason.into()))
}

impl Outcome {
    pub(crate) fn of(result: Checked, violations: Vec<Violation>) -> Self {
        // Violations count even if the network fails later, or the check is skipped.
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
    /// Test cards that the run stored, or may have stored, and could not delete.
    pub(crate) left: Vec<String>,
    pub(crate) interrupted: bool,
}

/// A cause of violations, with every check that shows it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) places: Vec<String>,
}

impl Report {
    pub(crate) fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.checks.iter().filter(|check| is(&check.outcome)).count()
    }

    /// Returns the causes of violations, each once, in the order of the checks.
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

    /// Returns 0 if all is well, and 130 if the run was interrupted.
    ///
    /// Otherwise, returns 1 if the contract is broken, and 3 if a correction is not needed. Returns 4 if the network failed
    /// or a test card is left. If several apply, 1 comes before 4, and 4 before 3.
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
