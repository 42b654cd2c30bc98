//! A facade as small as the contract beside it, to be read by the scan that names facade items.

mod cards;
pub mod webhooks;

pub use cards::{Brand, Card, Cards, Channel, NewCard, Owner, State};
