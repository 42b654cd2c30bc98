use super::NetworkToken;
use crate::{
    error::{NoNetworkToken, Result},
    value::NetworkTokenState,
    wait::not_yet,
};

/// How an enrollment ended.
#[derive(Debug, Clone)]
#[must_use = "an enrollment can fail"]
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
    /// [`NoNetworkToken::NotUsable`] with the token's state. V1 gives no reason code.
    pub fn active(self) -> Result<NetworkToken, NoNetworkToken> {
        match self {
            Self::Active(token) => Ok(token),
            Self::NotActive(token) => {
                Err(NoNetworkToken::NotUsable { state: token.state().clone(), reason_code: None })
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
    pub(super) fn of(token: NetworkToken) -> Result<Self> {
        match token.state() {
            NetworkTokenState::Active => Ok(Self::Active(token)),
            NetworkTokenState::Other(_) => Err(not_yet("the enrollment has not come to its end in time")),
            _ => Ok(Self::NotActive(token)),
        }
    }
}
