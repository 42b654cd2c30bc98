use std::{fmt, sync::Arc, time::Instant};

use cmp_generated::hooks::MediaType;
use reqwest::header::HeaderMap;

use crate::{
    auth::{AccessTokenError, Token, TokenCache},
    cards::Lookups,
    clock::{Clock, Jitter, after},
    drift::Watch,
    error::{Error, Result},
    http::Http,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy, Throttle},
};

/// An answer of the service without its body, as [`Client::on_answer`](crate::Client::on_answer) sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct AnswerHead<'a> {
    /// The operation that was answered.
    pub operation: Operation,
    /// 1 for the first attempt of a request, 2 for the second, …
    pub attempt: u32,
    /// The HTTP status.
    pub status: u16,
    /// The headers. They are the peer's text and may repeat what was sent.
    pub headers: &'a HeaderMap,
}

#[derive(Clone)]
pub(crate) struct OnAnswer(pub(crate) Arc<dyn Fn(&AnswerHead<'_>) + Send + Sync>);

impl fmt::Debug for OnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAnswer")
    }
}

/// What every call of a client shares.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub(crate) media_type: MediaType,
    pub(crate) http: Http,
    /// Makes the generated client's requests; [`http`](Self::http) sends them.
    pub(crate) request_builder: reqwest::Client,
    pub(crate) base_url: String,
    pub(crate) server_address: String,
    pub(crate) server_port: u16,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) auth: TokenCache,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Jitter,
    pub(crate) policy: RetryPolicy,
    pub(crate) budget: RetryBudget,
    pub(crate) throttle: Throttle,
    pub(crate) largest_answer: usize,
    pub(crate) drift: Option<Arc<Watch>>,
    pub(crate) on_answer: Option<OnAnswer>,
    /// What the client has learnt about included resources.
    pub(crate) lookups: Arc<Lookups>,
}

/// Why an attempt failed, and whether trying again could help.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) transient: bool,
}

impl Core {
    /// When a call that starts now has to end.
    pub(super) fn deadline(&self) -> Instant {
        after(self.clock.now(), self.policy.time_for_the_call())
    }

    /// Gets an access token now, so that the first call doesn't wait for it.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        self.token_before(self.deadline()).await.map(drop).map_err(|failure| failure.error)
    }

    /// Returns a token to use now. Waiting for it is limited like an attempt, and fetches nothing once `deadline` has
    /// passed.
    pub(super) async fn token_before(&self, deadline: Instant) -> std::result::Result<Arc<Token>, Failure> {
        let now = self.clock.now();
        let out_of_time = || Failure { error: Error::out_of_time_for_a_token(), transient: true };
        if now >= deadline {
            return Err(out_of_time());
        }
        if let Some(token) = self.auth.cached(now) {
            return Ok(token);
        }
        let patience = self.policy.time_for_an_attempt().min(self.policy.time_for_the_call());
        let limit = deadline.min(after(now, patience));
        let outcome = tokio::select! {
            biased;
            () = self.clock.alarm(limit) => {
                if limit == deadline {
                    return Err(out_of_time());
                }
                Err(AccessTokenError::transient("it took too long to get one"))
            }
            outcome = self.auth.token(patience) => outcome,
        };
        outcome.map_err(|cause| Failure { transient: cause.is_transient(), error: cause.into_error() })
    }
}
