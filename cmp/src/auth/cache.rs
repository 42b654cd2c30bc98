//! One token for all callers.
//!
//! Fetching runs in a task of its own, so that a caller who goes away takes nothing with him; callers wait for its
//! outcome and share it, good or bad. A token is refused by number: ten callers whose requests were all answered 401
//! refuse the same token, and one new one is fetched.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::{AccessToken, TokenError, TokenProvider};
use crate::{clock::Clock, jitter::Jitter, secret::BearerToken};

/// A fetch that takes longer is given up, whatever the callers' deadlines.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// After a failed early refresh the valid token is used for a while before the next try.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
const LONGEST_REFRESH_MARGIN: Duration = Duration::from_secs(120);
const LONGEST_EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// What the cache holds, for health checks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthState {
    /// No token was asked for yet, or the last one was refused.
    Empty,
    /// There is a token. The number grows with each new one.
    Ready {
        /// Counts the tokens fetched.
        generation: u64,
    },
    /// The last fetch failed. If a valid token was left, it is still in use.
    Failed {
        /// Why, without secrets.
        error: TokenError,
        /// Whether a valid token is still in use.
        still_usable: bool,
    },
}

/// A token in use.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) value: BearerToken,
    generation: u64,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
}

impl Token {
    fn new(fetched: AccessToken, generation: u64, now: Instant, random: f64) -> Self {
        // The margins scale with the lifetime, which may be as short as a minute; the jitter keeps a fleet that
        // started together from refreshing together.
        let before_the_end = |share: u32, longest: Duration, factor: f64| {
            let lifetime = fetched.lifetime?;
            let margin = (lifetime / share).min(longest).mul_f64(factor);
            now.checked_add(lifetime.saturating_sub(margin))
        };
        Self {
            refresh_at: before_the_end(5, LONGEST_REFRESH_MARGIN, 0.5 + random / 2.0),
            expires_at: before_the_end(20, LONGEST_EXPIRY_MARGIN, 1.0),
            value: fetched.value,
            generation,
        }
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|expiry| now < expiry)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.refresh_at.is_some_and(|due| now >= due)
    }
}

type Outcome = Result<Arc<Token>, TokenError>;
type Flight = watch::Receiver<Option<Outcome>>;

#[derive(Debug, Clone)]
pub(crate) struct TokenCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    provider: Box<dyn TokenProvider>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
    slot: Mutex<Slot>,
    state: watch::Sender<AuthState>,
}

#[derive(Debug, Default)]
struct Slot {
    token: Option<Arc<Token>>,
    generation: u64,
    flight: Option<Flight>,
    paused_until: Option<Instant>,
}

impl TokenCache {
    pub(crate) fn new(provider: Box<dyn TokenProvider>, clock: Arc<dyn Clock>, jitter: Jitter) -> Self {
        Self(Arc::new(Shared {
            provider,
            clock,
            jitter,
            slot: Mutex::default(),
            state: watch::Sender::new(AuthState::Empty),
        }))
    }

    /// A token to use now: the cached one, or the outcome of the one fetch that is under way.
    pub(crate) async fn token(&self) -> Outcome {
        // A fetch is lost with the runtime that it ran on, and is then started over here.
        for _ in 0..2 {
            let mut flight = match self.cached_or_flight() {
                Ok(token) => return Ok(token),
                Err(flight) => flight,
            };
            if let Ok(outcome) = flight.wait_for(Option::is_some).await
                && let Some(outcome) = outcome.clone()
            {
                return outcome;
            }
        }
        Err(TokenError::transient("the token provider was interrupted"))
    }

    /// Says that the service refused this token. Only the first to say so has an effect.
    pub(crate) fn refuse(&self, token: &Token) {
        let mut slot = self.0.slot();
        if slot.token.as_ref().is_some_and(|current| current.generation == token.generation) {
            slot.token = None;
            self.0.state.send_replace(AuthState::Empty);
        }
    }

    pub(crate) fn state(&self) -> watch::Receiver<AuthState> {
        self.0.state.subscribe()
    }

    fn cached_or_flight(&self) -> Result<Arc<Token>, Flight> {
        let now = self.0.clock.now();
        let mut slot = self.0.slot();
        let usable = slot.token.clone().filter(|token| token.is_usable(now));
        if let Some(token) = usable {
            let paused = slot.paused_until.is_some_and(|until| now < until);
            if token.is_due(now) && !paused {
                self.join_flight(&mut slot);
            }
            return Ok(token);
        }
        Err(self.join_flight(&mut slot))
    }

    fn join_flight(&self, slot: &mut Slot) -> Flight {
        if let Some(flight) = slot.flight.as_ref().filter(|flight| flight.has_changed().is_ok()) {
            return flight.clone();
        }
        let (done, flight) = watch::channel(None);
        slot.flight = Some(flight.clone());
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let outcome = shared.fetch().await;
            shared.land(&outcome);
            done.send_replace(Some(outcome));
        });
        flight
    }
}

impl Shared {
    async fn fetch(&self) -> Outcome {
        let started = self.clock.now();
        let fetched = tokio::select! {
            fetched = AssertUnwindSafe(self.provider.fetch()).catch_unwind() => {
                fetched.unwrap_or_else(|_| Err(TokenError::transient("the token provider panicked")))?
            }
            () = self.clock.alarm(started + FETCH_TIMEOUT) => {
                return Err(TokenError::transient("the token provider took too long"));
            }
        };
        let generation = {
            let mut slot = self.slot();
            slot.generation += 1;
            slot.generation
        };
        // The lifetime counts from the request: the token was made some time before its answer came.
        Ok(Arc::new(Token::new(fetched, generation, started, self.jitter.next())))
    }

    fn land(&self, outcome: &Outcome) {
        let now = self.clock.now();
        let mut slot = self.slot();
        slot.flight = None;
        let state = match outcome {
            Ok(token) => {
                slot.token = Some(Arc::clone(token));
                slot.paused_until = None;
                AuthState::Ready { generation: token.generation }
            }
            Err(error) => {
                slot.paused_until = Some(now + PAUSE_AFTER_FAILURE);
                let still_usable = slot.token.as_ref().is_some_and(|token| token.is_usable(now));
                AuthState::Failed { error: error.clone(), still_usable }
            }
        };
        self.state.send_replace(state);
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{TokenFuture, TokenProvider},
        clock::SystemClock,
    };

    #[derive(Debug)]
    struct AlwaysTheSame;

    impl TokenProvider for AlwaysTheSame {
        fn fetch(&self) -> TokenFuture<'_> {
            Box::pin(async { Ok(AccessToken::new("token")?) })
        }
    }

    #[test]
    fn margins_follow_the_lifetime_and_refreshes_are_spread() {
        let now = Instant::now();
        let times = |lifetime, random| {
            let fetched = AccessToken::new("token").unwrap().lifetime(Duration::from_secs(lifetime));
            let token = Token::new(fetched, 1, now, random);
            [token.refresh_at, token.expires_at].map(|at| (at.unwrap() - now).as_secs_f64())
        };
        assert_eq!(times(60, 0.0), [54.0, 57.0]);
        assert_eq!(times(60, 1.0), [48.0, 57.0]);
        assert_eq!(times(3600, 0.0), [3540.0, 3595.0]);
        assert_eq!(times(3600, 1.0), [3480.0, 3595.0]);
    }

    #[tokio::test]
    async fn a_late_refusal_of_an_old_token_leaves_the_new_one() {
        let cache = TokenCache::new(Box::new(AlwaysTheSame), Arc::new(SystemClock), Jitter::default());
        let old = cache.token().await.unwrap();
        cache.refuse(&old);
        let new = cache.token().await.unwrap();
        cache.refuse(&old);
        let still = cache.token().await.unwrap();
        assert_eq!((old.generation, new.generation, still.generation), (1, 2, 2));
    }
}
