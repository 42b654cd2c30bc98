//! A client for the VGS Card Management Platform (CMP): store payment cards, get network tokens for them, and pay with
//! those.
//!
//! ```no_run
//! use cmp::{Amount, Client, Cvc, Expiry, NewCard, Pan};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Reads VGS_ENVIRONMENT, VGS_CLIENT_ID and VGS_CLIENT_SECRET.
//!     let cmp = Client::from_env()?;
//!
//!     let pan = Pan::new("5100260000019206")?;
//!     let card = NewCard::new(pan, Expiry::new(12, 2030)?);
//!     let card = card.cvc(Cvc::new("123")?);
//!     let stored = cmp.cards().create(card).await?;
//!     let id = stored.id();
//!
//!     // The network token follows the card: at once, or some moments later.
//!     let token = cmp.network_tokens().wait_for(id).await?;
//!     let cryptogram = cmp.network_tokens().cryptogram(id);
//!     let cryptogram = cryptogram.amount(Amount::usd("19.99")?).await?;
//!
//!     println!("{token:?}\n{cryptogram:?}");
//!     Ok(())
//! }
//! ```
//!
//! # Who sees card numbers
//!
//! Most services never need to see a PAN: VGS Collect takes it from the customer's browser to VGS, and the card's id comes
//! to the service. Only [`Cards::create`] takes a PAN. This is the card data that each call moves:
//!
//! * [`Cards::create`] sends the PAN and the CVC, [`Cards::update`] a new CVC. No other call sends card data.
//! * A [`Card`] has PAN and CVC only with the scope [`cards:read-pci`](operation::Scope::CardsReadPci), and aliases without it. It has its network
//!   tokens.
//! * [`NetworkTokens::provision`] returns the network token; a cryptogram has the network token that
//!   it is for.
//! * `or_pan` of a [payment](payments) needs [`cards:read-pci`](operation::Scope::CardsReadPci), and returns the PAN where there is no network token.
//! * Account updates contain old and new card numbers: PANs or their aliases. They are in [`Card::updates`], in what
//!   [`AccountUpdater::check`] returns, and in webhooks.
//! * Webhooks about network tokens contain network tokens.
//!
//! PANs and CVCs bring a service into the scope of PCI DSS. Ask your assessor what PCI DSS demands for network tokens and
//! cryptograms. serde can read [`Pan`], [`Cvc`] and the requests that hold them. It can write no type that holds card data.
//!
//! # Where things are
//!
//! * [`guide`] follows the steps of VGS's guide, from a service account to lifecycle events.
//! * [`Client`] is where a program starts. [`cards`], [`network_tokens`] and [`account_updater`] have the operations,
//!   [`payments`] what each kind of payment needs, and [`bulk`] runs one operation over many cards.
//! * [`Error`] is what every call fails with. Its predicates say what happened, [`Error::delivery`] says whether the request was sent, and
//!   [`Error::next_step`] what to do if the outcome is unknown. [`error`] has its parts.
//! * [`retry`] says how often and how long to try. [`operation`] lists each operation with its class of repetition and its
//!   scope.
//! * [`auth`] is the source of access tokens, and [`Environment`] the place where requests go.
//! * [`drift`] reports what the service sends and this version doesn't know or can't read.
//! * [`metrics`], with the feature `opentelemetry`, are what the client measures.
//! * [`clock`] is the time that a client sees, for tests.
//! * [`Pan`], [`Cvc`], [`NetworkTokenNumber`] and [`CryptogramValue`] show at most their last four
//!   characters; only their `expose` returns the value.
//! * [`v1`] is the API before CMP, and the way from it.
//! * [`webhooks`], with the feature of that name, verifies and reads notifications.
//! * [`Client::raw`] returns the generated client, which has all operations of the contract. [`http`] has what few programs
//!   need of HTTP, such as a proxy.
//!
//! Calls share connections, also over HTTP/2. If a call ends without a complete response, because of a time-out or because
//! the call was dropped, its connection takes no further request.
//!
//! A client needs a tokio runtime with time and I/O enabled, and panics without one. Make a client for each runtime: a
//! connection works only while the runtime that made it runs.
//!
//! The page of each operation lists its errors. "The transient ones" are 429, 502, 503, 504, broken connections and
//! time-outs.
//!
//! # What is read, and how
//!
//! The service sends more shapes than its schema allows. Each of these is read as said, and tested through a socket.
//!
//! | what comes | how it is read |
//! |---|---|
//! | a member that can't be read, whatever JSON it is | as absent, and counted as [`drift`]; only the id, a cryptogram's value and the like fail a call |
//! | a byte order mark, half a surrogate pair, a number out of range, NULs at the end, a member twice | as if it were mended; of two members the last one counts |
//! | date-times without a zone, without seconds, with a blank for the `T`, as `+0100` and `+01`, with any number of fraction digits | the same moment; without a zone as UTC |
//! | `network_token`, `bin`, `payment_account_reference` as numbers | as text |
//! | `last4`, a CVC, a short cryptogram, an ECI as numbers | with their leading zeros restored |
//! | `last4` that is not four digits, a CVC that is too short, a blank `network_token` or a number of fewer than 12 digits | absent |
//! | `errors` in the place of `data`, with a status of success | as an error |
//! | no `pan`, no `first8`, a long alias or a masked number as `pan` | absent members are `None`; an alias is kept; [`Card::number`] says whether it is a PAN or an alias |
//! | `included` beside `data`, within `data`, both, null, empty, absent | together, sorted by `type`; order has no meaning |
//! | a resource in both places of `included`, or twice in one | once: the copy that changed last, or else the one with more of the members that matter, or else the first |
//! | reports of the account updater with the same id | all that are not equal: the id may be that of the subscription |
//! | `included` unasked, on request only, or `include` refused | found out by the first answers: see [`Cards::get`] |
//! | relationships that name a network token which is not included | [`Card::lists_network_tokens`] is `false` |
//! | `relationships` that can't be read, or in them `network_tokens` | [`Card::lists_network_tokens`] is `false` |
//! | an entry of `included` that can't be read, or the 1001st | left out; [`Card::lists_network_tokens`] is `false` |
//! | an included resource of an unknown type | kept by type and id in [`Card::other_included`] |
//! | a value of an enum in either case, with `-` or `_` | the value |
//! | an unknown value of an enum | kept in that enum's `Other` |
//! | `token_type` among the attributes or in `meta` | [`Card::token_type`]; the attribute counts, and `meta` keeps its own |
//! | unknown members | ignored |
//! | a network token with few attributes | what is there; [`Card::network_token`] says why it can't be used |
//! | 403 in either documented shape | [`Error::details`], [`Error::is_forbidden`] |
//! | 303 with or without a body, with or without `Location` | [`Stored::Existing`]; without both, an error |
//! | `failed-dependency` as 424 or 422 | [`Error::is_without_active_token`] |
//! | 503 and others as JSON, HTML or nothing | the status counts; the body only adds detail |
//! | 204, or 200 to a deletion with an empty body or JSON without `errors` | `()` |
//!
//! # What is logged
//!
//! Each attempt is a `tracing` span `cmp.request` at INFO. Its fields follow OpenTelemetry's conventions for HTTP clients.
//! A retry is an event at DEBUG, with `error.type`, the status, and what happened to the connection. Neither holds a
//! body, a header, a path with an id, or a text that the service wrote.
//!
//! | field | value |
//! |---|---|
//! | `otel.kind` | `client` |
//! | `cmp.operation` | the operation, such as `get_card` |
//! | `http.request.method` | the method |
//! | `http.request.resend_count` | 0 for the first attempt of a call, 1 for the second, … |
//! | `url.template` | the path with the names of its parameters, such as `/cards/{card_id}` |
//! | `server.address`, `server.port` | host and port of the API |
//! | `network.protocol.version` | `1.0`, `1.1` or `2`, once an answer has come |
//! | `http.response.status_code` | the answer's status |
//! | `error.type` | of a failed attempt: the status that the service refused it with, or else `connection`, `timeout`, `decode`, `unexpected_answer` or `invalid_input` |
//! | `cmp.trace_id` | the id that VGS support asks for, if the answer has one |
//!
//! [`metrics`] lists what is measured.
//!
//! The crates below this one (`h2`, `hyper`, `hyper-util`, `rustls`, `rustls-platform-verifier`) would log more. At DEBUG
//! and TRACE, `h2` and `hyper-util` print hosts and the kinds and sizes of frames. They print neither headers nor bodies,
//! but the whole text of a GOAWAY frame, and a server may repeat a request there. `rustls-platform-verifier` prints, at
//! ERROR, the names in a certificate that it refuses. So this client runs them without the process's `tracing`
//! subscriber, at every level.
//!
//! Their texts can still reach a logger of the crate `log`:
//!
//! * `rustls-platform-verifier` logs by `log` itself, also beside a subscriber. So does `rustls`, if some crate of the build
//!   turns on its feature `logging`.
//! * `h2`, `hyper` and `hyper-util` log by `tracing`. It passes their texts on to `log` if the process sets no subscriber, and
//!   some crate of the build turns on the feature `log` of `tracing`.
//!
//! If the program has such a logger, turn the targets `h2`, `hyper`, `hyper_util`, `rustls` and `rustls_platform_verifier`
//! off.
//!
//! [`AccountUpdater::check`]: account_updater::AccountUpdater::check
//! [`Cards::create`]: cards::Cards::create
//! [`Cards::get`]: cards::Cards::get
//! [`Cards::update`]: cards::Cards::update
//! [`CryptogramValue`]: network_tokens::CryptogramValue
//! [`NetworkTokenNumber`]: network_tokens::NetworkTokenNumber
//! [`NetworkTokens::provision`]: network_tokens::NetworkTokens::provision

#![cfg_attr(feature = "webhooks", doc = "[`webhooks`]: webhooks")]
#![cfg_attr(not(feature = "webhooks"), doc = "[`webhooks`]: #where-things-are")]
// docs.rs builds with a nightly compiler, which marks what is behind a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
compile_error!(
    "the service speaks TLS only: enable the feature `rustls` (the default), `rustls-no-provider` or `native-tls`"
);

pub mod account_updater;
pub mod auth;
pub mod bulk;
mod call;
pub mod cards;
mod client;
pub mod clock;
pub mod drift;
mod environment;
pub mod error;
#[cfg(feature = "test-util")]
mod example;
#[doc = include_str!("guide.md")]
#[cfg_attr(feature = "webhooks", doc = "[webhooks]: crate::webhooks")]
#[cfg_attr(not(feature = "webhooks"), doc = "[webhooks]: #5-lifecycle-events")]
#[cfg_attr(feature = "webhooks", doc = "[events]: crate::Wait::events")]
#[cfg_attr(not(feature = "webhooks"), doc = "[events]: crate::Wait::hints")]
pub mod guide {}
pub mod http;
pub mod metrics;
pub mod network_tokens;
pub mod operation;
pub mod payments;
pub mod retry;
#[cfg(test)]
mod schedule;
mod scrub;
mod secret;
pub mod v1;
mod value;
mod wait;
#[cfg(feature = "webhooks")]
pub mod webhooks;

pub use auth::ServiceAccount;
pub use cards::{
    cardholder::{Address, Cardholder},
    model::{Card, Stored},
    new_card::{CardChanges, Metadata, NewCard},
};
/// Times are this crate's `DateTime<Utc>`.
pub use chrono;
pub use client::{Client, ClientBuilder};
/// The generated crate, for [`Client::raw`]. It follows the contract and the generator, and is not part of this crate's
/// promise of compatibility.
pub use cmp_generated as generated;
pub use environment::{CustomEnvironment, Environment};
pub use error::model::{Delivery, Error, ErrorKind, Result};
pub use network_tokens::{
    cryptogram::Cryptogram,
    model::{NetworkToken, Provisioned},
};
/// [`metrics`] take a `Meter` of this crate.
#[cfg(feature = "opentelemetry")]
pub use opentelemetry;
/// An [`Amount`] holds this crate's `Decimal`.
pub use rust_decimal;
pub use secret::{Cvc, Pan};
pub use value::{Amount, CardId, Currency, Expiry, InvalidInput, NetworkTokenId, Text, TraceId};
pub use wait::Wait;
