use std::time::Duration;

/// An error that says why a webhook is not accepted. No message repeats anything of the body or of the signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The request has no signature header.
    #[error("the request has no signature header")]
    NoSignature,
    /// The signature header can't be read.
    #[error("the signature header {rule}")]
    MalformedSignature {
        /// What is wrong with the header.
        rule: &'static str,
    },
    /// No signature in the header fits the body and one of the secrets.
    #[error("no signature fits the body")]
    WrongSignature,
    /// The signature is right, but older than the tolerance: the request is late or replayed.
    #[error("the webhook was signed {} s ago, which is too long", .age.as_secs())]
    TooOld {
        /// The time since it was signed, in whole seconds.
        age: Duration,
    },
    /// The signature is right, but further in the future than the tolerance: one of the clocks is wrong.
    #[error("the webhook was signed {} s in the future", .ahead.as_secs())]
    TooNew {
        /// The time from now to the signed time, in whole seconds.
        ahead: Duration,
    },
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not JSON, at line {line} column {column}")]
    NotJson {
        /// The line of the first mistake, from 1.
        line: usize,
        /// The column of the first mistake.
        column: usize,
    },
    /// The body is JSON, but not an event.
    #[error("the body is not an event: {rule}")]
    NotAnEvent {
        /// What is wrong with the body.
        rule: &'static str,
    },
}

impl WebhookError {
    /// Returns `true` if the sender could not be verified: answer 401 and do nothing. Otherwise the body is at fault:
    /// answer 400.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        matches!(
            self,
            Self::NoSignature
                | Self::MalformedSignature { .. }
                | Self::WrongSignature
                | Self::TooOld { .. }
                | Self::TooNew { .. }
        )
    }

    pub(super) fn malformed(rule: &'static str) -> Self {
        Self::MalformedSignature { rule }
    }
}
