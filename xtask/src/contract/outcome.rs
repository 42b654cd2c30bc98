//! How a check ends.

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
    Skipped(String),
}

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
            Err(Stop::Network(reason)) => Self::NetworkFailed { reason },
            Err(Stop::Skipped(reason)) => Self::Skipped { reason },
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
}

impl Report {
    pub(crate) fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.checks.iter().filter(|check| is(&check.outcome)).count()
    }

    /// 0: nothing to see; 1: the contract is broken; 3: a correction is no longer needed; 4: the network failed. The
    /// gravest counts, in the order 1, 4, 3. (2 is for arguments that can't be used.)
    pub(crate) fn exit_status(&self) -> u8 {
        if self.count(|outcome| matches!(outcome, Outcome::Broken { .. })) > 0 {
            1
        } else if self.count(|outcome| matches!(outcome, Outcome::NetworkFailed { .. })) > 0 {
            4
        } else if self.count(|outcome| matches!(outcome, Outcome::CorrectionUnneeded { .. })) > 0 {
            3
        } else {
            0
        }
    }
}
