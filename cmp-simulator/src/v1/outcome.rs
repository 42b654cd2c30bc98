use serde::{Deserialize, Serialize};

/// How enrolling an alias with V1 ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum V1Outcome {
    /// The token is pending first and `ACTIVE` when it arrives
    #[default]
    Active,
    /// The token is pending first and `FAILED` when it arrives
    Failed,
    /// 404 `declined`
    Declined,
    /// 422 `card-not-allowed`
    CardNotAllowed,
    /// 422 `card-brand-not-supported`
    CardBrandNotSupported,
    /// 422 `rejected`
    Rejected,
}
