//! One token for all callers.
//!
//! A call that finds a good token takes it without a lock and goes on. Otherwise it waits for a fetch, which runs in a
//! task of its own, so that a caller who goes away takes nothing along. All callers of a runtime wait for the same fetch
//! and share its outcome, good or bad. Three things keep one bad moment from becoming many:
//!
//! * **A fetch that hangs is replaced** once it is older than an attempt may take; each replacement may take twice as
//!   long, so they stay few. A late token of the replaced one is used if there is no better one; its late failure is
//!   ignored. Each runtime has fetches of its own, since one that isn't driven would never finish.
//! * **After a failed fetch there is a pause**, longer with each failure. A token that has expired when it comes is one.
//!   Until the pause ends, callers get the remembered error with what is left of the pause, or the token in use while that is
//!   valid.
//! * **A token that the service refuses is replaced once.** If the replacement is refused too, the tokens are not what is
//!   wrong. Then the token stays in use and is replaced after a pause at the earliest, longer each time, until a call
//!   succeeds.
//!
//! A token is refused by number: ten callers whose requests were all answered 401 refuse the same token, and one new one
//! is fetched.

use std::{
    array,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use cmp_generated::hooks;
use futures_util::FutureExt;
use reqwest::header::HeaderValue;
use tokio::{
    runtime::{self, Handle},
    sync::watch,
};

use super::{AccessToken, AccessTokenError, AccessTokenProvider};
use crate::{
    clock::{Clock, Jitter},
    metrics::{Ending, Metrics, Work},
    retry::doubled,
};

/// A fetch that takes longer is given up, whatever the callers' limits.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// The bounds of the pauses after failures and refusals; a pause is a half to the whole of its bound.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A `Retry-After` of the token endpoint is obeyed up to this.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(300);
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
        error: AccessTokenError,
        /// Whether a valid token is still in use.
        still_usable: bool,
    },
}

/// How many copies of a token there are. Threads that count references in one place wait for each other.
const COPIES: usize = 8;

/// A token in use.
#[derive(Debug)]
pub(crate) struct Token {
    /// The value as a header, made once for all requests.
    pub(crate) authorization: HeaderValue,
    generation: u64,
    fetch: u64,
    /// When it was asked for.
    since: Instant,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
}

impl Token {
    fn new(fetched: &AccessToken, generation: u64, fetch: u64, now: Instant, random: f64) -> Self {
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
            authorization: hooks::bearer(fetched.value.expose()).expect("an access token is visible ASCII"),
            generation,
            fetch,
            since: now,
        }
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|expiry| now < expiry)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.refresh_at.is_some_and(|due| now >= due)
    }
}

type Outcome = Result<Arc<Token>, AccessTokenError>;

#[derive(Debug, Clone)]
pub(crate) struct TokenCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    provider: Box<dyn AccessTokenProvider>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
    metrics: Metrics,
    /// Equal copies of the token in use. Written only with `slot` locked.
    token: ArcSwapOption<[Arc<Token>; COPIES]>,
    slot: Mutex<Slot>,
    /// Whether there is a `Slot::doubt`. A success ends it, and takes a lock only while there is one.
    doubted: AtomicBool,
    /// Notified whenever a fetch ends
    landings: watch::Sender<()>,
    state: watch::Sender<AuthState>,
}

#[derive(Debug, Default)]
struct Slot {
    fetches: u64,
    generation: u64,
    flights: Vec<Flight>,
    failure: Option<Failed>,
    doubt: Option<Doubt>,
}

/// A fetch under way. There is at most one for each runtime.
#[derive(Debug)]
struct Flight {
    fetch: u64,
    runtime: runtime::Id,
    since: Instant,
    /// How many fetches it replaced, one after the other.
    replaced: u32,
}

/// The latest fetches failed.
#[derive(Debug)]
struct Failed {
    fetch: u64,
    error: AccessTokenError,
    in_a_row: u32,
    until: Instant,
}

/// The service refused a token, and accepted none since.
#[derive(Debug)]
struct Doubt {
    /// The latest token that was refused.
    generation: u64,
    /// How many replacements were refused too.
    in_vain: u32,
    /// No replacement is fetched before.
    until: Instant,
}

/// What a caller finds.
enum Found {
    Token(Arc<Token>),
    Failed(AccessTokenError),
    /// The fetch of this number is under way.
    Fetching(u64),
}

impl TokenCache {
    pub(crate) fn new(
        provider: Box<dyn AccessTokenProvider>,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Shared {
            provider,
            clock,
            jitter,
            metrics,
            token: ArcSwapOption::empty(),
            slot: Mutex::default(),
            doubted: AtomicBool::new(false),
            landings: watch::Sender::new(()),
            state: watch::Sender::new(AuthState::Empty),
        }))
    }

    /// The token in use, if it needs no refresh.
    pub(crate) fn cached(&self, now: Instant) -> Option<Arc<Token>> {
        self.0.token_in_use(now).filter(|token| !token.is_due(now))
    }

    /// Whether there is a token in use. A call waits for no other, even if this one is due for a refresh.
    pub(crate) fn has_token(&self, now: Instant) -> bool {
        self.0.token_in_use(now).is_some()
    }

    /// A token to use now: the one in use, or the outcome of a fetch. A fetch older than `patience` is replaced.
    pub(crate) async fn token(&self, patience: Duration) -> Outcome {
        // A fetch is lost with the runtime that it ran on, and is then started over here.
        const MOST_FETCHES: usize = 3;
        let mut landed = self.0.landings.subscribe();
        let mut awaited = None;
        let mut fetches = 0;
        loop {
            match self.find(patience, awaited) {
                Found::Token(token) => return Ok(token),
                Found::Failed(error) => return Err(error),
                Found::Fetching(fetch) if awaited == Some(fetch) => {}
                Found::Fetching(_) if fetches == MOST_FETCHES => break,
                Found::Fetching(fetch) => {
                    awaited = Some(fetch);
                    fetches += 1;
                }
            }
            if landed.changed().await.is_err() {
                break;
            }
        }
        Err(AccessTokenError::transient("the token provider was interrupted"))
    }

    /// Notes that the service refused this token. Returns whether another one can be had now: only the first refusal of
    /// a token, or the first after a pause, drops it for that.
    pub(crate) fn refuse(&self, token: &Token) -> bool {
        let now = self.0.clock.now();
        let mut slot = self.0.slot();
        let in_use = self.0.token.load().as_ref().map(|in_use| in_use[0].generation);
        if in_use != Some(token.generation) {
            return true;
        }
        let in_vain = match &mut slot.doubt {
            Some(doubt) if token.generation > doubt.generation => {
                doubt.generation = token.generation;
                doubt.in_vain = doubt.in_vain.saturating_add(1);
                doubt.until = now + self.0.pause(doubt.in_vain);
                return false;
            }
            Some(doubt) if now < doubt.until => return false,
            Some(doubt) => doubt.in_vain,
            None => 0,
        };
        slot.doubt = Some(Doubt { generation: token.generation, in_vain, until: now });
        self.0.doubted.store(true, Ordering::Release);
        self.0.token.store(None);
        self.0.state.send_replace(AuthState::Empty);
        true
    }

    /// Notes that the service accepted this token.
    pub(crate) fn accepted(&self, token: &Token) {
        if !self.0.doubted.load(Ordering::Acquire) {
            return;
        }
        let mut slot = self.0.slot();
        if slot.doubt.as_ref().is_some_and(|doubt| doubt.generation <= token.generation) {
            slot.doubt = None;
            self.0.doubted.store(false, Ordering::Release);
        }
    }

    pub(crate) fn state(&self) -> watch::Receiver<AuthState> {
        self.0.state.subscribe()
    }

    /// Returns a function that returns the age of the token in use, for as long as the cache is there.
    pub(crate) fn token_age(&self) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.0);
        move || {
            let shared = shared.upgrade()?;
            let now = shared.clock.now();
            Some(now.saturating_duration_since(shared.token_in_use(now)?.since))
        }
    }

    /// `awaited` is the fetch that the caller has waited for: if that failed, its error is the caller's.
    fn find(&self, patience: Duration, awaited: Option<u64>) -> Found {
        let now = self.0.clock.now();
        let mut slot = self.0.slot();
        let usable = self.0.token_in_use(now);
        if let Some(token) = usable.as_ref().filter(|token| !token.is_due(now)) {
            return Found::Token(Arc::clone(token));
        }
        if let Some(failed) = &slot.failure
            && (now < failed.until || awaited.is_some_and(|awaited| awaited <= failed.fetch))
        {
            let error = || failed.error.clone().again_after(failed.until.saturating_duration_since(now));
            return usable.map_or_else(|| Found::Failed(error()), Found::Token);
        }
        let (fetch, is_new) = slot.join_or_begin(now, patience);
        // A runtime that is shutting down drops the task at once, which takes this lock.
        drop(slot);
        if is_new {
            self.spawn(fetch);
        }
        usable.map_or(Found::Fetching(fetch), Found::Token)
    }

    fn spawn(&self, fetch: u64) {
        let landing = Landing { shared: Arc::clone(&self.0), fetch };
        tokio::spawn(async move {
            let (started, outcome) = landing.shared.fetch().await;
            landing.shared.land(fetch, started, outcome);
        });
    }
}

impl Slot {
    /// The fetch to wait for, and whether it has to be started.
    fn join_or_begin(&mut self, now: Instant, patience: Duration) -> (u64, bool) {
        let runtime = Handle::current().id();
        let mut replaced = 0;
        if let Some(at) = self.flights.iter().position(|flight| flight.runtime == runtime) {
            let flight = &self.flights[at];
            let patience = patience.saturating_mul(1 << flight.replaced.min(31));
            if now.saturating_duration_since(flight.since) < patience {
                return (flight.fetch, false);
            }
            replaced = self.flights.swap_remove(at).replaced.saturating_add(1);
        }
        self.fetches += 1;
        self.flights.push(Flight { fetch: self.fetches, runtime, since: now, replaced });
        (self.fetches, true)
    }

    /// Takes a fetch off the list. Returns `false` if it was replaced or overtaken.
    fn take(&mut self, fetch: u64) -> bool {
        let at = self.flights.iter().position(|flight| flight.fetch == fetch);
        at.map(|at| self.flights.swap_remove(at)).is_some()
    }
}

/// Makes the end of a fetch known, also where it never came to an outcome because its runtime ended.
struct Landing {
    shared: Arc<Shared>,
    fetch: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.shared.slot().take(self.fetch);
        self.shared.landings.send_replace(());
    }
}

impl Shared {
    /// The outcome, and when the fetch began.
    async fn fetch(&self) -> (Instant, Result<AccessToken, AccessTokenError>) {
        let started = self.clock.now();
        let timed = self.metrics.start(Work::TokenFetch);
        let fetched = tokio::select! {
            fetched = AssertUnwindSafe(async { self.provider.fetch().await }).catch_unwind() => {
                fetched.unwrap_or_else(|_| Err(AccessTokenError::transient("the token provider panicked")))
            }
            () = self.clock.alarm(started + FETCH_TIMEOUT) => {
                Err(AccessTokenError::transient("the token provider took too long"))
            }
        };
        let error_type = || fetched.as_ref().err().map(AccessTokenError::telemetry_type);
        timed.end(|| Ending { error_type: error_type(), ..Ending::default() });
        (started, fetched)
    }

    fn land(&self, fetch: u64, started: Instant, fetched: Result<AccessToken, AccessTokenError>) {
        let now = self.clock.now();
        let mut slot = self.slot();
        let is_current = slot.take(fetch);
        let copies = fetched.and_then(|fetched| {
            // The lifetime counts from the request: the token was made some time before its answer came.
            let random = self.jitter.next();
            let copy = |_| Arc::new(Token::new(&fetched, slot.generation + 1, fetch, started, random));
            let copies: [_; COPIES] = array::from_fn(copy);
            let usable = copies[0].is_usable(now).then_some(copies);
            usable.ok_or_else(|| AccessTokenError::transient("the token had expired when it came"))
        });
        let state = match copies {
            Ok(copies) => {
                let better = self.token_in_use(now).filter(|token| token.fetch > fetch);
                if better.is_some() {
                    return;
                }
                slot.generation += 1;
                self.token.store(Some(Arc::new(copies)));
                slot.failure = None;
                slot.flights.retain(|flight| flight.fetch > fetch);
                AuthState::Ready { generation: slot.generation }
            }
            Err(error) if is_current => {
                let in_a_row = slot.failure.as_ref().map_or(0, |failed| failed.in_a_row).saturating_add(1);
                let asked = error.retry_after.unwrap_or_default().min(LONGEST_ASKED_PAUSE);
                let until = now + self.pause(in_a_row).max(asked);
                slot.failure = Some(Failed { fetch, error: error.clone(), in_a_row, until });
                AuthState::Failed { error, still_usable: self.token_in_use(now).is_some() }
            }
            Err(_) => return,
        };
        self.state.send_replace(state);
    }

    fn pause(&self, in_a_row: u32) -> Duration {
        doubled(FIRST_PAUSE, in_a_row, LONGEST_PAUSE).mul_f64(0.5 + self.jitter.next() / 2.0)
    }

    fn token_in_use(&self, now: Instant) -> Option<Arc<Token>> {
        let copies = self.token.load();
        let token = of_this_thread(copies.as_deref()?);
        token.is_usable(now).then(|| Arc::clone(token))
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the copy that this thread uses.
fn of_this_thread<T>(copies: &[T; COPIES]) -> &T {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % COPIES;
    }
    &copies[PLACE.with(|place| *place)]
}

#[cfg(test)]
mod schedules;

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::{
        schedules::{End, Gates},
        *,
    };
    use crate::{
        auth::{AccessTokenFuture, AccessTokenProvider},
        clock::{ManualClock, SystemClock},
        schedule::turn,
    };

    const AN_HOUR: Duration = Duration::from_secs(3600);

    #[derive(Debug)]
    struct AlwaysTheSame;

    impl AccessTokenProvider for AlwaysTheSame {
        fn fetch(&self) -> AccessTokenFuture<'_> {
            Box::pin(async { Ok(AccessToken::new("token")?) })
        }
    }

    #[test]
    fn margins_follow_the_lifetime_and_refreshes_are_spread() {
        let now = Instant::now();
        let times = |lifetime, random| {
            let fetched = AccessToken::new("token").unwrap().lifetime(Duration::from_secs(lifetime));
            let token = Token::new(&fetched, 1, 1, now, random);
            [token.refresh_at, token.expires_at].map(|at| (at.unwrap() - now).as_secs_f64())
        };
        assert_eq!(times(60, 0.0), [54.0, 57.0]);
        assert_eq!(times(60, 1.0), [48.0, 57.0]);
        assert_eq!(times(3600, 0.0), [3540.0, 3595.0]);
        assert_eq!(times(3600, 1.0), [3480.0, 3595.0]);
    }

    #[tokio::test]
    async fn a_late_refusal_of_an_old_token_leaves_the_new_one() {
        let cache = TokenCache::new(
            Box::new(AlwaysTheSame),
            Arc::new(SystemClock),
            Jitter::default(),
            Metrics::default(),
        );
        let old = cache.token(FETCH_TIMEOUT).await.unwrap();
        cache.refuse(&old);
        let new = cache.token(FETCH_TIMEOUT).await.unwrap();
        cache.refuse(&old);
        let still = cache.token(FETCH_TIMEOUT).await.unwrap();
        assert_eq!((old.generation, new.generation, still.generation), (1, 2, 2));
    }

    #[test]
    fn a_token_is_used_until_its_margin_begins() {
        let now = Instant::now();
        let token = Token::new(&AccessToken::new("token").unwrap().lifetime(AN_HOUR), 1, 1, now, 0.0);
        let end = token.expires_at.unwrap();
        assert!(token.is_usable(end - Duration::from_nanos(1)) && !token.is_usable(end));
    }

    fn gated() -> (TokenCache, Gates, ManualClock) {
        let (gates, clock) = (Gates::default(), ManualClock::new());
        let (provider, time) = (Box::new(gates.clone()), Arc::new(clock.clone()));
        (TokenCache::new(provider, time, Jitter::new(|| 0.5), Metrics::default()), gates, clock)
    }

    /// A caller who starts a fetch, unless one is under way, and leaves.
    async fn ask(cache: &TokenCache, patience: Duration) {
        assert!(cache.token(patience).now_or_never().is_none(), "there is a token already");
        turn().await;
    }

    #[tokio::test]
    async fn late_failures_of_replaced_fetches_are_ignored() {
        let (cache, gates, _) = gated();
        for _ in 0..4 {
            ask(&cache, Duration::ZERO).await;
        }
        let mut waiting = pin!(cache.token(FETCH_TIMEOUT));
        for _ in 0..3 {
            assert!(waiting.as_mut().now_or_never().is_none(), "the fourth fetch is under way");
            gates.end(0, End::Fails);
            turn().await;
        }
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(*cache.state().borrow(), AuthState::Empty);
        gates.end(0, End::Token(AN_HOUR));
        assert_eq!(waiting.await.unwrap().generation, 1);
    }

    #[tokio::test]
    async fn a_caller_who_looks_late_gets_the_error_of_the_fetch_that_he_waited_for() {
        let (cache, gates, clock) = gated();
        let mut waiting = pin!(cache.token(FETCH_TIMEOUT));
        assert!(waiting.as_mut().now_or_never().is_none());
        turn().await;
        gates.end(0, End::Fails);
        turn().await;
        clock.advance(LONGEST_PAUSE);
        assert!(waiting.now_or_never().expect("an outcome").is_err());
        turn().await;
        assert_eq!(gates.len(), 0, "no other fetch begins");
    }

    #[test]
    fn a_runtime_that_has_ended_gives_an_error_and_no_endless_loop() {
        let (cache, ..) = gated();
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        assert!(cache.token(FETCH_TIMEOUT).now_or_never().expect("an outcome").is_err());
    }

    #[test]
    fn a_token_ends_the_wait_for_older_fetches_and_for_no_newer_one() {
        let (cache, gates, clock) = gated();
        let [one, other] = [(); 2].map(|()| runtime::Builder::new_current_thread().build().unwrap());
        let begin = || {
            one.block_on(ask(&cache, FETCH_TIMEOUT));
            other.block_on(ask(&cache, FETCH_TIMEOUT));
        };
        begin();
        gates.end(1, End::Token(Duration::from_secs(60)));
        other.block_on(turn());
        gates.end(0, End::Fails);
        one.block_on(turn());
        assert_eq!(*cache.state().borrow(), AuthState::Ready { generation: 1 }, "an older fetch failed");

        clock.advance(Duration::from_secs(60));
        begin();
        // This token's life is over before the newer fetch ends.
        clock.advance(Duration::from_secs(5));
        gates.end(0, End::Token(Duration::from_secs(10)));
        one.block_on(turn());
        clock.advance(Duration::from_secs(5));
        other.block_on(ask(&cache, FETCH_TIMEOUT));
        assert_eq!(gates.len(), 1, "the newer fetch is under way, and another one was begun");
    }
}
