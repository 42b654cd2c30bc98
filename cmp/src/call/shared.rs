use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Instant,
};

use cmp_generated::hooks::MediaType;
use reqwest::{Url, header::HeaderMap};

use crate::{
    auth::{AccessTokenError, Token, TokenCache},
    clock::{Clock, Jitter, after},
    drift::Watch,
    environment::shown,
    error::{Error, Result},
    http::Http,
    metrics::Metrics,
    operation::Operation,
    retry::{RetryBudget, RetryPolicy, Throttle},
};

/// An answer of the service without its body, as [`Client::on_answer`](crate::Client::on_answer) sees it.
#[non_exhaustive]
pub struct AnswerHead<'a> {
    /// The operation that was answered.
    pub operation: Operation,
    /// 1 for the first attempt of a request, 2 for the second, …
    pub attempt: u32,
    /// The HTTP status.
    pub status: u16,
    /// The headers. They are the peer's text and may repeat what was sent, so `Debug` shows none of them.
    pub headers: &'a HeaderMap,
}

impl fmt::Debug for AnswerHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerHead")
            .field("operation", &self.operation)
            .field("attempt", &self.attempt)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct OnAnswer(pub(crate) Arc<dyn Fn(&AnswerHead<'_>) + Send + Sync>);

impl fmt::Debug for OnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAnswer")
    }
}

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) base_url: Arc<Url>,
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn new(base_url: Url) -> Self {
        Self {
            address: base_url.host_str().unwrap_or_default().to_owned(),
            port: base_url.port_or_known_default().unwrap_or_default(),
            base_url: Arc::new(base_url),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(&self.base_url))
    }
}

/// What every call of a client shares.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub(crate) media_type: MediaType,
    pub(crate) http: Http,
    /// Makes the generated client's requests; [`http`](Self::http) sends them.
    pub(crate) request_builder: reqwest::Client,
    pub(crate) server: Server,
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
    pub(crate) metrics: Metrics,
    /// What the client has learnt about included resources.
    pub(crate) lookups: Arc<Lookups>,
}

/// Why an attempt failed, and whether trying again could help.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) transient: bool,
}

impl Failure {
    /// Whether the answer shows that the service takes the token, and that no limit holds: a success that can't be used, or a
    /// refusal of the request itself.
    pub(super) fn lets_through(&self) -> bool {
        !self.transient && matches!(self.error.status(), Some(200..=299 | 400 | 402..=499))
    }
}

impl Core {
    /// Returns a copy that shares what clones of a client share, with one setting changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Arc<Self> {
        let mut core = self.clone();
        change(&mut core);
        Arc::new(core)
    }

    /// When a call that starts now has to end.
    pub(super) fn deadline(&self) -> Instant {
        after(self.clock.now(), self.policy.time_for_the_call())
    }

    /// Gets an access token now, so that the first call doesn't wait for it.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        let now = self.clock.now();
        let deadline = after(now, self.policy.time_for_the_call());
        self.token_before(now, deadline).await.map(drop).map_err(|failure| failure.error)
    }

    /// Returns a token to use now. Waiting for it is limited like an attempt, and fetches nothing once `deadline` has
    /// passed.
    pub(super) async fn token_before(
        &self,
        now: Instant,
        deadline: Instant,
    ) -> std::result::Result<Arc<Token>, Failure> {
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

const UNPROVEN_READS: u8 = 16;

/// What a client and its clones have learnt about included resources.
///
/// Parallel reads may learn at the same time: each acts on its own answers alone, so the worst is a request too many.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    learnt: AtomicU8,
    unproven_reads: AtomicU8,
}

/// How to ask for a card so that its network tokens come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Learnt {
    Nothing,
    /// They come without `include`.
    Unasked,
    /// They come for the names of all that is documented.
    AllByName,
    /// They come for their own name, and the list of all names is refused.
    TokensByName,
    /// All names are refused.
    Refused,
}

impl Lookups {
    pub(crate) fn learnt(&self) -> Learnt {
        use Learnt::{AllByName, Refused, TokensByName, Unasked};
        let learnt = self.learnt.load(Ordering::Relaxed);
        let known = [Unasked, AllByName, TokensByName, Refused];
        known.into_iter().find(|known| *known as u8 == learnt).unwrap_or(Learnt::Nothing)
    }

    /// Takes a lesson, unless another read has learnt something meanwhile.
    pub(crate) fn learn(&self, before: Learnt, now: Learnt) {
        let (before, now) = (before as u8, now as u8);
        let _ = self.learnt.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Takes the strongest lesson, which holds whatever another read has learnt: no name is left to be refused.
    pub(crate) fn learn_unasked(&self) {
        self.learnt.store(Learnt::Unasked as u8, Ordering::Relaxed);
    }

    /// Whether a read for which no network token matters looks a second time.
    pub(crate) fn looks_twice(&self) -> bool {
        let count = |reads| (reads < UNPROVEN_READS).then(|| reads + 1);
        self.unproven_reads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }
}
