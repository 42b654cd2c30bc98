//! Values that go in and come out: ids, expiry dates, amounts and states.

mod amount;
mod expiry;
pub(crate) mod id;
pub(crate) mod open;
pub(crate) mod read;
mod text;

pub use amount::{Amount, Currency};
pub use expiry::Expiry;
pub use id::{CardId, NetworkTokenId, PanAlias};
pub use open::NetworkTokenState;
pub use text::{Text, TraceId};

/// An error that says which value was refused, and by which rule. It never contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid {field}: {rule}")]
pub struct InvalidInput {
    field: &'static str,
    rule: &'static str,
}

impl InvalidInput {
    pub(crate) const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }

    /// The name of the refused value.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}
