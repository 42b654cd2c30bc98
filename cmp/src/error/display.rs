//! What an error says to a person: one line, and what to do.

use std::fmt;

use super::{Delivery, Error, ErrorDetail, ErrorKind, NoNetworkToken};
use crate::operation::RetryClass;

impl Error {
    /// What to do, in a sentence for a person: where the outcome is unknown, a scope may be missing, or the card has no
    /// active network token.
    #[must_use]
    pub fn next_step(&self) -> Option<&'static str> {
        match (self.0.delivery, self.0.operation) {
            (Delivery::OutcomeUnknown, Some(operation)) => Some(operation.when_unknown()),
            _ if self.is_forbidden() => Some(
                "see that the service account has the scope that `missing_scope` names; if it has, the service refuses \
                 this card or account, which VGS support can explain",
            ),
            _ if self.missing_scope().is_some() => {
                Some("give the service account the scope that `missing_scope` names")
            }
            _ if self.is_without_active_token() => {
                Some(self.no_network_token().map_or(WHEN_THE_REASON_IS_UNKNOWN, NoNetworkToken::next_step))
            }
            _ => None,
        }
    }

    fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = self.no_network_token() {
            write!(f, "; {reason}")?;
        } else if self.is_for_unread_reason() {
            f.write_str("; the reason could not be read, which takes the scope cards:read")?;
        }
        match self.missing_scope() {
            Some(scope) if self.is_forbidden() => {
                write!(
                    f,
                    "; the service account may lack the scope {scope}, or this card or account is refused"
                )
            }
            Some(scope) => write!(f, "; it needs the scope {scope}"),
            None => Ok(()),
        }
    }

    fn write_delivery(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = self.0.operation.is_some_and(|operation| operation.retry_class() == RetryClass::Safe);
        match self.0.delivery {
            Delivery::OutcomeUnknown if reads => f.write_str("; nothing was changed"),
            Delivery::OutcomeUnknown => f.write_str("; the outcome is unknown"),
            Delivery::NotSent | Delivery::Answered => Ok(()),
        }
    }
}

const WHEN_THE_REASON_IS_UNKNOWN: &str =
    "get the card, which takes the scope `cards:read`: it says why, by its network token or by having none";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{}: ", operation.name())?;
        }
        f.write_str(&inner.message)?;
        match inner.status {
            Some(status) if inner.kind == ErrorKind::Service => write!(f, " {status}")?,
            // The message says what the token endpoint answered.
            Some(_) if inner.kind == ErrorKind::Authentication => {}
            Some(status) => write!(f, " (status {status})")?,
            None => {}
        }
        if let Some(code) = &inner.code {
            write!(f, " {code}")?;
        }
        if let Some(path) = inner.details.iter().find_map(ErrorDetail::path) {
            write!(f, " at {path}")?;
        }
        self.write_advice(f)?;
        self.write_delivery(f)?;
        if inner.attempts > 1 {
            write!(f, "; {} attempts", inner.attempts)?;
        }
        if let Some(trace_id) = &inner.trace_id {
            write!(f, "; trace {trace_id}")?;
        }
        Ok(())
    }
}
