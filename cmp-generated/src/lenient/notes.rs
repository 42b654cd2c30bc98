/// The maximum number of listed members. An answer with more unreadable members does not have the contract's form at
/// all.
const MOST: usize = 64;

/// The current position in a document, and the members that could not be read.
#[derive(Debug, Default)]
pub struct Notes {
    depth: usize,
    /// The names on the way to the current position. Kept only if unreadable members are listed.
    path: Vec<String>,
    found: Option<Vec<String>>,
    /// A guess is allowed, because reading starts over if it was wrong.
    pub(crate) may_guess: bool,
    /// The document has a member `data` that could be read.
    pub(super) has_data: bool,
    /// The document has `errors`, although its type has no such member.
    pub(super) has_errors: bool,
}

impl Notes {
    pub(super) fn listing() -> Self {
        Self { found: Some(Vec::new()), ..Self::default() }
    }

    #[inline]
    pub(crate) fn enter(&mut self, name: &str) {
        self.depth += 1;
        if self.found.is_some() {
            self.path.push(name.to_owned());
        }
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
        if self.found.is_some() {
            self.path.pop();
        }
    }

    /// Moves to the next entry of a list, and forgets the kind of the last one.
    pub(crate) fn next_entry(&mut self) {
        self.leave();
        self.enter("[]");
    }

    /// Notes the kind of the current list entry.
    pub(crate) fn kind(&mut self, kind: &str) {
        if let (Some(_), Some(last)) = (&self.found, self.path.last_mut()) {
            *last = format!("[{kind}]");
        }
    }

    pub(super) fn is_at_the_top(&self) -> bool {
        self.depth == 0
    }

    /// Notes the value at the current position as unreadable if `is_read` is `false`. Returns `is_read`.
    pub(super) fn noted(&mut self, is_read: bool) -> bool {
        if !is_read {
            self.unreadable();
        }
        is_read
    }

    /// Notes that the value at the current position can't be read.
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
