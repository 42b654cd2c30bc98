//! Two contracts in, findings out.
//!
//! `document` compares what holds for the whole contract, `operations` each operation, `schema` what is sent and
//! received, `limits` the numbers in it. `place` says where a walk stands, `view` is a schema without its detours.

mod document;
mod limits;
mod operations;
mod place;
mod properties;
mod schema;
mod security;
mod view;

use serde_json::Value;

use super::change::{Level, Side};
pub(crate) use operations::template;
pub(crate) use place::{Operation, Part, Place, Step};

/// What of the Rust side a finding is about.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The contract as a whole: no item.
    Contract,
    /// One operation.
    Operation(Operation),
    /// A parameter, a body, or a member of one.
    Member(Place),
    /// Values of a list at that place.
    Values(Place, Vec<String>),
}

#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) side: Side,
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) target: Target,
}

/// All differences between two corrected contracts, in the order of the new one.
pub(crate) fn compare(old: &Value, new: &Value) -> Vec<Finding> {
    let mut compare = Compare { old, new, findings: Vec::new(), open: Vec::new() };
    compare.document();
    compare.operations();
    compare.findings
}

struct Compare<'d> {
    old: &'d Value,
    new: &'d Value,
    findings: Vec<Finding>,
    /// The pairs of schemas that the walk is in, to see where they contain themselves.
    open: Vec<(String, String)>,
}

impl Compare<'_> {
    fn contract(&mut self, id: &str, (level, side): (Level, Side), at: &str, text: String) {
        self.findings.push(Finding {
            id: id.to_owned(),
            level,
            side,
            at: at.to_owned(),
            text,
            target: Target::Contract,
        });
    }

    fn operation(&mut self, operation: &Operation, id: &str, verdict: (Level, Side), at: &str, text: String) {
        let target = Target::Operation(operation.clone());
        self.findings.push(Finding {
            id: id.to_owned(),
            level: verdict.0,
            side: verdict.1,
            at: at.to_owned(),
            text,
            target,
        });
    }

    /// A finding about the member at `place`, whose id begins with what `place` is.
    fn member(&mut self, place: &Place, suffix: &str, level: Level, at: &str, text: &str) {
        self.member_as(place, &format!("{}-{suffix}", place.prefix()), level, at, text);
    }

    fn member_as(&mut self, place: &Place, id: &str, level: Level, at: &str, text: &str) {
        self.findings.push(Finding {
            id: id.to_owned(),
            level,
            side: place.side(),
            at: at.to_owned(),
            text: format!("{} {text}", place.words()),
            target: Target::Member(place.clone()),
        });
    }
}

/// A value as text, cut where it gets long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
