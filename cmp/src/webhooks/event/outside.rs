use std::{fmt, ops::Deref};

/// A text from outside: as it is for who asks, scrubbed in `Debug`, because nobody promises that there is no PAN in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Outside(String);

impl Outside {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for Outside {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::scrub::scrub(&self.0).fmt(f)
    }
}
