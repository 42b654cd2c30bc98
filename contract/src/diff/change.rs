//! A change of the contract, and how heavy it is.

use serde::Serialize;

/// How heavy a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Only descriptions change.
    Documentation,
    /// Programs that work today still work.
    Additive,
    /// No rule knows what the change means.
    Unclassified,
    /// Programs that work today may fail.
    Breaking,
}

/// Who is affected by a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    /// Programs that send requests.
    Callers,
    /// Programs that read responses and notifications.
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
    /// The kind of change, by oasdiff's name where oasdiff has one.
    pub(crate) id: String,
    pub(crate) level: Level,
    #[serde(rename = "for")]
    pub(crate) side: Side,
    /// Each operation that the change reaches, as `METHOD /path` or `webhook name`. Empty for the whole contract.
    pub(crate) operations: Vec<String>,
    /// The first affected member of the body, such as `data.attributes.cvc`. Empty if no member is affected.
    pub(crate) member: String,
    /// The JSON pointer in the new contract. For a removed part, it is the pointer in the old contract.
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) items: Items,
}

/// Appends the items that `list` does not contain yet.
pub(crate) fn add_new(list: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
