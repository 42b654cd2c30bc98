//! Decides whether two contracts mean the same.
//!
//! Both documents become one graph of nodes, without the differences that have no meaning. `class` then gives each
//! node a number. Two nodes have the same number exactly if they mean the same. References are followed, including
//! references in cycles. So "the same" is an equivalence by construction. These rewrites don't change the meaning:
//!
//! * JSON: the order of members; `1` and `1.0`.
//! * References: a component under another name, or its content in place of the reference. Names that a discriminator
//!   puts on the wire are part of the meaning.
//! * Combined keywords: an `allOf` with one branch, a nested `allOf`, or a reference with other keywords beside it.
//!   Each means the same as all these keywords in one schema, in any order. So does an `anyOf` or `oneOf` with a
//!   single branch.
//! * Orders: `required`, `enum`, `type`, `tags`, parameters, branches of `allOf`, `anyOf` and `oneOf`, security
//!   alternatives and scopes.
//! * Explicit defaults, such as `minLength: 0`, `required: false`, `additionalProperties: true` or `style: simple` of
//!   a header; empty maps and lists where an absent one means the same.
//! * `const` and an `enum` of one value; `type: x` and `type: [x]`; `nullable` of OpenAPI 3.0 and the type `null`; the
//!   boolean `exclusiveMinimum` of OpenAPI 3.0 and the number.
//! * Bounds of an integer: `minimum: 1` and `exclusiveMinimum: 0`.
//! * Names of headers and media types in another case; `2xx` and `2XX`.
//! * Parameters, servers and security that a path or the whole contract states, instead of each operation.
//! * `x-generated`, which this workspace writes itself.

mod class;
mod closure;
mod graph;
mod kind;
mod reader;
mod schema;

use anyhow::Result;
pub(crate) use graph::{Component, Graph, Id, Root, canonical};
pub(super) use reader::UNUSED;
pub(super) use schema::is_annotation;
use serde_json::Value;

/// Returns both contracts as one graph, and the root of each contract.
pub(super) fn graph<'d>(old: &'d Value, new: &'d Value) -> Result<(Graph<'d>, Root, Root)> {
    let mut graph = Graph::default();
    let old = reader::read(&mut graph, old);
    let new = reader::read(&mut graph, new);
    closure::close(&mut graph)?;
    graph.classes = class::classes(&graph);
    Ok((graph, old, new))
}

#[cfg(test)]
mod tests;
