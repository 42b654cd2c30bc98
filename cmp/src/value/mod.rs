//! Values that go in and come out: ids, expiry dates and amounts.

mod amount;
mod expiry;
pub(crate) mod id;
pub(crate) mod open;
pub(crate) mod stored;
pub(crate) mod wire;

pub use amount::{Amount, Currency};
pub use expiry::Expiry;
pub use id::{CardId, NetworkTokenId};
