//! What a comparison yields.

use serde::Serialize;

/// How much a change asks of those who it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Words only: nothing that is sent or received changes.
    Documentation,
    /// What worked works on.
    Additive,
    /// No rule knows what the change means.
    Unclassified,
    /// Something that worked may fail.
    Breaking,
}

/// Whom a change concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    /// Those who send requests.
    Callers,
    /// Those who read answers and notifications.
    Readers,
    Both,
}

/// The Rust items that a change touches, as paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Items {
    /// In `cmp_generated`.
    pub(crate) generated: Vec<String>,
    /// In `cmp`.
    pub(crate) facade: Vec<String>,
}

impl Items {
    pub(crate) fn extend(&mut self, more: Self) {
        add_new(&mut self.generated, more.generated);
        add_new(&mut self.facade, more.facade);
    }
}

/// One change of the contract.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Change {
    /// What kind of change it is, as oasdiff calls it where oasdiff knows it.
    pub(crate) id: String,
    pub(crate) level: Level,
    #[serde(rename = "for")]
    pub(crate) side: Side,
    /// `METHOD /path` or `webhook name` of each operation that it reaches; empty for the whole contract.
    pub(crate) operations: Vec<String>,
    /// The member of the body, such as `data.attributes.cvc`, where it is first met; empty for none.
    pub(crate) member: String,
    /// JSON pointer in the new contract, or in the old one of what is gone.
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) items: Items,
}

/// Appends what `list` does not have yet.
pub(crate) fn add_new(list: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
