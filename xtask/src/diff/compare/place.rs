//! Where a walk stands: the operation, the part of it, and the way into that part's schema.

use crate::diff::change::{Level, Side};

/// What labels and change ids of webhooks begin with.
pub(super) const WEBHOOK: &str = "webhook";

/// An operation as requests see it, or a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The service sends it, to whoever is told.
    pub(crate) is_webhook: bool,
    /// In lower case.
    pub(crate) method: String,
    /// A webhook's name.
    pub(crate) path: String,
}

impl Operation {
    /// `POST /cards`, `webhook au_card`
    pub(crate) fn label(&self) -> String {
        let kind = if self.is_webhook { WEBHOOK } else { &self.method.to_uppercase() };
        format!("{kind} {}", self.path)
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

    /// Whether those who use the API write it. A notification is the service's, and its answer theirs.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.part, Part::Answer(_)) == self.operation.is_webhook
    }

    pub(super) fn side(&self) -> Side {
        if self.is_sent() && !self.operation.is_webhook { Side::Callers } else { Side::Readers }
    }

    /// The verdict on a change that leaves fewer values possible (`tighter`), or more: a sender must keep within them,
    /// a receiver must cope with all of them.
    pub(super) fn verdict(&self, tighter: bool) -> Level {
        if tighter == self.is_sent() { Level::Breaking } else { Level::Additive }
    }

    /// The message that the place is in, as change ids call it.
    pub(super) fn message(&self) -> &'static str {
        match (&self.part, self.operation.is_webhook) {
            (Part::Answer(_), false) => "response",
            (Part::Answer(_), true) => "webhook-response",
            (_, false) => "request",
            (_, true) => WEBHOOK,
        }
    }

    /// What change ids here begin with.
    pub(super) fn prefix(&self) -> String {
        let whole = !self.trail.iter().any(|step| matches!(step, Step::Property(_)));
        let part = match (&self.part, whole) {
            (Part::Parameter(_), true) => "parameter",
            (Part::Parameter(_), false) => "parameter-property",
            (_, true) => "body",
            (_, false) => "property",
        };
        format!("{}-{part}", self.message())
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
            Part::Request if self.operation.is_webhook => "notification".to_owned(),
            Part::Request => "request body".to_owned(),
            Part::Answer(_) => "answer".to_owned(),
        };
        match self.member() {
            member if member.is_empty() => part,
            member => format!("{part}, `{member}`"),
        }
    }
}
