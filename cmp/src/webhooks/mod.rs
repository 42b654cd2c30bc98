//! Notifications: what happens to cards and network tokens, told by the service.
//!
//! After a network token is issued, its network and issuer change it: they suspend it, resume it, delete it, or link it
//! to a new card. The account updater learns of new numbers and expiry dates. The service tells of all this by a POST to
//! an address that is set in its dashboard. Needs the feature `webhooks`.
//!
//! ```
//! use cmp::{
//!     CardId, NetworkTokenState,
//!     webhooks::{Applied, CardView, Deduplicator, Handled, SeenError, Signer, Verifier, WebhookSecret},
//! };
//! use http::HeaderMap;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! // Once, when the receiver starts:
//! let verifier = Verifier::new(WebhookSecret::new("the secret from the dashboard")?)?;
//! let once = Deduplicator::in_memory(10_000);
//! let mut view = CardView::new("CRDecqZp3xRgXU3TFmtcDdzQs".parse::<CardId>()?);
//!
//! # let body = br#"{"id": "evt-1", "event": "cmp_network_token.updated", "timestamp": "2025-01-15T10:00:00.000Z",
//! #   "details": {"card_id": "CRDecqZp3xRgXU3TFmtcDdzQs", "network_token_id": "NTK1", "state": "SUSPENDED"}}"#;
//! # let mut headers = HeaderMap::new();
//! # let signer = Signer::new(WebhookSecret::new("the secret from the dashboard")?)?;
//! # headers.insert(Signer::HEADER, signer.sign(body).parse()?);
//! // For each request, with its headers and its body as it came:
//! let event = verifier.verify(&headers, body)?.parse()?;
//! let handled = once.handle(&event, async || Ok::<_, SeenError>(view.apply(&event))).await?;
//! assert_eq!(handled, Handled::Now(Applied::Changed));
//! assert_eq!(view.network_token().and_then(|token| token.state()), Some(&NetworkTokenState::Suspended));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/webhooks.rs` in the repository is a whole receiver, with axum and the simulator.
//!
//! # What to do with each request
//!
//! 1. Take the body as octets, up to [`LARGEST_BODY`]: before the signature is verified, anybody may send one. Answer 413
//!    to a larger one. A framework's JSON extractor gives another text than the one that was signed.
//! 2. [`Verifier::verify`]: without a signature that fits, anybody could have sent it. Answer 401.
//! 3. [`Verified::parse`]: an [`Event`], or the body is none. Answer 400.
//! 4. [`Deduplicator::handle`]: neither order nor number of deliveries is documented, so an event may come again.
//! 5. [`CardView::apply`], or what else the event means to the service. A view doesn't depend on the order of events that name
//!    their card.
//! 6. Answer with a 2xx status; 503 where step 4 or 5 failed for now.
//!
//! # What is read, and how
//!
//! | what comes | how it is read |
//! |---|---|
//! | several signatures in one header, or several headers | one that fits is enough; four different times at most |
//! | a time further from now than the tolerance, past or future | refused, though signed |
//! | signatures in upper case | accepted; Base64 and other lengths are refused as malformed |
//! | names with `-`, `_`, `.`, in either case; `enrollment.failed` alone | the same event |
//! | an event that this version doesn't know | [`Details::Other`], or the `Other` of its kind |
//! | unknown members; known ones of another type, or too long for any text of the API | as absent |
//! | a byte order mark, half a surrogate pair, octets that are not UTF-8, NULs at the end | as if they were mended |
//! | numbers: of digits only, where digits are meant | as text: card and token numbers and their parts, months, years, `occurrence`, the event's id |
//! | a `pan_alias` that [`PanAlias`](crate::v1::PanAlias) doesn't take | as absent |
//! | an update of V1 without an account number, which is the alias there (inferred) | of no view |
//! | truth values, as such or as text | for `fingerprint_matches` only |
//! | any depth, and numbers of any size, in unknown members | skipped |
//! | `MMYY`; month and year with two digits or four | [`Expiry`](crate::Expiry) |
//! | `network_token`, `new_account_number`, `old_account_number` | secrets |
//! | no `state` of a network token | as the event's name or the reason code implies |
//! | date-times without a zone | as UTC |
//! | a byte order mark | skipped |
//! | a body that is not UTF-8, not JSON, not an object, without id or event name | refused, each told apart |
//!
//! Sources: VGS's documentation of notifications for the envelope, the events and the header's name; a published demo
//! for the form of the signature, which VGS doesn't document. Header, scheme and tolerance can therefore be set.

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
pub use repeats::{Claim, Deduplicator, Handled, MemoryStore, SeenError, SeenEvents, SeenFuture, Sighting};
pub use signer::Signer;
pub use verifier::{Verified, Verifier};
pub(crate) use view::Subject;
pub use view::{Applied, CardView, TokenView};

pub use crate::secret::{DetailValue, WebhookSecret};

/// The largest body that a receiver should read, in octets: 64 KiB, some thirty times what a notification has.
///
/// Verifying costs a MAC over the whole body, before it is known who sent it.
pub const LARGEST_BODY: usize = 64 * 1024;
