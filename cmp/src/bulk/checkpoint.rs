use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value};

use crate::{
    operation::Operation,
    value::{CardId, read},
};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// The greatest number that is read. A number with one digit more could be that of a card, and no run is that long.
pub(super) const MOST: u64 = 99_999_999_999;

/// How far a run has come in its source, to store and to resume from in another process: see
/// [`BulkRun::resume_from`](super::BulkRun::resume_from).
///
/// It names items by their position in the source, and cards by their id. It holds no card number. The default is the start
/// of a source. Its size depends on the concurrency of the run, not on the number of items.
///
/// Stored, it is an object for self-describing formats such as JSON. A version or a member that this version of the crate
/// does not know is an error.
///
/// ```
/// use cmp::bulk::Checkpoint;
///
/// let start = serde_json::to_string(&Checkpoint::default())?;
/// assert_eq!(serde_json::from_str::<Checkpoint>(&start)?.acknowledged(), 0);
///
/// let newer = r#"{"version": 2, "cursor": "x"}"#;
/// let error = serde_json::from_str::<Checkpoint>(newer).unwrap_err();
/// assert!(error.to_string().contains("has version 2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Stored")]
pub struct Checkpoint {
    /// `None` at the start of a source.
    pub(super) operation: Option<Operation>,
    /// How many items were taken from the source.
    pub(super) taken: u64,
    /// A checksum of the ids of these items.
    pub(super) checksum: Checksum,
    /// Those of them without an acknowledged outcome, by position.
    pub(super) unfinished: BTreeMap<u64, Unfinished>,
    /// The deletion of an item at or after `taken` may have begun if its position is less.
    pub(super) deletions_below: u64,
}

/// An item without an acknowledged outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// `None` for a card that is to be created.
    pub(super) id: Option<CardId>,
    pub(super) deletion_begun: bool,
}

impl Checkpoint {
    /// Returns the number of items that are acknowledged without a gap, from the start of the source.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.unfinished.keys().next().copied().unwrap_or(self.taken)
    }

    /// Returns the number of items that are acknowledged in all.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.taken - self.unfinished.len() as u64
    }

    /// Returns the ids of the cards that were started and have no acknowledged outcome, in the order of the source. Cards to
    /// create have no id.
    pub fn unfinished(&self) -> impl Iterator<Item = &CardId> {
        self.unfinished.values().filter_map(|item| item.id.as_ref())
    }
}

/// A checksum of a sequence of ids (FNV-1a), to find out whether a source yields the same items again.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Checksum(u64);

/// Without its number, which is as long as a card's.
impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checksum")
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    pub(super) fn add(&mut self, id: &CardId) {
        // The separator is in no id.
        for byte in id.as_str().bytes().chain([b'/']) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl From<Checksum> for String {
    fn from(Checksum(sum): Checksum) -> Self {
        format!("{sum:016x}")
    }
}

impl TryFrom<String> for Checksum {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sum = u64::from_str_radix(&text, 16).map(Self).map_err(|_| NOT_WRITTEN_HERE)?;
        if String::from(sum) == text { Ok(sum) } else { Err(NOT_WRITTEN_HERE) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u64,
    operation: Option<String>,
    taken: u64,
    checksum: Checksum,
    unfinished: Vec<StoredItem>,
    deletions_below: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredItem {
    position: u64,
    id: Option<CardId>,
    deletion_begun: bool,
}

impl From<Checkpoint> for Stored {
    fn from(checkpoint: Checkpoint) -> Self {
        let unfinished = checkpoint.unfinished.into_iter().map(|(position, item)| StoredItem {
            position,
            id: item.id,
            deletion_begun: item.deletion_begun,
        });
        Self {
            version: VERSION,
            operation: checkpoint.operation.map(|operation| operation.name().to_owned()),
            taken: checkpoint.taken,
            checksum: checkpoint.checksum,
            unfinished: unfinished.collect(),
            deletions_below: checkpoint.deletions_below,
        }
    }
}

const NOT_WRITTEN_HERE: &str = "the checkpoint is not one that a run returned";

impl TryFrom<Stored> for Checkpoint {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let operation = stored.operation.map(|name| {
            let known = Operation::ALL.iter().find(|operation| operation.name() == name);
            known.copied().ok_or("the checkpoint is of an operation that this version of cmp does not know")
        });
        let count = stored.unfinished.len();
        let unfinished: BTreeMap<_, _> = stored
            .unfinished
            .into_iter()
            .map(|item| (item.position, Unfinished { id: item.id, deletion_begun: item.deletion_begun }))
            .collect();
        let are_taken = unfinished.keys().next_back().is_none_or(|last| *last < stored.taken);
        let are_counts = stored.taken <= MOST && stored.deletions_below <= MOST;
        // What is done was done by some operation.
        let has_operation = operation.is_some() || stored.taken == 0;
        if unfinished.len() != count || !are_taken || !are_counts || !has_operation {
            return Err(NOT_WRITTEN_HERE);
        }
        Ok(Self {
            operation: operation.transpose()?,
            taken: stored.taken,
            checksum: stored.checksum,
            unfinished,
            deletions_below: stored.deletions_below,
        })
    }
}

/// From the object that it is stored as. An error does not repeat a value.
impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored: Map<String, Value> = read::members(deserializer, "checkpoint")?;
        // The version first: it explains what else is not as expected.
        match stored.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(version @ ..=MOST) => {
                return Err(D::Error::custom(format_args!(
                    "the checkpoint has version {version}, and this version of cmp reads only version {VERSION}"
                )));
            }
            _ => return Err(D::Error::custom(NOT_WRITTEN_HERE)),
        }
        let stored = Stored::deserialize(Value::Object(stored)).map_err(|_| {
            D::Error::custom("the checkpoint has other members than version 1 has, or other values")
        })?;
        stored.try_into().map_err(D::Error::custom)
    }
}
