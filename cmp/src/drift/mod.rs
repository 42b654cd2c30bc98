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

mod known;
mod model;
mod walk;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use zeroize::Zeroizing;

pub use self::model::{Drift, DriftEvent, DriftKind};
use self::{known::Known, walk::Finding};
use crate::operation::Operation;

/// Names come from the service, so their number needs a limit.
const MOST_ENTRIES: usize = 256;

type Hook = Box<dyn Fn(&DriftEvent) + Send + Sync>;
type Key = (&'static str, DriftKind, String, Option<String>);

/// Looks at responses and counts what is unknown in them.
#[derive(Default)]
pub(crate) struct Watch {
    counted: Mutex<Counted>,
    hook: Option<Hook>,
}

#[derive(Default)]
struct Counted {
    entries: BTreeMap<Key, DriftEvent>,
    unlisted: u64,
}

impl Watch {
    pub(crate) fn with_hook(hook: impl Fn(&DriftEvent) + Send + Sync + 'static) -> Self {
        Self { hook: Some(Box::new(hook)), ..Self::default() }
    }

    /// `unreadable` lists the paths of the members of a body that can't be read.
    pub(crate) fn look_at(
        &self,
        operation: Operation,
        status: u16,
        body: &[Bytes],
        unreadable: fn(&[u8]) -> Vec<String>,
    ) {
        let known = Known::get();
        let Some(shape) = known.answer(operation.name(), status) else {
            return self.count(
                operation,
                Finding { kind: DriftKind::Status, name: status.to_string(), value: None },
            );
        };
        let look = |body: &[u8]| (walk::unknown_in(body, shape, known), unreadable(body));
        let (unknown, unreadable) = match body {
            [] => return,
            [whole] => look(whole),
            pieces => look(&Zeroizing::new(pieces.concat())),
        };
        let unreadable = unreadable.iter().map(|path| Finding {
            kind: DriftKind::Unreadable,
            name: walk::harmless_path(path),
            value: None,
        });
        for finding in unknown.into_iter().chain(unreadable) {
            self.count(operation, finding);
        }
    }

    pub(crate) fn snapshot(&self) -> Drift {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        Drift { events: counted.entries.values().cloned().collect(), unlisted: counted.unlisted }
    }

    fn count(&self, operation: Operation, finding: Finding) {
        let event = self.counted.lock().unwrap_or_else(PoisonError::into_inner).add(operation, finding);
        // The lock is free again: the hook may ask for the snapshot.
        if let (Some(hook), Some(event)) = (&self.hook, event) {
            hook(&event);
        }
    }
}

impl Counted {
    fn add(&mut self, operation: Operation, finding: Finding) -> Option<DriftEvent> {
        let Finding { kind, name, value } = finding;
        let key = (operation.name(), kind, name.clone(), value.clone());
        if self.entries.len() >= MOST_ENTRIES && !self.entries.contains_key(&key) {
            self.unlisted += 1;
            return None;
        }
        let entry = self.entries.entry(key).or_insert(DriftEvent { operation, kind, name, value, count: 0 });
        entry.count += 1;
        Some(entry.clone())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("drift", &self.snapshot()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_names_has_an_end() {
        let watch = Watch::default();
        for number in 0..MOST_ENTRIES + 10 {
            let name = format!("member{number}");
            watch.count(Operation::GetCard, Finding { kind: DriftKind::Member, name, value: None });
        }
        let name = "member0".to_owned();
        watch.count(Operation::GetCard, Finding { kind: DriftKind::Member, name, value: None });
        let drift = watch.snapshot();
        assert_eq!((drift.events.len(), drift.unlisted), (MOST_ENTRIES, 10));
        assert!(drift.events.iter().any(|event| event.count == 2));
    }
}
