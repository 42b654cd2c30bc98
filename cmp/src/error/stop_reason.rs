use std::fmt;

/// Why a call was not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Trying again would not help.
    NotTransient,
    /// The request may have taken effect, and repeating it may do harm.
    MayHaveTakenEffect,
    /// The policy's attempts are used up.
    AttemptsExhausted,
    /// The client's retry budget is used up: too many calls are failing.
    BudgetExhausted,
    /// The service asked for a longer wait than the policy allows.
    RetryAfterTooLong,
    /// The deadline has passed, or would pass during the wait.
    DeadlineTooClose,
}

/// As the end of a sentence.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTransient => "trying again would not help",
            Self::MayHaveTakenEffect => "the request may have taken effect, and repeating it may do harm",
            Self::AttemptsExhausted => "the policy's attempts are used up",
            Self::BudgetExhausted => "the client's retry budget is used up",
            Self::RetryAfterTooLong => "the service asked for a longer wait than the policy allows",
            Self::DeadlineTooClose => "the deadline has passed, or would pass during the wait",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reason_completes_a_sentence() {
        let text = format!("not tried again: {}", StopReason::AttemptsExhausted);
        assert_eq!(text, "not tried again: the policy's attempts are used up");
    }
}
