use serde::{Deserialize, Serialize};

/// A share of the requests, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Rate(f64);

impl Rate {
    pub(super) fn is_met(self, rng: &mut fastrand::Rng) -> bool {
        rng.f64() < self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = String;

    fn try_from(rate: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(format!("the rate {rate} is not in the range from 0 to 1"))
        }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

/// # Panics
/// If it is outside of the range.
#[track_caller]
pub(super) fn must_be(rate: f64) -> Rate {
    Rate::try_from(rate).unwrap_or_else(|reason| panic!("{reason}"))
}
