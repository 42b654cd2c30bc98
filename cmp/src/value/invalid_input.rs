/// A value that a type of this crate refuses. The message names the field and the rule, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid {field}: {rule}")]
pub struct InvalidInput {
    field: &'static str,
    rule: &'static str,
}

impl InvalidInput {
    pub(crate) const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }

    /// Which value was refused.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}
