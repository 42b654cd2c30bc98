//! Notifications.

mod error;
mod event;
mod repeats;
mod signature;
mod signer;
mod verifier;
mod view;

pub use error::WebhookError;
pub use event::{
    CardUpdateDetails, Details, Event, NetworkTokenDetails, NetworkTokenEvent, OtherDetails, Producer,
};
pub use repeats::{Deduplicator, Handled, MemoryStore, SeenError, SeenEvents, SeenFuture, Sighting};
pub use signer::Signer;
pub use verifier::{Verified, Verifier};
pub use view::{Applied, CardView, TokenView};

pub use crate::secret::{DetailValue, WebhookSecret};
