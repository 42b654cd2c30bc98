//! The token cache under random schedules of callers, fetches, refusals, cancelled callers and time.

use tokio::sync::oneshot;

use super::*;
use crate::{
    auth::AccessTokenFuture,
    clock::ManualClock,
    schedule::{Schedule, each, turn},
};

const PATIENCE: Duration = Duration::from_secs(10);
const STEPS: usize = 120;

/// How a fetch ends.
#[derive(Debug)]
pub(super) enum End {
    Token(Duration),
    Fails,
    Panics,
}

/// A provider whose fetches end when the test says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Gates(Arc<Mutex<Vec<oneshot::Sender<End>>>>);

impl AccessTokenProvider for Gates {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        let (sender, end) = oneshot::channel();
        self.0.lock().unwrap().push(sender);
        Box::pin(async {
            match end.await {
                Ok(End::Token(lifetime)) => Ok(AccessToken::new("a-token")?.lifetime(lifetime)),
                Ok(End::Panics) => panic!("the provider panics"),
                Ok(End::Fails) | Err(_) => Err(AccessTokenError::transient("it fails")),
            }
        })
    }
}

impl Gates {
    /// How many fetches are under way.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Ends one of the fetches that are under way, counted from the oldest.
    pub(super) fn end(&self, at: usize, end: End) {
        drop(self.0.lock().unwrap().remove(at).send(end));
    }

    fn open_one(&self, rng: &mut fastrand::Rng, end: End) {
        let mut gates = self.0.lock().unwrap();
        if !gates.is_empty() {
            let at = rng.usize(..gates.len());
            // A fetch that took too long is gone.
            drop(gates.swap_remove(at).send(end));
        }
    }
}

/// Asks for a token several times, and refuses or accepts what it gets.
async fn caller(cache: TokenCache, clock: ManualClock, mut rng: fastrand::Rng) {
    let mut refused = 0;
    for _ in 0..3 {
        let Ok(token) = cache.token(PATIENCE).await else { continue };
        assert!(token.is_usable(clock.now()), "a token that has expired");
        assert!(token.generation > refused, "the token that was refused, although another can be had");
        match rng.u8(..4) {
            0 if cache.refuse(&token) => refused = token.generation,
            1 => cache.accepted(&token),
            _ => {}
        }
    }
}

fn check(cache: &TokenCache) {
    let Shared { token, state, .. } = &*cache.0;
    let slot = cache.0.slot();
    assert!(slot.flights.len() <= 1, "{} fetches at a time", slot.flights.len());
    let in_use = token.load().as_ref().map(|copies| copies[0].generation);
    match &*state.borrow() {
        AuthState::Ready { generation } => {
            assert_eq!(in_use, Some(*generation), "the state is of another token");
        }
        AuthState::Empty => assert!(in_use.is_none(), "a token in use, and the state is empty"),
        AuthState::Failed { .. } => assert!(slot.failure.is_some(), "a failure that nobody knows"),
    }
}

#[test]
fn callers_share_fetches_and_none_is_forgotten() {
    each(|rng| async move {
        let mut schedule = Schedule::new(rng);
        let (clock, gates) = (ManualClock::new(), Gates::default());
        let cache = TokenCache::new(
            Box::new(gates.clone()),
            Arc::new(clock.clone()),
            Jitter::new(|| 0.5),
            Metrics::default(),
        );
        for _ in 0..STEPS {
            match schedule.rng.u8(..12) {
                0..2 if schedule.len() < 8 => {
                    let seed = schedule.rng.fork();
                    schedule.add(caller(cache.clone(), clock.clone(), seed));
                }
                2 => schedule.cancel_one(),
                3 => clock.advance(Duration::from_secs(schedule.rng.u64(..20))),
                4..6 => {
                    let end = match schedule.rng.u8(..8) {
                        0 => End::Panics,
                        1 | 2 => End::Fails,
                        _ => End::Token(Duration::from_secs(schedule.rng.u64(2..60))),
                    };
                    gates.open_one(&mut schedule.rng, end);
                }
                _ => drop(schedule.step().await),
            }
            turn().await;
            check(&cache);
        }
        // From here on everything works, so every caller has to come to an end.
        let mut rounds = 0;
        while schedule.len() > 0 {
            while schedule.step().await {
                check(&cache);
            }
            gates.open_one(&mut schedule.rng, End::Token(Duration::from_secs(3600)));
            turn().await;
            rounds += 1;
            if rounds % 8 == 0 {
                clock.advance(Duration::from_secs(60));
                turn().await;
            }
            assert!(rounds < 200, "{} callers wait for ever", schedule.len());
        }
        assert!(cache.0.slot().flights.len() <= 1);
    });
}
