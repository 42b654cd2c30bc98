//! Where a walk stands: the operation, the part of it, and the way into that part's schema.

use crate::diff::change::{Level, Side};

/// An operation as requests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// In lower case.
    pub(crate) method: String,
    pub(crate) path: String,
}

impl Operation {
    /// `POST /cards`
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Parameter(String),
    Request,
    /// An answer, by its status.
    Answer(String),
}

/// A step from a schema into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The component that the old and the new document refer to here.
    Into {
        old: Option<String>,
        new: Option<String>,
    },
    Property(String),
    Items,
    Values,
    Choice,
}

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) operation: Operation,
    pub(crate) part: Part,
    pub(crate) trail: Vec<Step>,
}

impl Place {
    pub(super) fn new(operation: &Operation, part: Part) -> Self {
        Self { operation: operation.clone(), part, trail: Vec::new() }
    }

    pub(super) fn step(&self, step: Step) -> Self {
        let mut place = self.clone();
        place.trail.push(step);
        place
    }

    pub(super) fn is_sent(&self) -> bool {
        !matches!(self.part, Part::Answer(_))
    }

    pub(super) fn side(&self) -> Side {
        if self.is_sent() { Side::Callers } else { Side::Readers }
    }

    /// The verdict on a change that leaves fewer values possible (`tighter`), or more: a sender must keep within them,
    /// a receiver must cope with all of them.
    pub(super) fn verdict(&self, tighter: bool) -> Level {
        if tighter == self.is_sent() { Level::Breaking } else { Level::Additive }
    }

    /// What change ids here begin with.
    pub(super) fn prefix(&self) -> &'static str {
        let whole = !self.trail.iter().any(|step| matches!(step, Step::Property(_)));
        match (&self.part, whole) {
            (Part::Parameter(_), true) => "request-parameter",
            (Part::Parameter(_), false) => "request-parameter-property",
            (Part::Request, true) => "request-body",
            (Part::Request, false) => "request-property",
            (Part::Answer(_), true) => "response-body",
            (Part::Answer(_), false) => "response-property",
        }
    }

    /// `data.attributes.capabilities[]`
    pub(crate) fn member(&self) -> String {
        let mut out = String::new();
        for step in &self.trail {
            match step {
                Step::Property(name) if out.is_empty() => out.push_str(name),
                Step::Property(name) => out = out + "." + name,
                Step::Items => out.push_str("[]"),
                Step::Values => out.push_str("{}"),
                Step::Into { .. } | Step::Choice => {}
            }
        }
        out
    }

    /// The place in words.
    pub(super) fn words(&self) -> String {
        let part = match &self.part {
            Part::Parameter(name) => format!("parameter `{name}`"),
            Part::Request => "request body".to_owned(),
            Part::Answer(_) => "answer".to_owned(),
        };
        match self.member() {
            member if member.is_empty() => part,
            member => format!("{part}, `{member}`"),
        }
    }
}
