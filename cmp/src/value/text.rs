use std::{fmt, ops::Deref};

use cmp_generated::{lenient::LONGEST_TEXT, scalar};

use super::{InvalidInput, read::read_as_text};
use crate::scrub::{has_a_given_pan, looks_like_a_pan, scrub};

/// A text that the service, a notification or a store wrote.
///
/// It dereferences to `str`. `Debug` masks digits that may be a card number and escapes control characters, so that a log
/// of a whole answer is safe. There is no `Display`: `&*text` is the text in clear.
///
/// ```
/// let text = cmp::Text::from("called about 4111 1111 1111 1111");
/// assert_eq!(text, "called about 4111 1111 1111 1111");
/// assert!(!format!("{text:?}").contains("1111"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Keeps a text of an answer. `None` if it is longer than any text of the API.
    pub(crate) fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (text.len() <= LONGEST_TEXT).then_some(Self(text))
    }

    /// Keeps a text of an answer, whose reader has checked the length.
    pub(crate) fn of(text: Option<scalar::Text>) -> Option<Self> {
        text.map(|text| Self(text.into_inner()))
    }

    /// Returns `true` if the text contains a plausible card number (issuer prefix and Luhn check), with or without separators.
    /// A text that [`CardId`](crate::CardId) takes gives `false`. Ask
    /// before you store a text in the clear.
    ///
    /// ```
    /// use cmp::Text;
    ///
    /// assert!(Text::from("4111 1111 1111 1111").may_contain_pan());
    /// assert!(!Text::from("row 1795000000000000017").may_contain_pan());
    /// ```
    #[must_use]
    pub fn may_contain_pan(&self) -> bool {
        has_a_given_pan(self)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scrub(&self.0).fmt(f)
    }
}

read_as_text!(Text, "text", |text| Text::new(text).ok_or(InvalidInput::new("text", "is too long")));

/// A trace id: the id of a request that VGS support asks for. It can be shown, because no PAN can be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    const LONGEST: usize = 64;

    pub(crate) fn new(id: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (fits && !looks_like_a_pan(id)).then(|| Self(id.to_owned()))
    }

    pub(crate) fn of(text: Option<&scalar::Text>) -> Option<Self> {
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

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
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
            assert_eq!(format!("{:?}", TraceId::new(good).unwrap()), format!("{good:?}"));
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
        assert_eq!(Text::new("x".repeat(LONGEST_TEXT + 1)), None);
        let text = Text::new("pan 4111 1111 1111 1111\u{202e}").unwrap();
        assert_eq!(&*text, "pan 4111 1111 1111 1111\u{202e}");
        assert!(!format!("{text:?} {text:#?}").contains("1111"));
        assert!(!format!("{text:?}").contains('\u{202e}'));
    }
}
