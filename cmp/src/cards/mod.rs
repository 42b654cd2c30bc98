//! Cards: storing, reading, changing and deleting them.

mod card;
mod cardholder;
mod changes;
mod checks;
mod duplicate;
mod enriched;
mod included;
mod lookup;
mod metadata;
mod new_card;
mod request;
mod stored_number;

pub use card::{Capability, Card, Observability};
pub use cardholder::{Address, Cardholder};
pub use changes::CardChanges;
pub use enriched::EnrichedAttributes;
pub use included::{
    CardEvent, CardUpdate, CardUpdateSubscription, OtherIncluded, SubscriptionState, UpdatedField,
};
pub(crate) use lookup::{Lookups, read_for_tokens};
pub use metadata::Metadata;
pub use new_card::{NewCard, TokenType, WalletType};
pub use request::{Cards, GetCard, Include, Stored};
pub use stored_number::StoredNumber;
