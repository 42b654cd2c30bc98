//! Drift: anything in responses that this version of the crate does not know.
//!
//! Drift does not make a call fail. Unknown members are ignored, unknown values and types are kept, and unreadable members
//! count as absent. But it shows that the API has changed. A client that is built with
//! [`watch_drift`](crate::ClientBuilder::watch_drift) or [`on_drift`](crate::ClientBuilder::on_drift) counts it by
//! operation and name; other clients do not look for it.
//!
//! Drift contains names that cannot be secrets, and no values of members. It is everything outside of the contract
//! (`openapi/cmp.json` in the repository) that this version was generated from.
//!
//! ```
//! use cmp::{Client, Environment, ServiceAccount};
//!
//! fn connect() -> cmp::Result<Client> {
//!     Client::builder(Environment::Sandbox)
//!         .service_account(ServiceAccount::from_env()?)
//!         .on_drift(|event| eprintln!("{event}"))
//!         .build()
//! }
//! ```
//!
//! An event prints as `create_card: unknown member a_later_member, seen 1 time`.

mod watch;

use std::fmt;

pub(crate) use self::watch::Watch;
use crate::operation::Operation;

/// The kind of an unknown thing in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DriftKind {
    /// A status that the contract does not have for the operation.
    Status,
    /// A member that the contract does not have there.
    Member,
    /// A value that is not in a list of the contract, or an unknown state of a network token.
    EnumValue,
    /// A type of included resource that the contract does not have.
    IncludedType,
    /// A member that does not match the contract and counts as absent.
    Unreadable,
}

impl DriftKind {
    fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Member => "member",
            Self::EnumValue => "enum_value",
            Self::IncludedType => "included_type",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An unknown thing in the responses of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftEvent {
    /// The operation of the response.
    pub operation: Operation,
    /// The kind of the thing.
    pub kind: DriftKind,
    /// The status, or the path of the member, such as `included[network_tokens].attributes.later`. A name in the path
    /// that could be a secret is `***`.
    pub name: String,
    /// The unknown value of an [`EnumValue`](DriftKind::EnumValue) or [`IncludedType`](DriftKind::IncludedType), unless
    /// it could be a secret.
    pub value: Option<String>,
    /// How often the client and its clones have seen it, including this time.
    pub count: u64,
}

impl fmt::Display for DriftEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DriftKind::Status => "unknown status",
            DriftKind::Member => "unknown member",
            DriftKind::EnumValue => "unknown value of",
            DriftKind::Unreadable => "unreadable member",
            DriftKind::IncludedType => "unknown type in",
        };
        write!(f, "{}: {what} {}", self.operation, self.name)?;
        if let Some(value) = &self.value {
            write!(f, " ({value})")?;
        }
        write!(f, ", seen {} time{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

/// Everything unknown that a client and its clones have seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The unknown things, by operation, kind and name.
    pub events: Vec<DriftEvent>,
    /// How often something unknown was seen that is not in the list, because the list is full. The hook is not called
    /// for these.
    pub unlisted: u64,
}

impl Drift {
    /// Returns `true` if nothing unknown was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.unlisted == 0
    }
}
