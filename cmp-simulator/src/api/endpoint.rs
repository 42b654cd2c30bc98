//! An operation of the simulator: what it needs, what it does, and its own statuses.

use serde_json::{Value, json};

use crate::api::problem::Problem;
use crate::api::request::Context;
use crate::how::How;
use crate::http::Reply;
use crate::operation::Operation;
use crate::settings::Scope;
use crate::state::State;

/// Each file of the API has a list of these.
pub(crate) struct Endpoint {
    pub(crate) operation: Operation,
    /// `None` for the token endpoint
    pub(crate) scope: Option<Scope>,
    pub(crate) handle: fn(&mut State, &Context<'_>) -> Result<Reply, Problem>,
    /// The statuses that only this operation has; `provoke` adds those that all have
    pub(crate) outcomes: &'static [(u16, How)],
    /// A body that it takes; `None` for an operation without a body
    pub(crate) valid_body: Option<fn() -> Value>,
}

/// Returns a request body with these attributes.
pub(crate) fn attributes(attributes: &Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}
