//! Access tokens: where they come from, and the one cache that serves all calls of a client.

mod cache;
mod service_account;

use std::{borrow::Cow, fmt, future::Future, pin::Pin, time::Duration};

pub use cache::AuthState;
pub(crate) use cache::{Token, TokenCache};
pub(crate) use service_account::ClientCredentials;
pub use service_account::ServiceAccount;

use crate::{
    error::{Delivery, Error, ErrorKind, InvalidInput, StopReason},
    secret::BearerToken,
};

/// The future of a [`AccessTokenProvider`].
pub type AccessTokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, AccessTokenError>> + Send + 'a>>;

/// A source of access tokens.
///
/// The client calls [`fetch`](Self::fetch) only when it needs a token. It caches the token, refreshes it early, retries, and
/// pauses after failures.
/// An implementation makes one attempt. `fetch` is called again while a fetch runs in two cases: that fetch takes longer than
/// an attempt may, or another runtime needs a token.
///
/// ```
/// use std::time::Duration;
/// use cmp::auth::{AccessToken, AccessTokenFuture, AccessTokenProvider};
///
/// #[derive(Debug)]
/// struct FromTheSidecar;
///
/// impl AccessTokenProvider for FromTheSidecar {
///     fn fetch(&self) -> AccessTokenFuture<'_> {
///         Box::pin(async {
///             let token = "read from the sidecar".replace(' ', "-");
///             Ok(AccessToken::new(token)?.lifetime(Duration::from_secs(300)))
///         })
///     }
/// }
/// ```
pub trait AccessTokenProvider: fmt::Debug + Send + Sync + 'static {
    /// Gets a new token.
    fn fetch(&self) -> AccessTokenFuture<'_>;
}

/// An access token and how long it lives.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub(crate) value: BearerToken,
    pub(crate) lifetime: Option<Duration>,
}

impl AccessToken {
    /// Takes a token that lives until the service refuses it.
    ///
    /// # Errors
    /// [`InvalidInput`] if it is empty or holds a character that an `Authorization` header can't.
    pub fn new(token: impl Into<String>) -> Result<Self, InvalidInput> {
        let value = BearerToken::from_trusted(token);
        if value.expose().is_empty() || !value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidInput::new("access token", "must be visible ASCII characters"));
        }
        Ok(Self { value, lifetime: None })
    }

    /// Sets how long it lives from now (`expires_in`).
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

/// Why a [`AccessTokenProvider`] gave no token. The message must not hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no access token: {message}")]
pub struct AccessTokenError {
    message: String,
    transient: bool,
    /// Whether it says something about the credentials.
    about_credentials: bool,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
}

impl AccessTokenError {
    /// Trying again may help.
    #[must_use]
    pub fn transient(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            transient: true,
            about_credentials: false,
            status: None,
            retry_after: None,
        }
    }

    /// Trying again will not help: the credentials are wrong.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { about_credentials: true, ..Self::unusable(message) }
    }

    /// Trying again will not help, and the credentials may be right: the endpoint is not to be trusted, or is not one.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self { transient: false, ..Self::transient(message) }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// What went wrong, for `error.type` of OpenTelemetry: one of few values.
    fn telemetry_type(&self) -> Cow<'static, str> {
        match self.status {
            Some(status) => status.to_string().into(),
            None if self.about_credentials => "refused".into(),
            None if self.transient => "unavailable".into(),
            None => "unusable".into(),
        }
    }

    /// The same, said again while nothing is fetched for so long.
    fn again_after(self, left: Duration) -> Self {
        Self { retry_after: Some(left), ..self }
    }

    pub(crate) fn into_error(self) -> Error {
        Error::new(ErrorKind::Authentication, Delivery::NotSent, self.to_string())
            .with_status(self.status)
            .with_retry_after(self.retry_after)
            .with_stop_reason((!self.transient).then_some(StopReason::NotTransient))
            .with_refused_credentials(self.about_credentials)
    }
}

impl From<InvalidInput> for AccessTokenError {
    fn from(refused: InvalidInput) -> Self {
        Self::unusable(refused.to_string())
    }
}

/// The provider of one token that was made elsewhere.
#[derive(Debug)]
pub(crate) struct StaticToken(pub(crate) AccessToken);

impl AccessTokenProvider for StaticToken {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
