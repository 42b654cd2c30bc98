//! Tests that need more than one crate of the workspace live in this package's `tests` folder.
