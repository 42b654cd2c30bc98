//! Each decoder of bytes from outside as a function of bytes, with what must hold for any bytes: no panic, no card
//! number in an output, outputs of bounded size, and stored values that come back as they were.
//!
//! The fuzz targets in `fuzz/` are these functions. `tests/tests/decoders.rs` runs each for a moment.

#![expect(clippy::missing_panics_doc, reason = "a panic is what each function is run for")]

mod service;
mod values;
mod webhook;

use std::{error::Error, sync::LazyLock};

use cmp::Text;
pub use cmp_contract::decoders::{comparison, correction, fragment, page};
pub use service::{answer, response, retry_after, token};
pub use values::{PARSED, STORED, stored, text};
pub use webhook::webhook;

use crate::marks::{PLANTED, forms};

/// A decoder and the name of its fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// The fuzz target, and its folder of seeds
    pub name: &'static str,
    /// Decodes the bytes, and panics if something is wrong.
    pub decode: fn(&[u8]),
}

/// All of them.
pub const ALL: [Decoder; 11] = [
    Decoder { name: "answer", decode: answer },
    Decoder { name: "comparison", decode: comparison },
    Decoder { name: "correction", decode: correction },
    Decoder { name: "fragment", decode: fragment },
    Decoder { name: "page", decode: page },
    Decoder { name: "response", decode: response },
    Decoder { name: "retry_after", decode: retry_after },
    Decoder { name: "stored", decode: stored },
    Decoder { name: "text", decode: text },
    Decoder { name: "token", decode: token },
    Decoder { name: "webhook", decode: webhook },
];

/// What an error may take, whatever it is about.
const LONGEST_ERROR: usize = 4_000;
/// A card number has at least this many digits.
const CARD_NUMBER: usize = 12;

/// Fails if a card number, or what could be one, is in the text: a word of digits, the number of an issued card in whatever
/// groups and next to whatever letters, or any form of the number that the damages put in, but for base64, which an id may be.
/// Other digits beside letters are part of an id.
#[track_caller]
fn assert_shows_no_pan(shown: &str) {
    let mut words = shown.split(|c: char| !c.is_ascii_alphanumeric());
    let number =
        words.find(|word| word.len() >= CARD_NUMBER && word.bytes().all(|octet| octet.is_ascii_digit()));
    assert_eq!(number, None, "{shown}");
    // A time in nanoseconds has as many digits.
    let is_time = |word: &str| word.len() >= 20 && word.as_bytes()[10] == b'T' && word.ends_with('Z');
    let words = shown.split_inclusive([' ', '(', ')', ',']);
    let words: String = words.filter(|word| !is_time(word.trim_end_matches([' ', ')', ',', '\n']))).collect();
    assert!(!Text::from(words).may_contain_pan(), "{shown}");
    static FORMS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
        forms(PLANTED.value).into_iter().filter(|(form, _)| !form.contains("base64")).collect()
    });
    let form = FORMS.iter().find(|(_, form)| shown.contains(form));
    assert_eq!(form, None, "{shown}");
}

/// Checks every text of an error and of its sources.
#[track_caller]
fn check_error(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        for shown in [format!("{error}"), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!shown.is_empty() && shown.len() < LONGEST_ERROR, "{} bytes: {shown}", shown.len());
            assert!(!shown.contains(is_unprintable), "{shown:?}");
            assert_shows_no_pan(&shown);
        }
        next = error.source();
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control() && c != '\n'
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::assert_shows_no_pan;

    #[test]
    fn a_card_number_is_found_however_it_is_written() {
        for shown in [
            "4111111111111111",
            "4111-1111-1111-1111",
            "4111 1111 1111 1111",
            "x4111111111111111",
            "card_4111111111111111_1",
            "4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1",
            "510026000001",
            "378282246310005y",
            "3782 822463 10005",
            "501800000009",
        ] {
            let shown = format!("Card {{ id: \"{shown}\" }}");
            panic::catch_unwind(|| assert_shows_no_pan(&shown)).expect_err(&shown);
        }
        for shown in
            ["CRD12345678901x2345", "a53745b329848122089f5f65bf9380a0", "4111 11** at 2025-01-15T10:00:00Z"]
        {
            assert_shows_no_pan(shown);
        }
    }
}
