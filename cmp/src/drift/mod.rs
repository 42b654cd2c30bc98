//! Drift: what the service sends and this version of the crate doesn't know.
//!
//! None of it makes a call fail: unknown members are ignored, unknown values and types kept, and members that can't be
//! read count as absent. But each is a sign that the
//! API has moved on, to be seen before it hurts. A client that was built with
//! [`watch_drift`](crate::ClientBuilder::watch_drift) counts them by operation and name; without, nothing is looked at.
//!
//! Only names are kept, and only those that can't hold a secret; values of members never. What is known is the contract
//! (`openapi/cmp.json` in the repository) that this version was generated from.
//!
//! ```
//! # cmp::example!(cmp_simulator::Simulator::builder(), |simulator, other| {
//! # simulator.configure(|settings| settings.readings.future_values = true);
//! # let environment = cmp::Environment::custom(simulator.url(), simulator.token_url())?;
//! # let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
//! use cmp::drift::DriftKind;
//!
//! let cmp = cmp::Client::builder(environment)
//!     .service_account(account)
//!     .on_drift(|event| eprintln!("{event}"))
//!     .build()?;
//! # let pan = cmp::Pan::new("5100260000019206")?;
//! cmp.cards().create(cmp::NewCard::new(pan, cmp::Expiry::new(12, 2030)?)).await?;
//!
//! let drift = cmp.drift();
//! let member = drift.events().iter().find(|event| event.kind() == DriftKind::Member).unwrap();
//! assert_eq!(member.to_string(), "create_card: unknown member a_later_member, seen 1 time");
//! # });
//! ```

mod known;
mod walk;
mod watch;

use std::fmt;

use crate::operation::Operation;

pub(crate) use watch::Watch;

/// What kind of thing was unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DriftKind {
    /// A status that the contract doesn't have for the operation.
    Status,
    /// A member of an answer that the contract doesn't have there.
    Member,
    /// A value that a list of the contract doesn't have, or an unknown state of a network token.
    EnumValue,
    /// A type of included resource that the contract doesn't have.
    IncludedType,
    /// A member that can't be read as what the contract says, and counts as absent.
    Unreadable,
}

/// Something unknown in an answer, and how often it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftEvent {
    operation: Operation,
    kind: DriftKind,
    name: String,
    value: Option<String>,
    count: u64,
}

impl DriftEvent {
    /// The operation whose answer it was in.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> DriftKind {
        self.kind
    }

    /// The status, or the path of the member with `***` in the place of a name that could hold a secret:
    /// `included[network_tokens].attributes.later`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unknown word of an [`EnumValue`](DriftKind::EnumValue) or [`IncludedType`](DriftKind::IncludedType), unless
    /// it could hold a secret.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// How often it has been seen, this time included; 1 for something new.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for DriftEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, name) = (self.operation, &self.name);
        match self.kind {
            DriftKind::Status => write!(f, "{operation}: unknown status {name}")?,
            DriftKind::Member => write!(f, "{operation}: unknown member {name}")?,
            DriftKind::EnumValue => write!(f, "{operation}: unknown value of {name}")?,
            DriftKind::Unreadable => write!(f, "{operation}: unreadable member {name}")?,
            DriftKind::IncludedType => write!(f, "{operation}: unknown type in {name}")?,
        }
        if let Some(value) = &self.value {
            write!(f, " ({value})")?;
        }
        write!(f, ", seen {} time{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

/// All that a client and its clones have seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    events: Vec<DriftEvent>,
    unlisted: u64,
}

impl Drift {
    /// What was seen, by operation, kind and name.
    #[must_use]
    pub fn events(&self) -> &[DriftEvent] {
        &self.events
    }

    /// How many sightings are not among the events, because there were too many different ones. Neither was the hook
    /// told of them.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Whether nothing unknown was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.unlisted == 0
    }
}
