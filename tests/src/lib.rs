//! Holds the crates against each other and against the contract: what the facade says of an operation, what the
//! simulator does, and what `openapi/cmp.json` and the README say. The tests are in `tests/`.

pub mod marks;
