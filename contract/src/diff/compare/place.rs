//! Where a walk stands: the operation, the part of it, and the way into that part's schema.

use crate::diff::change::{Level, Side};

/// What labels and change ids of webhooks begin with.
pub(super) const WEBHOOK: &str = "webhook";

/// How many steps of a member's path are shown.
const LONGEST: usize = 40;

/// An operation as requests see it, or a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The service sends it, as a webhook.
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
    Header(String),
}

/// What decides how a change is called and judged: who writes the value, and what kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Role {
    is_webhook: bool,
    is_answer: bool,
    is_parameter: bool,
    is_header: bool,
    /// Within a member of the body.
    is_inner: bool,
    /// Of the value of a member: whether that is required.
    pub(super) member: Option<bool>,
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

    pub(super) fn role(&self) -> Role {
        let inner = |step: &Step| matches!(step, Step::Property(_));
        Role {
            is_webhook: self.operation.is_webhook,
            is_answer: matches!(self.part, Part::Answer(_)),
            is_parameter: matches!(self.part, Part::Parameter(_)),
            is_header: self.trail.iter().any(|step| matches!(step, Step::Header(_))),
            is_inner: self.trail.iter().any(inner),
            member: None,
        }
    }

    pub(super) fn side(&self) -> Side {
        self.role().side()
    }

    pub(super) fn verdict(&self, tighter: bool) -> Level {
        self.role().verdict(tighter)
    }

    pub(super) fn message(&self) -> &'static str {
        self.role().message()
    }

    pub(super) fn prefix(&self) -> String {
        self.role().prefix()
    }

    /// `data.attributes.capabilities[]`, without its middle where it is long
    pub(crate) fn member(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for step in &self.trail {
            match step {
                Step::Property(name) if parts.is_empty() => parts.push(name.clone()),
                Step::Property(name) => parts.push(format!(".{name}")),
                Step::Items => parts.push("[]".to_owned()),
                Step::Values => parts.push("{}".to_owned()),
                Step::Into { .. } | Step::Choice | Step::Header(_) => {}
            }
        }
        if parts.len() > LONGEST {
            parts.splice(LONGEST / 2..parts.len() - LONGEST / 2, [".…".to_owned()]);
        }
        parts.concat()
    }

    /// The place in words.
    pub(super) fn words(&self) -> String {
        let part = match &self.part {
            Part::Parameter(name) => format!("parameter `{name}`"),
            Part::Request if self.operation.is_webhook => "notification".to_owned(),
            Part::Request => "request body".to_owned(),
            Part::Answer(_) => "answer".to_owned(),
        };
        let header = self.trail.iter().find_map(|step| match step {
            Step::Header(name) => Some(format!("{part}, header {name}")),
            _ => None,
        });
        let part = header.unwrap_or(part);
        match self.member() {
            member if member.is_empty() => part,
            member => format!("{part}, `{member}`"),
        }
    }
}

impl Role {
    /// Whether those who use the API write it. A notification is the service's, and its answer theirs.
    pub(super) fn is_sent(self) -> bool {
        self.is_answer == self.is_webhook
    }

    pub(super) fn side(self) -> Side {
        if self.is_sent() && !self.is_webhook { Side::Callers } else { Side::Readers }
    }

    /// The verdict on a change that leaves fewer values possible (`tighter`), or more: a sender must keep within them,
    /// a receiver must cope with all of them.
    pub(super) fn verdict(self, tighter: bool) -> Level {
        if tighter == self.is_sent() { Level::Breaking } else { Level::Additive }
    }

    /// The message that the value is in, as change ids call it.
    pub(super) fn message(self) -> &'static str {
        match (self.is_answer, self.is_webhook) {
            (true, false) => "response",
            (true, true) => "webhook-response",
            (false, false) => "request",
            (false, true) => WEBHOOK,
        }
    }

    /// What change ids here begin with.
    pub(super) fn prefix(self) -> String {
        let part = match (self.is_parameter, self.is_header, self.is_inner) {
            (true, _, false) => "parameter",
            (true, _, true) => "parameter-property",
            (_, true, false) => "header",
            (_, true, true) => "header-property",
            (_, _, false) => "body",
            (_, _, true) => "property",
        };
        format!("{}-{part}", self.message())
    }

    /// The role after `steps` from here.
    pub(super) fn after(self, steps: &[Step]) -> Self {
        let is_inner = self.is_inner || steps.iter().any(|step| matches!(step, Step::Property(_)));
        Self { is_inner, member: None, ..self }
    }

    pub(super) fn of_member(self, member: Option<bool>) -> Self {
        Self { member, ..self }
    }
}
