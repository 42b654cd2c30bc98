//! Webhooks: the service's events about cards and network tokens. Needs the feature `webhooks`.
//!
//! Card networks and issuers change a network token after it is issued. They suspend it, resume it, delete it, or link it
//! to a new card. The account updater reports new numbers and expiry dates. The service sends each of these events by a
//! POST to an address that is set in its dashboard.
//!
//! ```
//! use cmp::webhooks::{
//!     Applied, CardView, Deduplicator, Event, Handled, Signer, StoreError,
//!     Verifier, WebhookSecret,
//! };
//! use http::HeaderMap;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! // Once, when the receiver starts:
//! let secret = WebhookSecret::new("the secret from the dashboard")?;
//! let verifier = Verifier::new(secret.clone());
//! let once = Deduplicator::in_memory(10_000);
//! let mut view = CardView::new("CRDecqZp3xRgXU3TFmtcDdzQs".parse()?);
//!
//! // A request, as the service sends it:
//! let body = br#"{
//!     "id": "evt-1",
//!     "event": "cmp_network_token.updated",
//!     "timestamp": "2025-01-15T10:00:00.000Z",
//!     "details": {
//!         "card_id": "CRDecqZp3xRgXU3TFmtcDdzQs",
//!         "network_token_id": "NTK1",
//!         "state": "SUSPENDED"
//!     }
//! }"#;
//! let mut headers = HeaderMap::new();
//! headers.insert(Signer::HEADER, Signer::new(secret).sign(body).parse()?);
//!
//! // For each request, with its headers and its raw body:
//! let event: Event = verifier.verify(&headers, body)?.parse()?;
//! let work = async || Ok::<_, StoreError>(view.apply(&event));
//! let handled = once.handle(&event, work).await?;
//! assert_eq!(handled, Handled::Now(Applied::Changed));
//! assert!(!view.network_token().unwrap().is_usable());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/webhooks.rs` in the repository is a complete receiver with axum and the simulator.
//!
//! # The steps for each request
//!
//! 1. Take the body as bytes, up to [`LARGEST_BODY`], because anybody may send one. Answer 413 to a larger one. A JSON
//!    extractor of a framework does not return the text that was signed.
//! 2. [`Verifier::verify`] the signature. If it does not fit, answer 401.
//! 3. [`Verified::parse`] the body into an [`Event`]. If it is not an event, answer 400.
//! 4. [`Deduplicator::handle`] the event. The service documents neither the order nor the number of deliveries, so an
//!    event may come again.
//! 5. [`CardView::apply`] the event, or do other work. The order of events that name their card makes no difference to a
//!    view.
//! 6. Answer with a 2xx status. Answer 503 if step 4 or 5 failed for now.
//!
//! # How input is read
//!
//! | input | result |
//! |---|---|
//! | several signatures in one header, or several headers | accepted if one fits; four different times at most |
//! | a signed time outside of the tolerance, past or future | refused |
//! | signatures in upper case | accepted; Base64 and other lengths are refused as malformed |
//! | names with `-`, `_`, `.`, in either case; `enrollment.failed` alone | the same event |
//! | an unknown event | [`Details::Other`], or the `Other` of its kind |
//! | unknown members; known ones of another type, or longer than 8 KiB | absent |
//! | a byte order mark, half a surrogate pair, bytes that are not UTF-8, NULs at the end | repaired |
//! | numbers instead of strings of digits | text, for card and token numbers and their parts, months, years, `occurrence`, the event's id |
//! | a `pan_alias` that [`PanAlias`](crate::v1::PanAlias) refuses | absent |
//! | an update of V1 without an account number, where V1 has the alias (inferred) | not applied to any view |
//! | booleans as strings | read for `fingerprint_matches` only |
//! | unknown members of any depth, and numbers of any size in them | skipped |
//! | `MMYY`; month and year with two digits or four | [`Expiry`](crate::Expiry) |
//! | `network_token`, `new_account_number`, `old_account_number` | secrets |
//! | a network token without `state` | the state that the event's name or the reason code implies |
//! | date-times without a zone | UTC |
//! | a body that is not UTF-8, not JSON, not an object, or without id or event name | refused, each with its own error |
//!
//! Sources: VGS's documentation of notifications for the envelope, the events and the header's name; a published demo for
//! the form of the signature, which VGS does not document. Scheme and tolerance can therefore be set.

#[cfg(feature = "test-util")]
pub mod conformance;
mod deduplicator;
mod latest;
mod members;
mod model;
#[cfg(test)]
mod schedules;
mod signature;
mod verifier;
mod view;

use std::time::Duration;

pub use self::{
    deduplicator::{
        Claim, ClaimOutcome, Deduplicator, EventStore, Handled, MemoryStore, StoreError, StoreFuture,
    },
    model::{
        CardUpdateDetails, Details, Event, NetworkTokenDetails, NetworkTokenEvent, OtherDetails, Producer,
    },
    signature::{SignatureScheme, Signer, WebhookSecret},
    verifier::{Verified, Verifier},
    view::{Applied, CardView, TokenView},
};
pub use crate::secret::DetailValue;

pub(crate) use self::view::CardKey;

/// The largest body that a receiver should read, in bytes: 64 KiB, about thirty times the size of a webhook.
///
/// Verifying computes a MAC over the whole body before the sender is known.
pub const LARGEST_BODY: usize = 64 * 1024;

/// An error that says why a webhook is not accepted. No message repeats anything of the body or of the signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The request has no signature header.
    #[error("the request has no signature header")]
    NoSignature,
    /// The signature header can't be read.
    #[error("the signature header {rule}")]
    MalformedSignature {
        /// What is wrong with the header.
        rule: &'static str,
    },
    /// No signature in the header fits the body and one of the secrets.
    #[error("no signature fits the body")]
    WrongSignature,
    /// The signature is right, but older than the tolerance: the request is late or replayed.
    #[error("the webhook was signed {} s ago, which is too long", .age.as_secs())]
    TooOld {
        /// The time since it was signed, in whole seconds.
        age: Duration,
    },
    /// The signature is right, but further in the future than the tolerance: one of the clocks is wrong.
    #[error("the webhook was signed {} s in the future", .ahead.as_secs())]
    TooNew {
        /// The time from now to the signed time, in whole seconds.
        ahead: Duration,
    },
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not JSON, at line {line} column {column}")]
    NotJson {
        /// The line of the first mistake, from 1.
        line: usize,
        /// The column of the first mistake.
        column: usize,
    },
    /// The body is JSON, but not an event.
    #[error("the body is not an event: {rule}")]
    NotAnEvent {
        /// What is wrong with the body.
        rule: &'static str,
    },
}

impl WebhookError {
    /// Returns `true` if the sender could not be verified: answer 401 and do nothing. Otherwise the body is at fault:
    /// answer 400.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        matches!(
            self,
            Self::NoSignature
                | Self::MalformedSignature { .. }
                | Self::WrongSignature
                | Self::TooOld { .. }
                | Self::TooNew { .. }
        )
    }

    /// The name of the error in metrics.
    fn telemetry_name(&self) -> &'static str {
        match self {
            Self::NoSignature => "no_signature",
            Self::MalformedSignature { .. } => "malformed_signature",
            Self::WrongSignature => "wrong_signature",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson { .. } => "not_json",
            Self::NotAnEvent { .. } => "not_an_event",
        }
    }

    fn malformed(rule: &'static str) -> Self {
        Self::MalformedSignature { rule }
    }
}
