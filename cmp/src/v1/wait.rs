use std::time::Duration;

use super::{NetworkToken, PanAlias, client};
use crate::{
    call::{Core, Operation},
    error::{Delivery, Error, ErrorKind, Result},
    network_tokens::{NoUsableToken, TokenState},
};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// With less time left than this, another look is not worth a request.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// How an enrolment ended.
#[derive(Debug, Clone)]
#[must_use = "an enrolment can fail"]
pub enum FinalState {
    /// The network token can be used.
    Active(NetworkToken),
    /// It can't be used: it failed, or was deleted or suspended meanwhile. Its state tells which.
    NotActive(NetworkToken),
}

impl FinalState {
    /// The active token, or why there is none.
    ///
    /// # Errors
    /// [`NoUsableToken::NotUsable`] with the token's state. V1 gives no reason code.
    pub fn active(self) -> Result<NetworkToken, NoUsableToken> {
        match self {
            Self::Active(token) => Ok(token),
            Self::NotActive(token) => {
                Err(NoUsableToken::NotUsable { state: token.state().clone(), reason_code: None })
            }
        }
    }

    /// The token, whatever its state.
    #[must_use]
    pub fn token(&self) -> &NetworkToken {
        match self {
            Self::Active(token) | Self::NotActive(token) => token,
        }
    }

    /// The documents name no state of a token that is not there yet, so that every state they do name is an end.
    fn of(token: NetworkToken) -> Option<Self> {
        match token.state() {
            TokenState::Active => Some(Self::Active(token)),
            TokenState::Other(_) => None,
            _ => Some(Self::NotActive(token)),
        }
    }
}

pub(super) async fn for_final_state(core: &Core, alias: &PanAlias, deadline: Duration) -> Result<FinalState> {
    let end = core.clock.now() + deadline;
    let mut bound = FIRST_WAIT;
    loop {
        let failure = match client::get(&core.until(end), alias).await {
            Ok(token) => match FinalState::of(token) {
                Some(end) => return Ok(end),
                None => None,
            },
            Err(error) if error.is_retryable() => Some(error),
            Err(error) => return Err(error),
        };
        let left = end.saturating_duration_since(core.clock.now());
        let asked = failure.as_ref().and_then(Error::retry_after).unwrap_or_default();
        // Half of what is left at most, so that the last look comes before the deadline and not at it.
        let wait = bound.mul_f64(0.5 + core.jitter.next() / 2.0).min(left / 2);
        if wait < SHORTEST_WAIT || asked >= left {
            return Err(failure.unwrap_or_else(still_waiting));
        }
        core.clock.sleep(wait.max(asked)).await;
        bound = (bound * 2).min(LONGEST_WAIT);
    }
}

fn still_waiting() -> Error {
    Error::new(ErrorKind::Timeout, Delivery::Answered, "the enrolment has not come to its end in time")
        .for_operation(Operation::GetV1NetworkToken)
}
