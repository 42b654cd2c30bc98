//! Single values on the wire.
//!
//! Each type decodes every form that the service is known to send (see `openapi/corrections` in the repository). It
//! encodes the documented form. A decoding error says what was expected, and never contains the value.

mod amount;
mod expiry;
mod free_form;
mod named;
mod open;
mod personal;
mod secret;
mod text;
mod timestamp;

pub use amount::{Amount, AmountError};
pub use expiry::{ExpMonth, ExpYear};
pub use free_form::FreeForm;
pub use named::Named;
pub use open::Open;
pub use personal::Personal;
pub use secret::Secret;
pub use text::{Digits, JsonApiVersion, Last4, Reference, Text};
pub use timestamp::Timestamp;
