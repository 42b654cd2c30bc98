use serde::{Deserialize, Serialize};

use super::action::DebugData;
use super::fault::Fault;
use super::rate::{self, Rate};

/// A share of all requests meets a fault drawn at random; one seed, one sequence.
///
/// ```
/// use cmp_simulator::{Chaos, Fault};
///
/// let chaos = Chaos::new(0.2).seed(7);
/// let mine = Chaos::new(0.5).faults([Fault::status(503), Fault::dropped()]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    rate: Rate,
    #[serde(default)]
    seed: u64,
    #[serde(default = "all_kinds")]
    faults: Vec<Fault>,
}

impl Chaos {
    /// Every kind of fault that ends by itself, met by this share of the requests, 0 to 1.
    ///
    /// # Panics
    /// If the rate is outside of that range.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        Self { rate: rate::must_be(rate), seed: 0, faults: all_kinds() }
    }

    /// Fixes the sequence.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Draws from these faults alone; their `on` is heeded, how often they come is the chaos's affair.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    pub(crate) fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }

    pub(crate) fn draw(&self, rng: &mut fastrand::Rng) -> Option<&Fault> {
        if self.rate.is_met(rng) { self.faults.get(rng.usize(0..self.faults.len().max(1))) } else { None }
    }
}

fn all_kinds() -> Vec<Fault> {
    vec![
        Fault::status(503),
        Fault::status(503).retry_after(1),
        Fault::status(503).html(),
        Fault::status(503).empty(),
        Fault::status(502).html(),
        Fault::status(504).empty(),
        Fault::status(500),
        Fault::status(429).retry_after(1),
        Fault::dropped(),
        Fault::dropped().reset(),
        Fault::lost_answer(),
        Fault::cut_head(20),
        Fault::cut_body(10),
        Fault::cut_body(10).reset(),
        Fault::truncated_json(),
        Fault::garbage(),
        Fault::content_type("text/plain"),
        Fault::stale_connection(),
        Fault::refused_stream(),
        Fault::go_away(DebugData::None),
        Fault::reset_body(10),
    ]
}
