use std::{fmt, ops::Deref};

use cmp_generated::{lenient::LONGEST_TEXT, scalar::Text};

use crate::scrub::{looks_like_a_pan, scrub};

/// A text from outside: as it came for the caller, scrubbed in `Debug`, because nobody promises that there is no PAN in it.
///
/// Every text of an answer, a notification or a store is kept as this, and never as a `String`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Outside(String);

impl Outside {
    /// `None` if it is longer than any text of the API.
    pub(crate) fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (text.len() <= LONGEST_TEXT).then_some(Self(text))
    }

    pub(crate) fn of(text: Option<Text>) -> Option<Self> {
        text.map(Text::into_inner).and_then(Self::new)
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
        scrub(&self.0).fmt(f)
    }
}

/// Several texts from outside.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct OutsideList(Vec<String>);

impl FromIterator<Outside> for OutsideList {
    fn from_iter<I: IntoIterator<Item = Outside>>(texts: I) -> Self {
        Self(texts.into_iter().map(|text| text.0).collect())
    }
}

impl Deref for OutsideList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for OutsideList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST_SHOWN: usize = 50;
        f.debug_list().entries(self.0.iter().take(MOST_SHOWN).map(|text| scrub(text))).finish()
    }
}

/// A trace id: what VGS support asks for. It is shown everywhere, so what a PAN may be in is not one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TraceId(String);

impl TraceId {
    const LONGEST: usize = 64;

    pub(crate) fn new(id: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (fits && !looks_like_a_pan(id)).then(|| Self(id.to_owned()))
    }

    pub(crate) fn of(text: Option<&Text>) -> Option<Self> {
        text.and_then(|text| Self::new(text.as_str()))
    }
}

impl Deref for TraceId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_can_be_shown() {
        for good in [
            "a53745b329848122089f5f65bf9380a0",
            "9f8b7a6c-1234-4321-8765-123456789012",
            "1-5759e988-bd862e3fe1be46a994272793",
            "abc",
        ] {
            assert_eq!(TraceId::new(good).as_deref(), Some(good));
        }
        for bad in [
            "4111111111111111",
            "a4111111111111111",
            "4111-1111-1111-1111",
            "4111_1111_1111_1111",
            "4111 1111 1111 1111",
            "\u{202e}abc",
            "a\nb",
            "",
            &"a".repeat(65),
        ] {
            assert_eq!(TraceId::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_text_is_bounded_and_scrubbed() {
        assert_eq!(Outside::new("x".repeat(LONGEST_TEXT + 1)), None);
        let text = Outside::new("pan 4111 1111 1111 1111\u{202e}").unwrap();
        assert_eq!(&*text, "pan 4111 1111 1111 1111\u{202e}");
        assert!(!format!("{text:?} {text:#?}").contains("1111"));
        assert!(!format!("{text:?}").contains('\u{202e}'));
    }
}
