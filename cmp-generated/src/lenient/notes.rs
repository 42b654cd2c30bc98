use std::borrow::Cow;

/// More is not worth to be listed: an answer with so many has another form than the contract's.
const MOST: usize = 64;

/// Where reading stands, and which members it could not read.
#[derive(Debug, Default)]
pub struct Notes {
    depth: usize,
    /// Kept only where somebody wants to know what could not be read.
    path: Vec<Cow<'static, str>>,
    found: Option<Vec<String>>,
    /// Reading starts over if a guess was wrong.
    pub(crate) may_guess: bool,
    /// There is a member `data` that could be read.
    pub(super) has_data: bool,
    /// There is a list of errors in a document that is not one of errors.
    pub(super) has_errors: bool,
}

impl Notes {
    pub(super) fn listing() -> Self {
        Self { found: Some(Vec::new()), ..Self::default() }
    }

    pub(crate) fn enter(&mut self, name: &'static str) {
        self.depth += 1;
        if self.found.is_some() {
            self.path.push(Cow::Borrowed(name));
        }
    }

    /// Enters a member whose name comes from outside.
    pub(crate) fn enter_named(&mut self, name: &str) {
        self.depth += 1;
        if self.found.is_some() {
            self.path.push(Cow::Owned(name.to_owned()));
        }
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
        self.path.pop();
    }

    /// Forgets the kind of the last entry of a list.
    pub(crate) fn next_entry(&mut self) {
        self.leave();
        self.enter("[]");
    }

    /// Notes the kind of a list's entry.
    pub(crate) fn kind(&mut self, kind: &str) {
        if let (Some(_), Some(last)) = (&self.found, self.path.last_mut()) {
            *last = Cow::Owned(format!("[{kind}]"));
        }
    }

    pub(super) fn is_at_the_top(&self) -> bool {
        self.depth == 0
    }

    /// Notes that what stands here can't be read, unless it could be.
    pub(super) fn noted(&mut self, is_read: bool) -> bool {
        if !is_read {
            self.unreadable();
        }
        is_read
    }

    /// Notes that what stands here can't be read.
    pub(crate) fn unreadable(&mut self) {
        if let Some(found) = self.found.as_mut().filter(|found| found.len() < MOST) {
            let path = self.path.iter().enumerate().map(|(index, name)| {
                let separator = if index == 0 || name.starts_with('[') { "" } else { "." };
                format!("{separator}{name}")
            });
            let path: String = path.collect();
            if found.last() != Some(&path) {
                found.push(path);
            }
        }
    }

    pub(super) fn into_found(self) -> Vec<String> {
        self.found.unwrap_or_default()
    }
}
