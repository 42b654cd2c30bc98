//! The shapes of responses in the contract: the names of members, values and types.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::value::NetworkTokenState;

/// Written by `cargo xtask spec merge` from the contract.
const DOCUMENT: &str = include_str!("known.json");

/// The contract does not have it; error responses do, and the facade reads the trace id from it.
const NOT_IN_CONTRACT: (&str, &str) = ("ErrorResponse", "metadata");

/// The contract has no list of values here; the facade has one.
const TOKEN_STATE: (&str, &str) = ("NetworkTokenAttributes", "state");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// Operation → status → the shape of the response, if it is JSON.
    operations: BTreeMap<String, BTreeMap<u16, Option<Shape>>>,
    schemas: BTreeMap<String, Shape>,
}

/// The shape of a value in a response. Anything that it leaves out is not checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Shape {
    /// The names of further shapes that the value may have.
    pub(super) refs: Vec<String>,
    /// Further shapes that the value may have.
    pub(super) any: Vec<Shape>,
    pub(super) members: Option<BTreeMap<String, Shape>>,
    /// The shape of all other members.
    pub(super) rest: Option<Box<Shape>>,
    pub(super) items: Option<Box<Shape>>,
    pub(super) values: Option<Vec<String>>,
    /// Shapes by the value of the member `type`.
    pub(super) kinds: Option<BTreeMap<String, Shape>>,
    #[serde(skip)]
    pub(super) is_token_state: bool,
}

impl Known {
    pub(super) fn get() -> &'static Self {
        static KNOWN: LazyLock<Known> = LazyLock::new(Known::read);
        &KNOWN
    }

    fn read() -> Self {
        let mut known: Self = serde_json::from_str(DOCUMENT).unwrap_or_default();
        let (schema, member) = TOKEN_STATE;
        let members = known.schemas.get_mut(schema).and_then(|schema| schema.members.as_mut());
        if let Some(state) = members.and_then(|members| members.get_mut(member)) {
            state.is_token_state = true;
        }
        let (schema, member) = NOT_IN_CONTRACT;
        if let Some(members) = known.schemas.get_mut(schema).and_then(|schema| schema.members.as_mut()) {
            members.entry(member.to_owned()).or_default();
        }
        known
    }

    /// Returns the shape of a response; `None` for a status that the contract does not have.
    pub(super) fn answer(&self, operation: &str, status: u16) -> Option<&Shape> {
        static FREE: LazyLock<Shape> = LazyLock::new(Shape::default);
        let shape = self.operations.get(operation)?.get(&status)?;
        Some(shape.as_ref().unwrap_or(&FREE))
    }

    /// Returns the shape and the further shapes that the value may have.
    pub(super) fn alternatives<'k>(&'k self, shape: &'k Shape) -> Vec<&'k Shape> {
        let mut found = vec![shape];
        let mut next = 0;
        while let Some(shape) = found.get(next).copied() {
            found.extend(shape.any.iter());
            found.extend(shape.refs.iter().filter_map(|name| self.schemas.get(name)));
            next += 1;
        }
        found
    }
}

impl Shape {
    pub(super) fn knows(&self, value: &str) -> bool {
        if self.is_token_state {
            return !matches!(value.parse(), Ok(NetworkTokenState::Other(_)));
        }
        self.values.iter().flatten().any(|known| known == value)
    }

    pub(super) fn is_list_of_values(&self) -> bool {
        self.is_token_state || self.values.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    #[test]
    fn the_document_covers_every_operation_and_resolves() {
        let known: Known = serde_json::from_str(DOCUMENT).unwrap();
        for operation in Operation::ALL {
            assert!(known.operations.contains_key(operation.name()), "{operation}");
        }
        let answers = known.operations.values().flat_map(BTreeMap::values).flatten();
        for shape in answers.chain(known.schemas.values()) {
            for name in &shape.refs {
                assert!(known.schemas.contains_key(name), "{name}");
            }
        }
        let (schema, member) = TOKEN_STATE;
        assert!(Known::get().schemas[schema].members.as_ref().unwrap()[member].is_token_state);
    }
}
