//! One call, from a facade method to the socket and back.
//!
//! A facade method hands [`Core::call`] an operation and a closure that runs one generated operation. The loop in
//! [`run`] gets a token, makes an [`attempt`], asks the policy what a failure means, waits, and tries again.

mod attempt;
mod run;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use cmp_generated::{ByteStream, ResponseValue, hooks::MediaType};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{
    auth::{Token, TokenCache, TokenError},
    cards::Lookups,
    clock::{Clock, after},
    drift::Watch,
    error::{Counted, Error, Result},
    http::Http,
    jitter::Jitter,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy, Throttle},
};
use run::Failure;

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
    /// What the client has learnt about included resources.
    pub(crate) lookups: Arc<Lookups>,
    /// What became of several calls that are one call of the user's.
    pub(crate) tally: Option<Arc<Tally>>,
}

/// Adds up several calls that are one call of the user's.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    attempts: AtomicU32,
    reached: AtomicBool,
}

/// What a generated operation returns.
pub(crate) type Sent<T> = std::result::Result<ResponseValue<T>, cmp_generated::Error<ByteStream>>;

/// The answer of a call that came to a good end.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) answer: Answer<T>,
    operation: Operation,
    attempts: u32,
    trace_id: Option<String>,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// A documented success, decoded.
    Decoded { status: u16, body: T },
    /// 303, which the contract has for `create_card` and the generator has no place for.
    SeeOther { body: Zeroizing<Vec<u8>>, location: Option<String> },
}

impl<T> Reply<T> {
    /// How many requests were sent or tried for this call.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Converts the status and the decoded response into the caller's type. A conversion failure is reported as a
    /// failure of this call.
    pub(crate) fn read<U>(self, read: impl FnOnce(u16, T) -> Result<U>) -> Result<U> {
        let Self { answer, operation, attempts, trace_id } = self;
        let (status, made) = match answer {
            Answer::Decoded { status, body } => (status, read(status, body)),
            Answer::SeeOther { .. } => (303, Err(Error::unexpected_redirect())),
        };
        made.map_err(|error| error.in_answer(operation, status, attempts, trace_id))
    }
}

/// Finds the trace id in a decoded answer.
pub(crate) type TraceOf<T> = fn(&T) -> Option<&str>;

impl Core {
    /// When a call that starts now has to end.
    pub(crate) fn deadline(&self) -> Instant {
        after(self.clock.now(), self.policy.time_for_the_call())
    }

    /// The same for calls that are part of something with a deadline of its own.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(self.clock.now());
        let policy = self.policy.clone().deadline(left.min(self.policy.time_for_the_call()));
        Self { policy, ..self.clone() }
    }

    /// The same for calls that are only worth one attempt.
    pub(crate) fn without_retries(self) -> Self {
        Self { policy: self.policy.max_attempts(1), ..self }
    }

    /// The same for several calls that are one call of the user's: their attempts add up.
    pub(crate) fn counting(&self) -> Self {
        let mut core = self.clone();
        core.tally.get_or_insert_default();
        core
    }

    /// What was counted since [`counting`](Self::counting).
    pub(crate) fn counted(&self) -> Counted {
        self.tally.as_ref().map_or_else(Counted::default, |tally| Counted {
            attempts: tally.attempts.load(Ordering::Relaxed),
            reached: tally.reached.load(Ordering::Relaxed),
        })
    }

    /// Counts an attempt that is about to be made.
    fn count(&self) {
        if let Some(tally) = &self.tally {
            tally.attempts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that an attempt was sent.
    fn note_reached(&self) {
        if let Some(tally) = &self.tally {
            tally.reached.store(true, Ordering::Relaxed);
        }
    }

    /// Runs `send`, which is one generated operation, with everything that surrounds it.
    pub(crate) async fn call<T, F, Fut>(
        &self,
        operation: Operation,
        trace_of: TraceOf<T>,
        send: F,
    ) -> Result<Reply<T>>
    where
        T: DeserializeOwned,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        run::Run::new(self, operation, trace_of).finish(send).await
    }

    /// Gets an access token now, so that the first call doesn't wait for it.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        self.token_before(self.deadline()).await.map(drop).map_err(|failure| failure.error)
    }

    /// A token to use now. Waiting for it is limited like an attempt, and fetches nothing once `deadline` has passed.
    async fn token_before(&self, deadline: Instant) -> std::result::Result<Arc<Token>, Failure> {
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
                Err(TokenError::transient("it took too long to get one"))
            }
            outcome = self.auth.token(patience) => outcome,
        };
        outcome.map_err(|cause| Failure { transient: cause.is_transient(), error: cause.into_error() })
    }
}
