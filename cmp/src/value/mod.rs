//! Values that go in and come out: ids, expiry dates, amounts and states.

mod amount;
mod expiry;
pub(crate) mod id;
mod invalid_input;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod stored;
mod text;
mod token_state;
pub(crate) mod wire;

pub use amount::{Amount, Currency};
pub use expiry::Expiry;
pub use id::{CardId, NetworkTokenId, PanAlias};
pub use invalid_input::InvalidInput;
pub use text::Text;
pub(crate) use text::TraceId;
pub use token_state::NetworkTokenState;
