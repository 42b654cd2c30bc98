//! The position of a walk: an operation, a part of the operation, and the steps into that part's schema.

use crate::diff::change::{Level, Side};

/// The prefix of labels and change ids of webhooks.
pub(super) const WEBHOOK: &str = "webhook";

/// The maximum number of steps shown of a member's path.
const LONGEST: usize = 40;

/// An operation by its method and path, or a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Whether the service sends it, as a webhook.
    pub(crate) is_webhook: bool,
    /// The method in lower case.
    pub(crate) method: String,
    /// The path, or a webhook's name.
    pub(crate) path: String,
}

impl Operation {
    /// Returns a label such as `POST /cards` or `webhook au_card`.
    pub(crate) fn label(&self) -> String {
        let kind = if self.is_webhook { WEBHOOK } else { &self.method.to_uppercase() };
        format!("{kind} {}", self.path)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Parameter(String),
    Request,
    /// A response, identified by its status.
    Answer(String),
}

/// A step from a schema into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The components that the old and the new document refer to here.
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

/// The facts about a value that decide the id and the level of a change: who writes the value, and what kind of value
/// it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Role {
    is_webhook: bool,
    is_answer: bool,
    is_parameter: bool,
    is_header: bool,
    /// Whether the value is inside a property.
    is_inner: bool,
    /// Whether the property is required, if the value is that of a property.
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

    /// Returns the member's path, such as `data.attributes.capabilities[]`. The middle of a long path is left out.
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

    /// Describes the place in words.
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
    /// Whether users of the API write the value. The service writes a notification, and the users write its response.
    pub(super) fn is_sent(self) -> bool {
        self.is_answer == self.is_webhook
    }

    pub(super) fn side(self) -> Side {
        if self.is_sent() && !self.is_webhook { Side::Callers } else { Side::Readers }
    }

    /// Returns the level of a change that allows fewer values (`tighter`) or more values. A sender may only send
    /// allowed values. A receiver must handle all of them.
    pub(super) fn verdict(self, tighter: bool) -> Level {
        if tighter == self.is_sent() { Level::Breaking } else { Level::Additive }
    }

    /// Returns the name that change ids use for the value's message.
    pub(super) fn message(self) -> &'static str {
        match (self.is_answer, self.is_webhook) {
            (true, false) => "response",
            (true, true) => "webhook-response",
            (false, false) => "request",
            (false, true) => WEBHOOK,
        }
    }

    /// Returns the prefix of the value's change ids.
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

    /// Returns the role of the value that `steps` lead to.
    pub(super) fn after(self, steps: &[Step]) -> Self {
        let is_inner = self.is_inner || steps.iter().any(|step| matches!(step, Step::Property(_)));
        Self { is_inner, member: None, ..self }
    }

    pub(super) fn of_member(self, member: Option<bool>) -> Self {
        Self { member, ..self }
    }
}
