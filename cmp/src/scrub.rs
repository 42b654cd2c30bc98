//! Makes text from outside fit to be shown.
//!
//! An error answer may repeat what was sent. A PAN is a run of digits and so is a CVC; a cryptogram or a token is one
//! long word. Whatever looks like either is masked, at the price of a few harmless numbers.

const MASK: &str = "***";
const LONGEST_TEXT: usize = 300;
const LONGEST_WORD: usize = 40;
const DIGITS_THAT_MAY_BE_SECRET: usize = 3;
const SECRET_LIKE_WORD: usize = 12;

/// One line of text from outside with all that may be secret masked.
pub(crate) fn scrub(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        if shown.len() + word.len().min(LONGEST_WORD) > LONGEST_TEXT {
            shown.push_str(" …");
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&scrub_word(word));
    }
    shown
}

/// A JSON path or pointer from outside, each of its members scrubbed.
pub(crate) fn scrub_path(path: &str) -> String {
    path.split_inclusive(['.', '/', '[', ']']).map(scrub_word).collect()
}

/// Whether this is a short word of letters, `-`, `_` and `.`, with too few digits to be a number of interest.
pub(crate) fn is_plain_word(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= LONGEST_WORD
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && digits_in(word) < DIGITS_THAT_MAY_BE_SECRET
}

/// Whether this can be the name of something in the API, and can't hold a secret, as far as can be told.
pub(crate) fn is_harmless_name(word: &str) -> bool {
    is_plain_word(word) && scrub_word(word) == word
}

fn scrub_word(word: &str) -> String {
    let opaque = word.len() >= SECRET_LIKE_WORD && word.bytes().any(|byte| matches!(byte, b'+' | b'='));
    let mixed = word.len() >= SECRET_LIKE_WORD && digits_in(word) > 0;
    if word.len() > LONGEST_WORD || opaque || mixed || digits_in(word) >= DIGITS_THAT_MAY_BE_SECRET {
        return MASK.to_owned();
    }
    word.chars().filter(|c| !c.is_control()).collect()
}

/// Digits of any script: a PAN in Arabic digits is still a PAN.
fn digits_in(word: &str) -> usize {
    word.chars().filter(|c| c.is_numeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_masked() {
        for secret in [
            "4111111111111111",
            "4111-1111-1111-1111",
            "(4111111111111111)",
            "123",
            "JWrMYLqNQjmEHQDAZbSx+A==",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "٤١١١١١١١١١١١١١١١",
        ] {
            assert_eq!(scrub(&format!("bad value {secret} here")), "bad value *** here", "{secret}");
            assert!(!scrub_path(&format!("data.{secret}")).contains(secret), "{secret}");
        }
        assert_eq!(scrub("4111 1111 1111 1111"), "*** *** *** ***");
    }

    #[test]
    fn names_are_told_from_what_could_be_secret() {
        for name in ["a_later_member", "later-value", "is3ds"] {
            assert!(is_harmless_name(name), "{name}");
        }
        for secret in ["4.1.1.1.1.1.1.1", "JWrMYLqNQjmEHQDAZbSx9A", "Jane Doe", "411111", ""] {
            assert!(!is_harmless_name(secret), "{secret}");
        }
    }

    #[test]
    fn ordinary_messages_stay_readable() {
        let text = "Field 'exp_month' must be between 1 and 12";
        assert_eq!(scrub(text), text);
        assert_eq!(scrub_path("/data/attributes/exp_month"), "/data/attributes/exp_month");
        assert_eq!(scrub("two\r\nlines\u{1b}[31m"), "two lines[31m");
    }

    #[test]
    fn long_text_is_cut() {
        assert!(scrub(&"word ".repeat(1000)).len() < 320);
    }
}
